"""The builds that a question is about: whose they are, when they ended, and which part of them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from buildgate.domain.builds import BuildHead
from buildgate.domain.errors import NotFound
from buildgate.domain.metrics import advice as advising
from buildgate.domain.metrics import caches, fingerprints, scores
from buildgate.domain.metrics import spending as spends
from buildgate.domain.metrics import trends as moves
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.metrics.summary import Summary, summarise
from buildgate.domain.metrics.windows import Window, days_of_builds, filled

if TYPE_CHECKING:
    from buildgate.ports import BuildRecords, Clock, Pipelines
    from buildgate.usecases.analysis_ports import Totals

MOST_BUILDS = 5_000
"""Analyses build by build look at so many of the newest; the answer says how many it saw."""
_FORECAST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Part:
    """Which builds of a scope a question is about; an empty field means all. ``stage`` is a stage's name."""

    branch: str = ""
    compute: str = ""
    stage: str = ""
    pipeline: str = ""

    @property
    def is_all(self) -> bool:
        return not (self.branch or self.compute or self.stage or self.pipeline)

    def has(self, head: BuildHead) -> bool:
        return (
            self.branch in {"", head.branch}
            and self.compute in {"", head.compute_type}
            and self.stage in {"", head.stage}
            and self.pipeline in {"", head.pipeline}
        )


@dataclass(frozen=True, slots=True)
class Members:
    """Which projects build for a scope."""

    totals: Totals
    pipelines: Pipelines

    def of(self, scope: Scope) -> Sequence[str]:
        """Return the projects of a scope: a team's or cost centre's as tags say now, a pipeline's of any version."""
        if scope.kind == "PROJECT":
            return [scope.name]
        if scope.kind == "PIPELINE":
            return self._of_pipeline(scope.name)
        owners = self.totals.owners()
        if scope.kind == "TEAM":
            return [name for name, owner in owners.items() if owner.team == scope.name]
        if scope.kind == "COST":
            return [name for name, owner in owners.items() if owner.cost_centre == scope.name]
        return list(owners)

    def _of_pipeline(self, name: str) -> Sequence[str]:
        if self.pipelines.head(name) is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        found = (self.pipelines.version(name, one.version) for one in self.pipelines.versions(name))
        return sorted({project for pipeline in found if pipeline is not None for project in pipeline.projects})


class Selection:
    """One scope over one window, or a part of it. Days come in one query, builds in one a project, when asked for."""

    def __init__(
        self, records: BuildRecords, totals: Totals, members: Members, scope: Scope, window: Window, part: Part
    ) -> None:
        self._records = records
        self._totals = totals
        self._members = members
        self.scope = scope
        self.window = window
        self.part = part

    @property
    def name(self) -> str:
        return self.scope.name

    @cached_property
    def projects(self) -> Sequence[str]:
        """The projects whose builds these are.

        Raises:
            NotFound: There is no such pipeline.
        """
        return self._members.of(self.scope)

    @property
    def part_of_projects(self) -> Part:
        """The same part, for a question to each project by itself."""
        return replace(self.part, pipeline=self.scope.name) if self.scope.kind == "PIPELINE" else self.part

    @property
    def has_shown_builds(self) -> bool:
        """Whether what was read so far holds a build; reads nothing."""
        known = self.__dict__
        return bool(known.get("heads")) or any(day.counters for day in known.get("days", ()))

    @cached_property
    def heads(self) -> Sequence[BuildHead]:
        """The finished builds, newest first, at most ``MOST_BUILDS``."""
        return self._heads(self.window)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more builds than were looked at."""
        return len(self.heads) == MOST_BUILDS

    @cached_property
    def days(self) -> list[DayTotals]:
        if self.by_builds:
            return days_of_builds(self.window.days, self.heads)
        return self._stored(self.window)

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.days, window_days=len(self.days))

    @cached_property
    def score(self) -> scores.Score:
        """How the window compares with the one of the same length before it: both in one query."""
        before = self.window.before
        if self.by_builds:
            return scores.score_v2(self.summary, self._summary(days_of_builds(before.days, self._heads(before))))
        both = self._stored(Window(before.first, self.window.last))
        cut = len(before.days)
        self.__dict__.setdefault("days", both[cut:])
        return scores.score_v2(self.summary, self._summary(both[:cut]))

    @staticmethod
    def _summary(days: list[DayTotals]) -> Summary:
        return summarise(days, window_days=len(days))

    @cached_property
    def trends(self) -> Sequence[moves.Trend]:
        return moves.trends(self.days)

    @cached_property
    def changes(self) -> Sequence[moves.ChangePoint]:
        """Where the duration changed, project by project: builds of different projects have no common level."""
        by_project: dict[str, list[BuildHead]] = {}
        for head in self.heads:
            by_project.setdefault(head.project, []).append(head)
        found = [change for heads in by_project.values() for change in moves.change_points(heads)]
        return sorted(found, key=lambda change: change.at)

    @cached_property
    def cache(self) -> caches.CacheAnalysis:
        return caches.analyse_cache(self.heads)

    @cached_property
    def failures(self) -> Sequence[fingerprints.Failure]:
        return fingerprints.failures(self.heads)

    def spending(self, clock: Clock) -> spends.Spending:
        now = clock.now()
        past = Window.last_days(now, max(_FORECAST_DAYS, now.day))
        days = self._stored(past) if self.part.is_all else days_of_builds(past.days, self._heads(past))
        return spends.spending(self.days, self.heads, past=days, now=now)

    def evidence(self, clock: Clock) -> advising.Evidence:
        """Return what advice is made from."""
        return advising.Evidence(
            self.name,
            len(self.days),
            self.summary,
            self.cache,
            self.spending(clock),
            self.failures,
            self.changes,
        )

    @property
    def by_builds(self) -> bool:
        """Whether the answer comes from builds one by one: days know no part, and no hours."""
        return not (self.window.is_whole and self.part.is_all)

    def _stored(self, window: Window) -> list[DayTotals]:
        days = window.days
        return filled(days, self._records.days(self.scope, days))

    def _heads(self, window: Window) -> Sequence[BuildHead]:
        found = (self._totals.finished_between(name, window.first, window.last) for name in self.projects)
        merged = heapq.merge(*found, key=lambda head: head.started_at, reverse=True)
        return list(itertools.islice(self._own(merged), MOST_BUILDS))

    def _own(self, heads: Iterator[BuildHead]) -> Iterator[BuildHead]:
        part = self.part_of_projects
        return (head for head in heads if part.has(head))
