"""What stores of approvals promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from buildgate.domain.approvals import ApprovalStatus, Capability, Decision, Identity
from buildgate.domain.errors import Conflict
from buildgate.domain.runs import RunStatus, StopRequest
from contract.stores import LATER, case
from run_records import NOON, RUN_ID, approval, run


def decided(known: Any, *, approve: bool = True, actor: str = "alice") -> Any:
    decision = Decision(approve, actor, Identity.LINK, "fine", NOON)
    status = ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED
    return replace(known, status=status, decisions=(*known.decisions, decision), version=known.version + 1)


@case
def an_approval_comes_back_as_it_was_asked(stores):
    whole = approval(
        approvers=("bob@example.com",), allow_self=False, barred=("alice",), instructions="Look", token="t1", required=2
    )

    assert stores.approvals.ask(whole) == whole
    assert stores.approvals.get(whole.ref) == whole
    assert stores.approvals.waiting() == [whole]


@case
def asking_again_keeps_the_approval_and_takes_the_newest_token(stores):
    stores.approvals.ask(approval(token="t1"))
    stores.approvals.add_capability(approval().ref, Capability("f1", "bob"))

    again = stores.approvals.ask(approval(token="t2", due_at=LATER, instructions="other"))

    assert (again.token, again.due_at, again.instructions) == ("t2", approval().due_at, "")
    assert again.capabilities == (Capability("f1", "bob"),)


@case
def capabilities_add_up_and_need_their_approval(stores):
    stores.approvals.ask(approval(token="t1"))
    for number in range(3):
        stores.approvals.add_capability(approval().ref, Capability(f"f{number}"))

    assert [one.fingerprint for one in stores.approvals.get(approval().ref).capabilities] == ["f0", "f1", "f2"]
    with pytest.raises(Conflict):
        stores.approvals.add_capability(replace(approval().ref, name="none"), Capability("f"))


@case
def one_decision_is_stored_for_what_was_believed(stores):
    stores.runs.open(run(), [])
    known = stores.approvals.ask(approval(token="t1"))
    stores.approvals.store_decision(decided(known))

    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(known, approve=False, actor="bob"))
    found = stores.approvals.get(known.ref)
    assert (found.status, found.decisions[0].actor, len(found.decisions)) == (ApprovalStatus.APPROVED, "alice", 1)
    assert stores.approvals.waiting() == []


@case
def a_decided_approval_is_due_until_its_callback_is_delivered(stores):
    stores.runs.open(run(), [])
    known = stores.approvals.ask(approval(token="t1"))
    assert stores.work.due_approvals(NOON) == []
    stores.approvals.store_decision(decided(known))
    assert stores.work.due_approvals(NOON) == [known.ref]

    stores.approvals.mark_delivered(known.ref, token="t0")
    assert stores.work.due_approvals(NOON) == [known.ref]
    stores.approvals.mark_delivered(known.ref, token="t1")
    assert stores.work.due_approvals(LATER) == []


@case
def a_vote_below_the_quorum_leaves_the_approval_waiting(stores):
    stores.runs.open(run(), [])
    known = stores.approvals.ask(approval(token="t1", required=2))
    vote = replace(decided(known), status=ApprovalStatus.WAITING)
    stores.approvals.store_decision(vote)

    (found,) = stores.approvals.waiting()
    assert (found.version, len(found.decisions)) == (1, 1)
    stores.approvals.store_decision(decided(found, actor="bob"))
    assert stores.approvals.get(known.ref).status is ApprovalStatus.APPROVED


@case
def only_a_waiting_approval_can_end_without_a_decision(stores):
    stores.runs.open(run(), [])
    waiting = stores.approvals.ask(approval(token="t1"))
    done = stores.approvals.ask(replace(approval(token="t2"), ref=replace(approval().ref, name="review")))
    stores.approvals.store_decision(decided(done))

    for ref in (waiting.ref, done.ref):
        stores.approvals.end(ref, ApprovalStatus.EXPIRED)

    assert stores.approvals.get(waiting.ref).status is ApprovalStatus.EXPIRED
    assert stores.approvals.get(done.ref).status is ApprovalStatus.APPROVED
    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(waiting))


@case
def waiting_approvals_are_listed_by_their_end(stores):
    for name, hours in (("c", 3), ("a", 1), ("b", 2)):
        ref = replace(approval().ref, name=name)
        stores.approvals.ask(approval(ref=ref, due_at=NOON + timedelta(hours=hours), token="t"))

    assert [one.ref.name for one in stores.approvals.waiting()] == ["a", "b", "c"]


@case
def no_decision_is_stored_for_a_run_that_heeds_none(stores):
    known = stores.approvals.ask(approval(token="t1"))
    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(known))
    stores.runs.open(run(), [])
    stores.runs.ask_stop(RUN_ID, StopRequest("alice", "", NOON))
    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(known))
    stores.runs.close(replace(run(), status=RunStatus.STOPPED, finished_at=NOON))
    with pytest.raises(Conflict):
        stores.approvals.store_decision(decided(known))

    assert stores.approvals.get(known.ref) == known
