"""Lanes as values: who is in, who waits in which order, and who has lost a turn."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgate.domain.errors import Rejected
from buildgate.domain.lanes import (
    WAITING_LIMIT,
    Lane,
    Turn,
    TurnRef,
    Where,
    arrive,
    lane_of,
    leave,
    said_of,
    standing,
    to_tell,
)
from run_records import NOON, stage

KEY = "stage:shop/release"


def ref(run_id):
    return TurnRef(run_id, 1, 1)


def turn(run_id, mode="queued", **changes):
    return replace(Turn(ref(run_id), "shop/release", mode, NOON), **changes)


def lane(*turns):
    found = Lane(KEY)
    for one in turns:
        found = arrive(found, one)
    return found


def line(found):
    return [one.ref.run_id for one in found.waiting if one.is_in_line]


def test_a_stage_without_a_mode_has_no_lane():
    assert lane_of("shop", stage("release")) == ""


def test_a_stage_has_a_lane_of_its_own_or_that_of_its_lock():
    assert lane_of("shop", stage("release", mode="queued")) == "stage:shop/release"
    assert lane_of("shop", stage("release", mode="superseded", lock="production")) == "lock:production"
    assert [said_of(key) for key in ("stage:shop/release", "lock:production")] == [
        "stage shop/release",
        "lock production",
    ]


def test_a_turn_is_found_again_by_its_text_and_no_approval_is_taken_for_one():
    assert TurnRef.from_text(ref("r1").to_text()) == ref("r1")
    assert TurnRef.from_text("r1.01.1.turn") is None
    assert TurnRef.from_text("turn:r1") is None


def test_who_comes_to_an_empty_lane_is_in_it():
    assert lane(turn("1")).holder == turn("1")


@pytest.mark.parametrize("order", list(permutations("234")))
def test_queued_runs_wait_in_the_order_of_their_opening_whoever_came_first(order):
    found = lane(turn("1"), *(turn(run_id) for run_id in order))

    went = []
    while found.holder is not None:
        went.append(found.holder.ref.run_id)
        found = leave(found, found.holder.ref)
    assert went == ["1", "2", "3", "4"]


def test_a_waiting_run_knows_behind_whom_it_waits():
    found = lane(turn("1"), turn("2"), turn("3"))

    assert [(standing(found, ref(one)).behind, standing(found, ref(one)).ahead) for one in "23"] == [("1", 1), ("2", 2)]
    assert standing(found, ref("1")).where is Where.HOLDING
    assert standing(found, ref("4")).where is Where.ABSENT


def test_coming_again_changes_nothing():
    found = lane(turn("1"), turn("2"))

    assert arrive(found, turn("1")) is found
    assert arrive(found, turn("2")) is found


def test_leaving_again_changes_nothing():
    found = leave(lane(turn("1"), turn("2")), ref("1"))

    assert leave(found, ref("1")) is found


def test_a_waiting_run_leaves_without_moving_the_one_inside():
    found = leave(lane(turn("1"), turn("2"), turn("3")), ref("2"))

    assert (found.holder.ref.run_id, line(found)) == ("1", ["3"])


def test_who_is_not_ready_keeps_nobody_out():
    found = lane(turn("1", "superseded", is_ready=False), turn("2", "superseded", stage="shop/other"))

    assert found.holder.ref.run_id == "2"


def test_who_becomes_ready_waits_from_then_on():
    later = NOON.replace(hour=13)
    found = lane(turn("1", "superseded", is_ready=False), turn("1", "superseded", since=later))

    assert found.holder.since == later


def test_of_superseded_runs_only_the_newest_stays():
    found = lane(turn("1", "superseded"), turn("2", "superseded"), turn("3", "superseded"))

    assert (found.holder.ref.run_id, line(found)) == ("1", ["3"])
    assert standing(found, ref("2")).where is Where.SUPERSEDED
    assert standing(found, ref("2")).behind == "3"


def test_an_older_run_that_comes_while_a_newer_one_waits_is_superseded_itself():
    found = lane(turn("3", "superseded", is_ready=False), turn("2", "superseded"))

    assert standing(found, ref("2")).behind == "3"


def test_an_older_run_never_goes_in_after_a_newer_one():
    found = leave(lane(turn("3", "superseded")), ref("3"))
    found = arrive(found, turn("2", "superseded"))

    assert (found.holder, standing(found, ref("2")).behind) == (None, "3")


def test_an_older_run_may_still_go_when_the_newer_one_left_without_going_in():
    found = leave(lane(turn("3", "superseded", is_ready=False)), ref("3"))

    assert arrive(found, turn("2", "superseded")).holder.ref.run_id == "2"


def test_runs_of_other_stages_that_share_a_lock_are_not_superseded():
    found = lane(
        turn("1", "superseded"),
        turn("2", "superseded"),
        turn("3", "superseded", stage="api/release"),
        turn("4", "queued"),
    )

    assert line(found) == ["2", "3", "4"]


def test_the_one_inside_is_never_superseded():
    found = lane(turn("1", "superseded"), turn("2", "superseded"))

    assert (found.holder.superseded_by, standing(found, ref("1")).where) == ("", Where.HOLDING)


def test_whose_wait_has_ended_is_told():
    before = lane(turn("1", "superseded"), turn("2", "superseded"))
    after = arrive(before, turn("3", "superseded"))

    assert [one.ref.run_id for one in to_tell(before, after)] == ["2"]
    assert [one.ref.run_id for one in to_tell(after, leave(after, ref("1")))] == ["3"]
    assert to_tell(after, leave(after, ref("2"))) == []


def test_too_many_who_wait_are_refused():
    full = Lane(KEY, holder=turn("0"), waiting=tuple(turn(str(number)) for number in range(WAITING_LIMIT)))

    with pytest.raises(Rejected, match="stage shop/release"):
        arrive(full, turn("z"))


MOVES = st.lists(st.tuples(st.sampled_from(["come", "ready", "leave"]), st.integers(1, 6)), max_size=30)


@given(MOVES, st.sampled_from(["queued", "superseded"]))
def test_a_lane_is_never_free_while_one_is_ready_and_never_lets_old_in_after_new(moves, mode):
    found, entered = Lane(KEY), []
    for what, number in moves:
        run_id = str(number)
        before = found.holder
        found = (
            leave(found, ref(run_id))
            if what == "leave"
            else arrive(found, turn(run_id, mode, is_ready=what == "ready"))
        )
        if found.holder is not None and (before is None or found.holder.ref != before.ref):
            entered.append(found.holder.ref.run_id)
        assert found.holder is not None or not line(found)
        assert [one.ref.run_id for one in found.waiting] == sorted({one.ref.run_id for one in found.waiting})
    assert mode == "queued" or entered == sorted(entered)
