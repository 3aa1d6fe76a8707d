"""Test cases over time: which changed, which fail by chance, whose they are, which are slow or became slower."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from buildgate.domain.metrics.statistics import median

_BAD = {"FAILED", "ERROR"}
_SLOWER_RATIO = 1.25
_SLOWER_SECONDS = 0.5
_LEAST_RUNS = 6
_RATE_RUNS = 10
_RATE_TURNS = 2


@dataclass(frozen=True, slots=True)
class TestCase:
    """One case of one build: SUCCEEDED, FAILED, ERROR, SKIPPED or UNKNOWN (CodeBuild's words)."""

    __test__ = False
    name: str
    status: str
    seconds: float
    message: str = ""

    @property
    def is_bad(self) -> bool:
        return self.status in _BAD


@dataclass(frozen=True, slots=True)
class CaseState:
    """A case that has failed: how it stands since when, and how often it changed.

    ``flips`` counts changes between good and bad, ``flaky`` those without a change of the commit, the first of them at
    ``first_flaky_at``. ``owner`` is whose test it is, empty when nobody said. A case that never failed has no state.
    """

    name: str
    status: str
    since: datetime
    commit: str
    build_id: str
    first_failed_at: datetime
    flips: int = 0
    flaky: int = 0
    failures: int = 0
    cost_micro_usd: int = 0
    first_flaky_at: datetime | None = None
    owner: str = ""

    @property
    def is_flaky(self) -> bool:
        return self.flaky > 0


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One turn of a case between good and bad, kept for ever. ``is_same_commit``: nothing of the code had changed."""

    at: datetime
    status: str
    commit: str
    build_id: str
    is_same_commit: bool


@dataclass(frozen=True, slots=True)
class BuildOfCases:
    """A build whose cases are known; ``is_same_commit`` says that the build before it had the same commit."""

    build_id: str
    commit: str
    ended_at: datetime
    cost_micro_usd: int
    is_same_commit: bool


def changed(known: Mapping[str, CaseState], cases: Iterable[TestCase], build: BuildOfCases) -> tuple[CaseState, ...]:
    """Return the states that a build changes: cases that began to fail, or to pass again. Skipped ones say nothing.

    Safe to repeat: a state that came from this build or a later one stays as it is.
    """
    found = []
    for case in cases:
        before = known.get(case.name)
        if case.status not in _BAD | {"SUCCEEDED"} or (before is None and not case.is_bad):
            continue
        if before is not None and (before.since >= build.ended_at or (before.status in _BAD) == case.is_bad):
            continue
        found.append(_after(before, case, build))
    return tuple(found)


def _after(before: CaseState | None, case: TestCase, build: BuildOfCases) -> CaseState:
    at = build.ended_at
    is_chance = build.is_same_commit or (before is not None and bool(build.commit) and before.commit == build.commit)
    if before is None:
        start = CaseState(case.name, case.status, at, build.commit, build.build_id, at, failures=1)
        return replace(
            start, flaky=int(is_chance), cost_micro_usd=build.cost_micro_usd, first_flaky_at=at if is_chance else None
        )
    return replace(
        before,
        status=case.status,
        since=at,
        commit=build.commit,
        build_id=build.build_id,
        flips=before.flips + 1,
        flaky=before.flaky + is_chance,
        failures=before.failures + case.is_bad,
        cost_micro_usd=before.cost_micro_usd + (build.cost_micro_usd if case.is_bad else 0),
        first_flaky_at=before.first_flaky_at or (at if is_chance else None),
    )


def change_of(known: Mapping[str, CaseState], state: CaseState) -> CaseChange:
    """Return the turn that made a state of the one before it."""
    before = known.get(state.name)
    is_same = state.flaky > (before.flaky if before else 0)
    return CaseChange(state.since, state.status, state.commit, state.build_id, is_same)


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """A case in the builds looked at. ``slower`` is the ratio of newer to older median, None unless it is a regression.

    ``is_flaky`` by rate: it failed again after it had passed again, so that one break and its mending do not explain it.
    """

    name: str
    runs: int
    failures: int
    failure_ratio: float
    median_seconds: float
    slower: float | None
    history: str
    is_flaky: bool = False


def figures(builds: Sequence[Sequence[TestCase]]) -> tuple[CaseFigures, ...]:
    """Return each case's figures over builds, oldest first, the slowest cases first.

    Flaky by rate is a case with ten runs or more in which it turned from good to bad twice or more. A regression is a median of the newer half a quarter and half a second above the older half's, from six runs on.
    ``history`` has one letter a build: ``.`` passed, ``F`` failed, ``s`` skipped, a blank where it did not run.
    """
    by_name: dict[str, dict[int, TestCase]] = {}
    for index, cases in enumerate(builds):
        for case in cases:
            by_name.setdefault(case.name, {})[index] = case
    found = [_figures(name, runs, len(builds)) for name, runs in by_name.items()]
    return tuple(sorted(found, key=lambda one: (-one.median_seconds, one.name)))


def _figures(name: str, runs: Mapping[int, TestCase], builds: int) -> CaseFigures:
    timed = [case.seconds for _, case in sorted(runs.items()) if case.status == "SUCCEEDED"]
    half = len(timed) // 2
    older, newer = median(timed[:half]), median(timed[half:])
    is_slower = (
        len(timed) >= _LEAST_RUNS
        and older is not None
        and newer is not None
        and newer >= older * _SLOWER_RATIO
        and newer - older >= _SLOWER_SECONDS
    )
    bad = sum(case.is_bad for case in runs.values())
    return CaseFigures(
        name=name,
        runs=len(runs),
        failures=bad,
        failure_ratio=bad / len(runs),
        median_seconds=median([case.seconds for case in runs.values()]) or 0.0,
        slower=newer / older if is_slower and older and newer else None,
        history="".join(_letter(runs.get(index)) for index in range(builds)),
        is_flaky=len(runs) >= _RATE_RUNS and _breaks(runs) >= _RATE_TURNS,
    )


def _breaks(runs: Mapping[int, TestCase]) -> int:
    """Return how often a case turned from good to bad; what was skipped says nothing."""
    said = [case.is_bad for _, case in sorted(runs.items()) if case.is_bad or case.status == "SUCCEEDED"]
    return sum(after and not before for before, after in itertools.pairwise(said))


def _letter(case: TestCase | None) -> str:
    if case is None:
        return " "
    return "F" if case.is_bad else "s" if case.status == "SKIPPED" else "."
