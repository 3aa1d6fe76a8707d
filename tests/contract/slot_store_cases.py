"""What stores of runs promise about stages, gates and slots."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.errors import Conflict
from buildgate.domain.runs import StageStatus
from buildgate.domain.slots import Slot, SlotState
from contract.run_store_cases import opened, park
from contract.stores import LATER, Stores, case
from run_records import NOON, RUN_ID, attempt, gate_result, run


@case
def a_stage_is_begun_whole_and_once(stores):
    refs = opened(stores, "unit")

    with pytest.raises(Conflict):
        stores.runs.begin_stage(RUN_ID, attempt(name="again"), [Slot(refs[0], "other", SlotState.WAITING)])
    assert stores.runs.record(RUN_ID).stages[0].name == "test"
    assert stores.runs.slot(refs[0]).project == "shop-unit"


@case
def the_first_end_of_a_stage_stands(stores):
    opened(stores)
    first = attempt(status=StageStatus.FAILED, finished_at=NOON, reason="first", is_allowed=True)
    for one in (first, replace(first, status=StageStatus.SUCCEEDED, reason="second")):
        stores.runs.finish_stage(RUN_ID, one)

    assert stores.runs.record(RUN_ID).stages == [first]


@case
def carried_stages_are_part_of_an_opened_run(stores):
    carried = attempt(status=StageStatus.CARRIED, finished_at=NOON, reason="taken over")
    stores.runs.open(run(), [carried])

    assert stores.runs.record(RUN_ID).stages == [carried]


@case
def a_gate_keeps_its_first_verdict(stores):
    stores.runs.open(run(), [])
    for status in ("fail", "pass"):
        stores.runs.store_gate(RUN_ID, gate_result(status=status))

    assert [one.verdict.status for one in stores.runs.record(RUN_ID).gates] == ["fail"]


@case
def a_parked_slot_keeps_its_first_nonce_and_takes_the_newest_token(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)

    again = park(stores, ref, token="t2", nonce="n2", now=NOON + timedelta(minutes=5))

    assert (again.state, again.token, again.nonce, again.parked_at) == (SlotState.PARKED, "t2", "n1", NOON)
    assert stores.runs.slot(ref) == again
    assert stores.work.due_slots(NOON + timedelta(hours=9)) == []
    assert stores.work.due_slots(NOON + timedelta(hours=10)) == [ref]


@case
def a_slot_that_is_not_there_cannot_be_parked_bound_or_settled(stores):
    ref = SlotRef(RUN_ID, 0, 1, "none")

    with pytest.raises(Conflict):
        park(stores, ref)
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)
    assert not stores.runs.settle_slot(Slot(ref, "p", SlotState.SETTLED))
    stores.runs.mark_delivered(ref, token="t1")


@case
def a_slot_is_bound_to_one_build_that_knows_its_nonce(stores):
    (ref,) = opened(stores, "unit")
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)
    park(stores, ref)

    answers = [
        stores.runs.bind_slot(ref, nonce=nonce, build_id=build_id, now=NOON)
        for nonce, build_id in (("forged", "p:0"), ("n1", "p:1"), ("n1", "p:1"), ("n1", "p:2"))
    ]

    assert answers == [False, True, True, False]
    assert (stores.runs.slot(ref).build_id, stores.runs.slot(ref).state) == ("p:1", SlotState.BOUND)


@case
def a_bound_slot_stays_bound_when_it_is_parked_again(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    again = park(stores, ref, token="t2")

    assert (again.state, again.build_id, again.token) == (SlotState.BOUND, "p:1", "t2")


def settled(stores: Stores, ref: SlotRef, status: BuildStatus = BuildStatus.FAILED, **changes: Any) -> bool:
    known = stores.runs.slot(ref)
    changed = {"state": SlotState.SETTLED, "build_status": status, "reason": "BUILD FAILED", "due_at": NOON, **changes}
    return stores.runs.settle_slot(known._replace(**changed))


@case
def the_first_end_of_a_slot_stands_and_owes_its_callback(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    assert settled(stores, ref)
    assert not settled(stores, ref, BuildStatus.SUCCEEDED)

    slot_now = stores.runs.slot(ref)
    assert (slot_now.build_status, slot_now.reason, slot_now.is_delivered) == (
        BuildStatus.FAILED,
        "BUILD FAILED",
        False,
    )
    assert stores.work.due_slots(NOON) == [ref]
    assert not stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)


@case
def a_slot_is_not_settled_by_another_builds_end(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    stores.runs.bind_slot(ref, nonce="n1", build_id="p:1", now=NOON)

    assert not settled(stores, ref, build_id="p:2")
    assert not settled(stores, ref, build_id="")
    assert stores.runs.slot(ref).state is SlotState.BOUND


@case
def a_slot_without_a_build_can_be_settled_and_owes_nothing(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)

    assert settled(stores, ref, BuildStatus.FAULT, due_at=None)
    assert stores.work.due_slots(LATER) == []


@case
def a_callback_is_delivered_for_the_token_it_was_sent_to(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    settled(stores, ref)

    stores.runs.mark_delivered(ref, token="t0")
    assert stores.work.due_slots(NOON) == [ref]
    stores.runs.mark_delivered(ref, token="t1")

    assert stores.work.due_slots(LATER) == []
    assert stores.runs.slot(ref).is_delivered


@case
def a_settled_slot_that_is_parked_again_is_due_at_once(stores):
    (ref,) = opened(stores, "unit")
    park(stores, ref)
    settled(stores, ref)
    stores.runs.mark_delivered(ref, token="t1")

    again = park(stores, ref, token="t2", now=NOON + timedelta(hours=1))

    assert (again.state, again.is_delivered, again.token) == (SlotState.SETTLED, False, "t2")
    assert stores.work.due_slots(NOON + timedelta(hours=1)) == [ref]


@case
def a_slot_that_nobody_waits_for_is_delivered_without_a_token(stores):
    (ref,) = opened(stores, "unit")
    settled(stores, ref)

    stores.runs.mark_delivered(ref, token="")

    assert stores.runs.slot(ref).is_delivered
