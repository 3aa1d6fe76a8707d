"""What the store of lanes promises, as functions of the stores alone; `CASES` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from buildgate.adapters.table.lanes import TableLanes
from buildgate.domain.approvals import ApprovalStatus, Decision, Identity
from buildgate.domain.errors import Conflict
from buildgate.domain.lanes import Lane, Ticket, Turn, TurnRef, arrive, leave
from contract.stores import LATER, Stores
from run_records import NOON, RUN_ID, approval, run

KEY = "stage:shop/release"
REF = TurnRef(RUN_ID, 1, 1)
CASES: list[Callable[[Stores], None]] = []


def case(function: Callable[[Stores], None]) -> Callable[[Stores], None]:
    CASES.append(function)
    return function


def lanes_of(stores: Stores) -> TableLanes:
    return TableLanes(stores.table)


def turn(run_id=RUN_ID, **changes):
    return replace(Turn(TurnRef(run_id, 1, 1), "shop/release", "superseded", NOON), **changes)


@case
def a_lane_nobody_was_in_is_empty(stores):
    assert lanes_of(stores).lane(KEY) == Lane(KEY)


@case
def a_lane_comes_back_as_it_was_stored(stores):
    lanes = lanes_of(stores)
    whole = Lane(KEY)
    for one in (turn("1"), turn("2"), turn("3", is_ready=False)):
        whole = arrive(whole, one)

    lanes.store(whole, look_at=NOON)

    assert lanes.lane(KEY) == replace(whole, version=1)
    assert (whole.holder.ref.run_id, [one.superseded_by for one in whole.waiting]) == ("1", ["3", ""])


@case
def of_two_who_change_a_lane_at_once_one_reads_again(stores):
    lanes = lanes_of(stores)
    for _ in range(2):
        read = lanes.lane(KEY)
        first, second = arrive(read, turn(f"1{read.version}")), arrive(read, turn(f"2{read.version}"))
        lanes.store(first, look_at=NOON)

        with pytest.raises(Conflict):
            lanes.store(second, look_at=NOON)
        assert lanes.lane(KEY) == replace(first, version=read.version + 1)


@case
def who_loses_a_turn_is_told_of_it_in_the_run_itself(stores):
    lanes, known = lanes_of(stores), approval(token="t1")
    stores.runs.open(run(), [])
    stores.approvals.ask(known)
    lost = replace(turn(RUN_ID), superseded_by="newer")

    lanes.store(Lane(KEY, waiting=(lost,)), look_at=NOON, lost=[lost])

    assert (lanes.lane(KEY).waiting, stores.runs.run(RUN_ID).superseded_by) == ((lost,), "newer")
    decision = Decision(True, "alice", Identity.LINK, "", NOON)
    with pytest.raises(Conflict):
        stores.approvals.store_decision(replace(known, decisions=(decision,), version=1))


@case
def a_lane_is_due_while_somebody_is_in_it(stores):
    lanes = lanes_of(stores)
    lanes.store(arrive(Lane(KEY), turn()), look_at=NOON)
    assert (lanes.due(NOON - timedelta(seconds=1)), lanes.due(NOON)) == ([], [KEY])

    lanes.postpone(lanes.lane(KEY), until=LATER)
    assert (lanes.due(NOON), lanes.due(LATER)) == ([], [KEY])

    lanes.store(leave(lanes.lane(KEY), REF), look_at=NOON)
    assert lanes.due(LATER) == []


@case
def a_lane_that_has_changed_is_not_postponed(stores):
    lanes = lanes_of(stores)
    lanes.store(arrive(Lane(KEY), turn("1")), look_at=NOON)
    read = lanes.lane(KEY)
    lanes.store(arrive(read, turn("2")), look_at=NOON)

    lanes.postpone(read, until=LATER)

    assert lanes.due(NOON) == [KEY]


@case
def a_ticket_keeps_the_newest_token_and_whether_it_was_answered(stores):
    lanes = lanes_of(stores)
    stores.runs.open(run(), ())
    assert lanes.ticket(REF) is None
    lanes.park(REF, "t1")
    lanes.park(REF, "t2")

    lanes.mark_delivered(Ticket(REF, "t1"))
    assert lanes.ticket(REF) == Ticket(REF, "t2")
    lanes.mark_delivered(Ticket(REF, "t2"))

    assert lanes.ticket(REF) == Ticket(REF, "t2", is_delivered=True)
    assert stores.runs.record(RUN_ID).tickets == [Ticket(REF, "t2", is_delivered=True)]


@case
def a_superseded_approval_names_the_run_that_is_asked_for_instead(stores):
    ref = stores.approvals.ask(approval(token="t1")).ref

    stores.approvals.end(ref, ApprovalStatus.SUPERSEDED, superseded_by="r2")

    found = stores.approvals.get(ref)
    assert (found.status, found.superseded_by) == (ApprovalStatus.SUPERSEDED, "r2")
    assert stores.work.due_approvals(LATER) == []
