"""Answers about builds: reads what a question needs, once, and leaves the answer to the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buildgate.domain.metrics import peers
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.metrics.summary import Summary
from buildgate.domain.metrics.windows import Window
from buildgate.usecases.selection import MOST_BUILDS, Part, Selection, Stores

if TYPE_CHECKING:
    from buildgate.ports import BuildRecords, Clock, Pipelines
    from buildgate.usecases.analysis_ports import Totals


_EVERYTHING = Part()


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
    pipelines: Pipelines
    clock: Clock

    def select(self, scope: Scope, window: Window, part: Part, most: int = MOST_BUILDS) -> Selection:
        return Selection(Stores(self.records, self.totals, self.pipelines), scope, window, part, most)

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

    def benchmarks(self, window: Window, part: Part) -> tuple[Sequence[peers.Standing], str]:
        """Return where teams stand among each other, by all their builds or a part of them."""
        names = [one.name for one in self.totals.scopes() if one.kind == "TEAM"]
        teams = {name: self.select(Scope("TEAM", name), window, part).summary for name in names}
        return peers.standings(teams)

    def overview(self, window: Window) -> Mapping[str, Summary]:
        """Return every project's summary: one query each."""
        return {name: self._summary(Scope("PROJECT", name), window) for name in self.records.projects()}

    def _summary(self, scope: Scope, window: Window) -> Summary:
        return self.select(scope, window, _EVERYTHING).summary
