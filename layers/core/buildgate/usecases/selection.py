"""The builds that a question is about: whose they are, when they ended, and which part of them."""

from __future__ import annotations

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
from buildgate.domain.metrics.windows import Window, days_of_builds
from buildgate.usecases.window_reads import ListedBuilds, StoredDays, place_of

if TYPE_CHECKING:
    from datetime import datetime

    from buildgate.ports import BuildRecords, Clock, Pipelines
    from buildgate.usecases.analysis_ports import Totals

MOST_BUILDS = 5_000
"""Analyses build by build look at so many of the newest unless they are told otherwise; totals leave none out."""
_FORECAST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Part:
    """Which builds of a scope a question is about; an empty field means all. ``stage`` is a stage's name."""

    branch: str = ""
    compute: str = ""
    stage: str = ""
    pipeline: str = ""
    cost_centre: str = ""

    @property
    def is_all(self) -> bool:
        return not (self.branch or self.compute or self.stage or self.pipeline or self.cost_centre)

    def has(self, head: BuildHead) -> bool:
        return (
            self.branch in {"", head.branch}
            and self.compute in {"", head.compute_type}
            and self.stage in {"", head.stage}
            and self.pipeline in {"", head.pipeline}
            and self.cost_centre in {"", head.owner.cost_centre}
        )


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a selection reads."""

    records: BuildRecords
    totals: Totals
    pipelines: Pipelines


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
    """One scope over one window, or a part of it. Days come in one query, builds in one a project, when asked for.

    Totals leave no build out, however many there are. What is made of single builds looks at ``most`` of the newest.
    """

    def __init__(self, stores: Stores, scope: Scope, window: Window, part: Part, most: int = MOST_BUILDS) -> None:
        self._stores = stores
        self._stored = StoredDays(stores.records, scope)
        self.scope = scope
        self.window = window
        self.part = part
        self.most = most
        self._spending: spends.Spending | None = None
        self.is_cut = False
        """Whether there are more builds than were looked at; what reads no builds leaves none out."""

    @property
    def name(self) -> str:
        return self.scope.name

    @cached_property
    def projects(self) -> Sequence[str]:
        """The projects whose builds these are.

        Raises:
            NotFound: There is no such pipeline.
        """
        return Members(self._stores.totals, self._stores.pipelines).of(self.scope)

    @property
    def part_of_projects(self) -> Part:
        """The same part, for a question to each project by itself."""
        return replace(self.part, pipeline=self.scope.name) if self.scope.kind == "PIPELINE" else self.part

    @property
    def has_shown_builds(self) -> bool:
        """Whether what was read so far holds a build; reads nothing."""
        known = self.__dict__
        return bool(known.get("heads")) or not all(day.is_empty for day in known.get("days", ()))

    @cached_property
    def heads(self) -> Sequence[BuildHead]:
        """The finished builds, newest first, at most ``most``."""
        return self._noted(self._builds.of(self.window))

    @cached_property
    def days(self) -> list[DayTotals]:
        """Every day of the window, with all of its builds."""
        if self.part.is_all:
            return self._days(self.window)
        builds = self._builds.of(self.window)
        first = list(itertools.islice(builds, self.most))
        days = days_of_builds(self.window.days, itertools.chain(first, self._past(builds)))
        self.__dict__.setdefault("heads", first)
        return days

    def page(self, after: str, limit: int) -> tuple[Sequence[BuildHead], str | None]:
        """Return a page of the finished builds, newest first, and the place after which the next one begins."""
        found = list(itertools.islice(self._builds.of(self.window, after=after, page=limit + 1), limit + 1))
        page = found[:limit]
        self.__dict__.setdefault("heads", page)
        return page, place_of(page[-1]) if len(found) > limit else None

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.days, window_days=len(self.days))

    @cached_property
    def score(self) -> scores.Score:
        """How the window compares with the one of the same length before it: both in one query."""
        before = self.window.before
        if self.part.is_all and self.window.is_whole:
            self.__dict__.setdefault("days", self._stored.of(self.window, beside=before))
        return scores.score_v2(self.summary, self._summary(self._days(before)))

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
        """Return the cost analysis; asked again, the same."""
        if self._spending is None:
            self._spending = self._spent(clock.now())
        return self._spending

    def _spent(self, now: datetime) -> spends.Spending:
        past = Window.last_days(now, max(_FORECAST_DAYS, now.day))
        if self.part.is_all and self.window.is_whole:
            self.__dict__.setdefault("days", self._stored.of(self.window, beside=past))
        return spends.spending(self.days, self.heads, past=self._days(past), now=now)

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

    def _days(self, window: Window) -> list[DayTotals]:
        """Return a window's days: stored ones where whole days are asked for, others counted from their builds."""
        if not self.part.is_all:
            return days_of_builds(window.days, self._builds.of(window))
        if window.is_whole:
            return self._stored.of(window)
        known = {} if window.whole_part is None else {day.day: day for day in self._stored.of(window.whole_part)}
        counted = days_of_builds(window.days, itertools.chain.from_iterable(map(self._builds.of, window.edges)))
        return [known.get(day.day, day) for day in counted]

    @cached_property
    def _builds(self) -> ListedBuilds:
        return ListedBuilds(self._stores.totals, self.projects, self.part_of_projects.has)

    def _noted(self, builds: Iterator[BuildHead]) -> Sequence[BuildHead]:
        """Return the first builds, and note whether there are more."""
        found = list(itertools.islice(builds, self.most + 1))
        self.is_cut = len(found) > self.most
        return found[: self.most]

    def _past(self, builds: Iterator[BuildHead]) -> Iterator[BuildHead]:
        """Yield the builds that are left, and note that there are some."""
        for head in builds:
            self.is_cut = True
            yield head
