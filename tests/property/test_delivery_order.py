"""Any order and repetition of what is told of builds and pushes ends in the same table, and everything counts once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildgate.domain.builds import Build
from buildgate.domain.metrics.rollups import fold
from buildgate.domain.pipelines import BuildStep, Stage
from core_world import CoreWorld

STATUSES = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
STAGE = Stage("test", builds=(BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint")))
DAY = "2026-11-22"
BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
orders = st.lists(st.integers(0, 2), max_size=6)


class Builds:
    """Two builds of a run and one outside of any, and everything that may be told of them."""

    def __init__(self) -> None:
        self.world = CoreWorld(checks_parameters=False)
        run = self.world.open(STAGE)
        self.world.next_step(run.run_id)
        refs = [self.world.slot(run, name) for name in ("unit", "lint")]
        self.tokens = [self.world.token() for _ in refs]
        self.ids = [
            self.world.start_build(ref, token=token).build_id for ref, token in zip(refs, self.tokens, strict=True)
        ]
        alone = self.world.aws.client("codebuild").start_build(projectName="shop-unit")
        self.ids.append(alone["build"]["id"])
        self.world.clock.advance(60)
        self.early: list[Build] = list(self.world.w.launcher.builds(self.ids))

    def hear(self, order: list[int]) -> None:
        """Deliver an event of each of these builds: what is true is asked for."""
        for number in order:
            self.world.w.record_build.by_id(self.ids[number])

    def hear_late(self, order: list[int]) -> None:
        """Let a slow function write what was true a while ago."""
        for number in order:
            self.world.w.record_build(self.early[number])

    def end(self, statuses: list[str]) -> None:
        for seconds, (build_id, status) in enumerate(zip(self.ids, statuses, strict=True)):
            self.world.end_build(build_id, status, after=10 * (seconds + 1))
        self.world.clock.advance(5)

    def table(self) -> dict[Any, Any]:
        return self.world.dump()

    def recount(self) -> dict[Any, Any]:
        heads = self.world.w.records.heads(self.ids).values()
        return fold(heads, seen_at=self.world.clock.now())


def told_in_order(statuses: list[str]) -> dict[Any, Any]:
    """The table when each build is told of once, at its end, in order."""
    builds = Builds()
    builds.end(statuses)
    builds.hear([0, 1, 2])
    return builds.table()


@BOUNDED
@given(
    statuses=st.lists(st.sampled_from(STATUSES), min_size=3, max_size=3),
    before=orders,
    after=st.permutations([0, 1, 2]),
    repeats=orders,
    late=orders,
)
def test_events_of_builds_in_any_order_end_in_the_same_table(statuses, before, after, repeats, late):
    builds = Builds()
    builds.hear(before)
    builds.end(statuses)
    builds.hear(repeats[:3])
    builds.hear_late(late[:3])
    builds.hear(list(after))
    builds.hear(repeats[3:])
    builds.hear_late(late[3:])

    assert builds.table() == told_in_order(statuses)
    assert [builds.world.fate(token) for token in builds.tokens] == ["went on", "went on"]
    assert len(builds.world.published()) == 1


@BOUNDED
@given(
    statuses=st.lists(st.sampled_from(STATUSES), min_size=3, max_size=3), order=st.lists(st.integers(0, 2), max_size=12)
)
def test_totals_equal_a_recount_after_every_event(statuses, order):
    builds = Builds()
    builds.end(statuses)
    for number in order:
        builds.hear([number])

        recount = builds.recount()
        for (scope, day), counters in recount.items():
            (stored,) = builds.world.w.records.days(scope, [day])
            assert stored.counters == counters
    finished = [head for head in builds.world.w.records.heads(builds.ids).values() if head.status.is_finished]
    assert len(finished) == len(set(order))


@BOUNDED
@given(order=orders, sweeps=st.lists(st.booleans(), max_size=4))
def test_reconciling_in_between_changes_nothing_but_when(order, sweeps):
    builds = Builds()
    builds.end(["SUCCEEDED", "FAILED", "SUCCEEDED"])
    for number, is_sweep in zip(order + [0] * len(sweeps), sweeps + [False] * len(order), strict=False):
        builds.hear([number])
        builds.world.reconcile(is_sweep=is_sweep)
    builds.world.reconcile(is_sweep=True)

    assert Counter(head.status for head in builds.world.w.records.heads(builds.ids).values()) == {
        "SUCCEEDED": 2,
        "FAILED": 1,
    }
    assert [builds.world.fate(token) for token in builds.tokens] == ["went on", "went on"]
    for (scope, day), counters in builds.recount().items():
        (stored,) = builds.world.w.records.days(scope, [day])
        assert stored.counters == counters
    assert len(builds.world.published()) == 1


# ---------------------------------------------------------------------------------------------------- pushes


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Draw which commit each push leads to, and in which order (with repeats) their events come."""
    commits = draw(st.lists(st.integers(0, 2), min_size=1, max_size=5).filter(_moves))
    every = draw(st.permutations(range(len(commits))))
    again = draw(st.lists(st.integers(0, len(commits) - 1), max_size=5))
    places = [draw(st.integers(0, len(every))) for _ in again]
    order = list(every)
    for place, number in zip(places, again, strict=True):
        order.insert(place, number)
    return commits, order


def _moves(commits: list[int]) -> bool:
    return all(one != other for one, other in pairwise(commits))


class Pushes:
    """A branch that was pushed several times; the events are still on their way."""

    def __init__(self, commits: list[int], *, seconds: float) -> None:
        self.world = CoreWorld(checks_parameters=False)
        self.world.apply()
        known: dict[int, str] = {}
        self.pushes = []
        for number in commits:
            self.world.clock.advance(seconds)
            push = self.world.push({"a": str(number)}, commit=known.get(number), is_silent=True)
            known[number] = push.commit
            self.pushes.append(push)

    def hear(self, order: list[int]) -> list[tuple[str, ...]]:
        return [self.world.w.start_run(self.pushes[number]).run_ids for number in order]

    def runs(self) -> Counter[str]:
        return Counter(run.source.commit for run in self.world.w.runs.recent("shop", limit=100))

    def head(self) -> str:
        return self.world.w.pushes.cursor("codecommit:shop", "branch", "main").commit


@BOUNDED
@given(history=histories())
def test_each_push_opens_one_run_whatever_the_order_of_the_events(history):
    commits, order = history
    branch = Pushes(commits, seconds=30)

    answers = branch.hear(order)

    first: dict[int, tuple[str, ...]] = {}
    for number, run_ids in zip(order, answers, strict=True):
        assert run_ids == first.setdefault(number, run_ids)
    assert all(len(run_ids) == 1 for run_ids in first.values())
    assert branch.runs() == Counter(push.commit for push in branch.pushes)
    assert branch.head() == branch.pushes[-1].commit
    assert len(branch.world.executions()) == len(commits)


@BOUNDED
@given(order=st.permutations(range(5)))
def test_pushes_within_one_second_leave_the_newest_head_whatever_the_order_of_the_events(order):
    branch = Pushes([0, 1, 2, 3, 4], seconds=0)
    moment = branch.pushes[0].at
    branch.pushes = [replace(push, at=moment) for push in branch.pushes]

    branch.hear(list(order))

    assert branch.head() == branch.pushes[-1].commit
    assert branch.runs() == Counter(push.commit for push in branch.pushes)


@BOUNDED
@given(history=histories(), looks=st.lists(st.integers(0, 8), max_size=3), lost=st.sets(st.integers(0, 4)))
def test_lost_events_are_made_up_for_and_late_ones_open_nothing_twice(history, looks, lost):
    commits, order = history
    branch = Pushes(commits, seconds=30)
    branch.world.clock.advance(60)
    for step, number in enumerate(order):
        if step in looks:
            look(branch)
        if number not in lost:
            branch.hear([number])
    look(branch)

    pushed = Counter(push.commit for push in branch.pushes)
    opened = branch.runs()
    assert branch.head() == branch.pushes[-1].commit
    assert opened[branch.pushes[-1].commit] >= 1
    assert all(opened[commit] <= pushed[commit] for commit in opened)
    heard = {branch.pushes[number].commit for number in order if number not in lost}
    assert heard <= set(opened)


def look(branch: Pushes) -> None:
    """Look for lost pushes until what was sighted has had time for its event."""
    for _ in range(3):
        branch.world.reconcile(looks_for_pushes=True)
        branch.world.clock.advance(minutes=20)
    branch.world.reconcile(looks_for_pushes=True)
