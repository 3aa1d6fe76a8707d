from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from buildgate.domain.approvals import (
    Approval,
    ApprovalRef,
    ApprovalStatus,
    Capability,
    Decided,
    Decision,
    Identity,
    Refused,
    Repeated,
    find_capability,
    form_token,
    judge_decision,
)
from buildgate.domain.ids import fingerprint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
REF = ApprovalRef("01jd8x3k5v9m2q4r6t8w0y1z3b", 1, 1, "entry")


def approval(**changes):
    base = Approval(
        ref=REF,
        pipeline="shop",
        stage_name="release",
        status=ApprovalStatus.WAITING,
        asked_at=NOON,
        due_at=NOON + timedelta(hours=24),
        channel=Identity.LINK,
        required=1,
    )
    return replace(base, **changes)


def decision(actor="alice@example.com", *, approve=True, identity=Identity.LINK, at=NOON):
    return Decision(approve, actor, identity, "", at)


def test_one_approval_is_enough_where_one_is_required():
    judged = judge_decision(approval(), decision())

    assert isinstance(judged, Decided)
    assert judged.approval.status is ApprovalStatus.APPROVED


def test_one_rejection_ends_it_whatever_the_quorum():
    judged = judge_decision(approval(required=3), decision(approve=False))

    assert judged.approval.status is ApprovalStatus.REJECTED


def test_a_quorum_waits_for_the_last_voice():
    first = judge_decision(approval(required=2, channel=Identity.IAM), decision("a", identity=Identity.IAM)).approval
    second = judge_decision(first, decision("b", identity=Identity.IAM)).approval

    assert (first.status, second.status) == (ApprovalStatus.WAITING, ApprovalStatus.APPROVED)


def test_one_person_counts_once_towards_a_quorum():
    first = judge_decision(approval(required=2, channel=Identity.IAM), decision("a", identity=Identity.IAM)).approval

    assert isinstance(judge_decision(first, decision("a", identity=Identity.IAM)), Repeated)


def test_second_decision_is_refused_and_names_the_first_decider():
    decided = judge_decision(approval(), decision()).approval

    judged = judge_decision(decided, decision("bob@example.com", approve=False))

    assert isinstance(judged, Refused)
    assert judged.status_code == 409
    assert "alice@example.com" in judged.reason


def test_the_same_decision_of_the_same_person_again_is_no_error():
    decided = judge_decision(approval(), decision()).approval

    assert isinstance(judge_decision(decided, decision()), Repeated)


def test_changing_ones_mind_is_refused():
    decided = judge_decision(approval(), decision()).approval

    assert judge_decision(decided, decision(approve=False)).status_code == 409


@pytest.mark.parametrize("status", [ApprovalStatus.WAITING, ApprovalStatus.EXPIRED])
def test_a_decision_after_the_end_is_gone(status):
    judged = judge_decision(approval(status=status), decision(at=NOON + timedelta(hours=24)))

    assert judged.status_code == 410


def test_a_cancelled_approval_is_refused():
    assert judge_decision(approval(status=ApprovalStatus.CANCELLED), decision()).status_code == 409


def test_an_operator_may_decide_what_was_broadcast():
    asked = approval(approvers=("alice@example.com",))

    assert isinstance(judge_decision(asked, decision("arn:aws:iam::1:user/carol", identity=Identity.IAM)), Decided)


def test_a_listed_mailbox_may_decide_and_another_may_not():
    asked = approval(channel=Identity.MAILBOX, approvers=("alice@example.com",))

    assert isinstance(judge_decision(asked, decision(identity=Identity.MAILBOX)), Decided)
    assert judge_decision(asked, decision("eve@example.com", identity=Identity.MAILBOX)).status_code == 403


def test_a_broadcast_link_cannot_decide_what_needs_a_proved_identity():
    asked = approval(channel=Identity.IAM, approvers=("alice",))

    assert judge_decision(asked, decision("alice")).status_code == 403


def test_an_arn_is_known_by_its_user_or_session_name():
    asked = approval(channel=Identity.IAM, approvers=("alice",))
    arn = "arn:aws:sts::111122223333:assumed-role/Developers/alice"

    assert isinstance(judge_decision(asked, decision(arn, identity=Identity.IAM)), Decided)


def test_the_pusher_may_not_approve_where_that_is_barred():
    arn = "arn:aws:iam::111122223333:user/alice"
    asked = approval(channel=Identity.IAM, allow_self=False, barred=(arn,))

    assert judge_decision(asked, decision(arn, identity=Identity.IAM)).status_code == 403


def test_a_capability_is_found_by_its_fingerprint_only():
    asked = approval(capabilities=(Capability(fingerprint("one"), "alice"), Capability(fingerprint("two"), "bob")))

    assert find_capability(asked, "two").approver == "bob"
    assert find_capability(asked, fingerprint("two")) is None
    assert find_capability(asked, "") is None


def test_the_form_token_belongs_to_one_link_of_one_approval():
    assert form_token("a", "k") == form_token("a", "k")
    assert len({form_token("a", "k"), form_token("b", "k"), form_token("a", "l")}) == 3


def test_a_reference_survives_its_text_form():
    assert ApprovalRef.from_text(REF.to_text()) == REF


@pytest.mark.parametrize("text", ["", "x", "a.b.c.d", "../../etc.1.1.x", "a.1.1"])
def test_a_text_that_names_no_approval_is_none(text):
    assert ApprovalRef.from_text(text) is None
