"""Team, cost centre and account days: sums of project days, set anew for today, the two days before, and where it is owed.

A build that is counted on an earlier day (history, an event that comes late) notes that day in its own transaction.
No build writes them, so no counter is hot; setting instead of adding makes each round repeatable in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buildgate.domain.builds import Owner
from buildgate.domain.metrics.rollups import DayTotals, Scope, merged
from buildgate.domain.times import days_until

if TYPE_CHECKING:
    from buildgate.ports import BuildRecords, Clock, Pipelines
    from buildgate.usecases.analysis_ports import Projects, Totals
    from buildgate.usecases.judge_posture import JudgePosture

DAYS = 3
ACCOUNT = Scope("ACCOUNT", "all")
TEAM_TAG = "team"
COST_TAGS = ("cost-centre", "cost-center", "costcentre", "costcenter")


@dataclass(frozen=True, slots=True)
class Folded:
    """What a round did."""

    projects: int
    scopes: int
    owners_changed: int
    postures: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class FoldDays:
    """Learns who owns each project from tags, sets the days of teams, cost centres and the account, judges postures."""

    records: BuildRecords
    totals: Totals
    projects: Projects
    pipelines: Pipelines
    clock: Clock
    judge: JudgePosture

    def __call__(self, *, days: int = DAYS) -> Folded:
        known = self.totals.owners()
        owners = self._owners(list(known))
        changed = {name: owner for name, owner in owners.items() if owner != known[name]}
        for name, owner in changed.items():
            self.totals.set_owner(name, owner)
        owed = self.totals.owed()
        window = sorted({*days_until(self.clock.now(), days=days), *owed})
        wanted = set(window)
        found: dict[tuple[Scope, str], list[DayTotals]] = {}
        for name, owner in owners.items():
            for day in self.records.days(Scope("PROJECT", name), window):
                if day.day in wanted:
                    for scope in _scopes(owner):
                        found.setdefault((scope, day.day), []).append(day)
        scopes = self._scopes({scope for scope, _ in found})
        for scope in scopes:
            for day_name in window:
                self.totals.replace_day(scope, merged(found.get((scope, day_name), ()), day_name))
        for day_name, note in owed.items():
            self.totals.settle(day_name, note)
        return Folded(len(owners), len(scopes), len(changed), self.judge(), len(owed))

    def _scopes(self, now: set[Scope]) -> Sequence[Scope]:
        """Return all scopes, those that lost their last project too: their days become empty."""
        before = set(self.totals.scopes())
        for scope in now - before:
            self.totals.know_scope(scope)
        return sorted(now | before, key=lambda scope: scope.key)

    def _owners(self, names: Sequence[str]) -> Mapping[str, Owner]:
        """Return each project's owner: its own tags first, then those of a pipeline that builds with it."""
        tags = self.projects.tags(names) if names else {}
        by_pipeline = self._pipeline_tags()
        found = {}
        for name in names:
            own, other = tags.get(name, {}), by_pipeline.get(name, {})
            found[name] = Owner(own.get(TEAM_TAG) or other.get(TEAM_TAG, ""), _cost(own) or _cost(other))
        return found

    def _pipeline_tags(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, Mapping[str, str]] = {}
        for head in self.pipelines.heads():
            pipeline = self.pipelines.version(head.name, head.version)
            if pipeline is not None:
                tags = {name.lower(): value for name, value in pipeline.tags.items()}
                found |= dict.fromkeys(pipeline.projects, tags)
        return found


def _scopes(owner: Owner) -> Iterator[Scope]:
    yield ACCOUNT
    if owner.team:
        yield Scope("TEAM", owner.team)
    if owner.cost_centre:
        yield Scope("COST", owner.cost_centre)


def _cost(tags: Mapping[str, str]) -> str:
    return next((tags[name] for name in COST_TAGS if tags.get(name)), "")
