"""Answers about builds: reads what a question needs, once, and leaves the answer to the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from buildgate.domain.builds import BuildHead
from buildgate.domain.metrics import advice as advising
from buildgate.domain.metrics import caches, fingerprints, peers, scores
from buildgate.domain.metrics import spending as spends
from buildgate.domain.metrics import trends as moves
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.metrics.summary import Summary, summarise
from buildgate.domain.metrics.windows import Window, days_of_builds, filled

if TYPE_CHECKING:
    from buildgate.ports import BuildRecords, Clock
    from buildgate.usecases.analysis_ports import Totals

MOST_BUILDS = 5_000
"""Analyses build by build look at so many of the newest; the answer says how many it saw."""
_FORECAST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Part:
    """Which builds of a project a question is about; an empty field means all."""

    branch: str = ""
    compute: str = ""
    stage: str = ""

    @property
    def is_all(self) -> bool:
        return not (self.branch or self.compute or self.stage)

    def has(self, head: BuildHead) -> bool:
        return (
            self.branch in {"", head.branch}
            and self.compute in {"", head.compute_type}
            and self.stage in {"", head.stage}
        )


class ProjectWindow:
    """One project over one window. Days come in one query, builds in one; each only when it is asked for."""

    def __init__(self, records: BuildRecords, totals: Totals, project: str, window: Window, part: Part) -> None:
        self._records = records
        self._totals = totals
        self.project = project
        self.window = window
        self.part = part

    @cached_property
    def heads(self) -> Sequence[BuildHead]:
        """The window's finished builds, newest first, at most ``MOST_BUILDS``."""
        return self._heads(self.window)

    @cached_property
    def days(self) -> list[DayTotals]:
        return self._days(self.window, self.heads if self._by_builds else ())

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.days, window_days=len(self.days))

    @cached_property
    def score(self) -> scores.Score:
        """How the window compares with the one of the same length before it."""
        before = self.window.before
        return scores.score_v2(self.days, self._days(before, self._heads(before) if self._by_builds else ()))

    @cached_property
    def trends(self) -> Sequence[moves.Trend]:
        return moves.trends(self.days)

    @cached_property
    def changes(self) -> Sequence[moves.ChangePoint]:
        return moves.change_points(self.heads)

    @cached_property
    def cache(self) -> caches.CacheAnalysis:
        return caches.analyse_cache(self.heads)

    @cached_property
    def failures(self) -> Sequence[fingerprints.Failure]:
        return fingerprints.failures(self.heads)

    def spending(self, clock: Clock) -> spends.Spending:
        now = clock.now()
        past = Window.last_days(now, max(_FORECAST_DAYS, now.day))
        days = self._days(past, self._heads(past) if not self.part.is_all else (), by_builds=not self.part.is_all)
        return spends.spending(self.days, self.heads, past=days, now=now)

    def advice(self, clock: Clock) -> Sequence[advising.Advice]:
        return advising.advise(
            advising.Evidence(
                self.project,
                len(self.days),
                self.summary,
                self.cache,
                self.spending(clock),
                self.failures,
                self.changes,
            )
        )

    @property
    def _by_builds(self) -> bool:
        return not (self.window.is_whole and self.part.is_all)

    def _days(self, window: Window, heads: Sequence[BuildHead], *, by_builds: bool | None = None) -> list[DayTotals]:
        if self._by_builds if by_builds is None else by_builds:
            return days_of_builds(window.days, heads)
        return filled(window.days, self._records.days(Scope("PROJECT", self.project), window.days))

    def _heads(self, window: Window) -> Sequence[BuildHead]:
        found = self._totals.finished_between(self.project, window.first, window.last, limit=MOST_BUILDS)
        return [head for head in found if self.part.has(head)]


@dataclass(frozen=True, slots=True)
class Share:
    """What one team, cost centre or project used in a window."""

    kind: str
    name: str
    team: str
    cost_centre: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class AnalyseBuilds:
    """Opens windows on projects, pipelines, teams, cost centres and the account."""

    records: BuildRecords
    totals: Totals
    clock: Clock

    def project(self, project: str, window: Window, part: Part) -> ProjectWindow:
        return ProjectWindow(self.records, self.totals, project, window, part)

    def scope(self, scope: Scope, window: Window) -> list[DayTotals]:
        return filled(window.days, self.records.days(scope, window.days))

    def attribution(self, window: Window) -> Sequence[Share]:
        """Return what each project used, with its team and cost centre, and the sums of both; the dearest first."""
        owners = self.totals.owners()
        found = [
            Share("project", name, owner.team, owner.cost_centre, self._summary(Scope("PROJECT", name), window))
            for name, owner in owners.items()
        ]
        for scope in self.totals.scopes():
            kind = {"TEAM": "team", "COST": "cost_centre", "ACCOUNT": "account"}[scope.kind]
            team, centre = (scope.name if kind == "team" else ""), (scope.name if kind == "cost_centre" else "")
            found.append(Share(kind, scope.name, team, centre, self._summary(scope, window)))
        return sorted(found, key=lambda share: (share.kind, -share.summary.cost_micro_usd, share.name))

    def benchmarks(self, window: Window) -> tuple[Sequence[peers.Standing], str]:
        teams = {one.name: self._summary(one, window) for one in self.totals.scopes() if one.kind == "TEAM"}
        return peers.standings(teams)

    def overview(self, window: Window) -> Mapping[str, Summary]:
        """Return every project's summary: one query each."""
        return {name: self._summary(Scope("PROJECT", name), window) for name in self.records.projects()}

    def _summary(self, scope: Scope, window: Window) -> Summary:
        return summarise(self.scope(scope, window), window_days=len(window.days))
