"""The guards that keep runs of one stage apart, and how a test switches each of them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guards import Guard, without_condition

if TYPE_CHECKING:
    import pytest

    from buildgate_cli.simulate.world import World

FILE = "test_lane_guards.py"


def lane_condition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write lanes whatever became of them since they were read."""
    without_condition("'LANE#")(world, monkeypatch)


def kept_lane(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand a lane on although a build of its stage may still run."""
    monkeypatch.setattr("buildgate.usecases.take_turns.is_open", lambda _: False)
    monkeypatch.setattr("buildgate.usecases.heal_lanes.is_open", lambda _: False)


def healed_lanes(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reconciler pass lanes by."""
    monkeypatch.setattr("buildgate.usecases.heal_lanes.HealLanes.__call__", lambda *_: ())


def newest_inside(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run in whatever newer run was in before, or waits."""
    monkeypatch.setattr("buildgate.domain.lanes._judged", lambda _, turn: turn)


LANE_GUARDS = (
    Guard(
        "the version of a lane",
        "`adapters/table/lanes.py`",
        "two runs in a stage that holds one",
        lane_condition,
        test=f"{FILE}::test_two_runs_that_come_at_once_go_in_one_by_one_unless_the_version_is_not_asked_for",
    ),
    Guard(
        "the lane that is kept while a build may run",
        "`usecases/take_turns.py`",
        "a release that begins while the build of a stopped one runs",
        kept_lane,
        test=f"{FILE}::test_a_build_nobody_knows_of_keeps_its_lane_unless_lanes_are_handed_on_blindly",
    ),
    Guard(
        "the look after lanes",
        "`usecases/heal_lanes.py`",
        "a run whose wake-up was lost",
        healed_lanes,
        test=f"{FILE}::test_a_run_whose_wake_up_was_lost_goes_on_unless_nobody_looks_after_lanes",
    ),
    Guard(
        "the newest run that went in",
        "`domain/lanes.py`",
        "an old commit released over a new one",
        newest_inside,
        test=f"{FILE}::test_an_old_run_that_comes_late_is_superseded_unless_nobody_remembers_who_was_in",
    ),
)
