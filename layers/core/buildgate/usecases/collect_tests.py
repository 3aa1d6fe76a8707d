"""Reads the test reports of finished builds before CodeBuild drops them after 30 days, off the path of build events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from buildgate.domain.errors import BuildgateError
from buildgate.domain.metrics.test_cases import BuildOfCases, CaseChange, CaseState, TestCase, change_of, changed

if TYPE_CHECKING:
    from buildgate.domain.builds import BuildHead
    from buildgate.ports import Clock

PATIENCE = timedelta(hours=2)
"""A report that is not made by then never will be."""
_AGAIN = timedelta(minutes=2)


class TestReports(Protocol):
    """CodeBuild's report groups."""

    def cases(self, arns: Sequence[str]) -> Sequence[TestCase] | None: ...


class TestFiles(Protocol):
    """Cases of builds, kept beyond CodeBuild's 30 days."""

    def store(self, build_id: str, cases: Sequence[TestCase]) -> None: ...
    def load(self, build_id: str) -> Sequence[TestCase]: ...


class DueReports(NamedTuple):
    """A build whose reports are to be read, with their ARNs and the correlation id of its run, if it has one."""

    head: BuildHead
    arns: Sequence[str]
    correlation_id: str = ""


class TestStates(Protocol):
    """Builds whose reports are due, and cases that have ever failed."""

    def due(self, now: datetime) -> Sequence[DueReports]: ...
    def done(self, build_id: str, totals: Mapping[str, int]) -> None: ...
    def postpone(self, build_id: str, until: datetime) -> None: ...
    def states(self, project: str) -> Mapping[str, CaseState]: ...
    def store(self, project: str, states: Sequence[CaseState], changes: Sequence[CaseChange]) -> None: ...
    def changes(self, project: str, case: str) -> Sequence[CaseChange]: ...
    def last_commit(self, project: str) -> str: ...
    def set_last_commit(self, project: str, commit: str) -> None: ...


class TestOwners(Protocol):
    """Who owns test cases."""

    def of(self, head: BuildHead, cases: Sequence[str]) -> Mapping[str, str]:
        """Return the owners of those cases that have one, at the commit of a build."""
        ...


@dataclass(frozen=True, slots=True)
class Collected:
    """What a round did, and for which runs, each with its correlation id, where the builds belong to any."""

    builds: int
    changes: int
    failures: tuple[str, ...]
    runs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectTests:
    """Goes through the builds whose reports are due, oldest first. Safe to repeat; one failure holds up no other."""

    reports: TestReports
    files: TestFiles
    states: TestStates
    owners: TestOwners
    clock: Clock

    def __call__(self) -> Collected:
        builds = changes = 0
        failures: list[str] = []
        runs: dict[str, str] = {}
        for head, arns, correlation_id in self.states.due(self.clock.now()):
            try:
                found = self._collect(head, arns)
            except BuildgateError as error:
                failures.append(f"{head.build_id}: {error.reason}")
                self.states.postpone(head.build_id, self.clock.now() + _AGAIN)
                continue
            builds += found is not None
            changes += found or 0
            if found is not None and head.slot is not None:
                runs[head.slot.run_id] = correlation_id
        return Collected(builds, changes, tuple(failures), runs)

    def _collect(self, head: BuildHead, arns: Sequence[str]) -> int | None:
        """Return how many cases changed, or None when the reports are not there yet."""
        now, ended = self.clock.now(), head.ended_at or head.started_at
        cases = self.reports.cases(arns) if arns else ()
        if cases is None:
            if now - ended < PATIENCE:
                self.states.postpone(head.build_id, now + _AGAIN)
                return None
            cases = ()
        changes: Sequence[CaseState] = ()
        if cases:
            is_same = bool(head.commit) and head.commit == self.states.last_commit(head.project)
            build = BuildOfCases(head.build_id, head.commit, ended, head.cost_micro_usd or 0, is_same)
            known = self.states.states(head.project)
            changes = changed(known, cases, build)
            self.files.store(head.build_id, cases)
            self.states.store(head.project, self._owned(head, changes), [change_of(known, one) for one in changes])
            self.states.set_last_commit(head.project, head.commit)
        self.states.done(head.build_id, _totals(cases))
        return len(changes)

    def _owned(self, head: BuildHead, changes: Sequence[CaseState]) -> Sequence[CaseState]:
        """Return states with whose they are now; asked for only when something changed."""
        owners = self.owners.of(head, [one.name for one in changes]) if changes else {}
        return [replace(one, owner=owners.get(one.name, "")) for one in changes]


def _totals(cases: Sequence[TestCase]) -> Mapping[str, int]:
    found = {"total": len(cases)}
    for case in cases:
        name = case.status.lower()
        found[name] = found.get(name, 0) + 1
    return found
