"""People are asked once each, by a link of their own; one decision counts, and the run hears of it."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from buildgate.domain.approvals import (
    Approval,
    ApprovalRef,
    ApprovalStatus,
    Decided,
    Decision,
    Identity,
    Refused,
    Repeated,
    find_capability,
)
from buildgate.domain.errors import Conflict, NotFound, Stopped, Unavailable
from buildgate.domain.gates import parse
from buildgate.domain.ids import fingerprint
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import Stage
from core_world import ALICE, LINKS, ProcessDied
from run_records import RUN_ID, approval_rule

PEOPLE = ("ann-marie@example.com", "bob@example.com")
REVIEW = {
    "name": "review",
    "manual": {"approvers": list(PEOPLE), "required": 2, "timeout": "48h", "instructions": "Look."},
}


def waiting(world, **rule):
    """Bring a run to its approval; return the reference and the token of the task that waits."""
    run = world.open(Stage("release", approval=approval_rule(**rule)))
    world.next_step(run.run_id)
    token = world.token()
    park(world, run.run_id, token)
    return ApprovalRef(run.run_id, 0, 1, "entry"), token


def park(world, run_id, token, name="entry"):
    return world.request.park(run_id, stage=0, name=name, token=token)


def links(world):
    """Return approver (empty for a broadcast) and capability of every link that was sent."""
    found = []
    for message in world.published(Topic.APPROVAL):
        (capability,) = set(re.findall(rf"{LINKS}/approvals/\S+\?k=([\w-]+)", message.text_for("email")))
        found.append((message.attributes.get("approver", ""), capability))
    return found


def decide(world, ref, approve=True, actor="bob@example.com", identity=Identity.LINK, comment=""):  # noqa: FBT002
    return world.w.decide_approval(ref, Decision(approve, actor, identity, comment, world.clock.now()))[1]


def stored(world, ref) -> Approval:
    return world.w.approvals.get(ref)


# ---------------------------------------------------------------------------------------------------- asking


def test_a_broadcast_link_goes_out_once_with_a_capability_that_only_the_message_holds(world):
    ref, token = waiting(world, instructions="Read the notes")

    ((approver, capability),) = links(world)
    approval = stored(world, ref)
    assert (approver, len(capability)) == ("", 43)
    assert find_capability(approval, capability).approver == ""
    assert capability not in str(world.dump())
    assert (approval.token, approval.status) == (token, ApprovalStatus.WAITING)
    assert approval.due_at == world.clock.now() + timedelta(hours=1)
    assert "Read the notes" in world.published(Topic.APPROVAL)[0].text_for("email")


def test_each_approver_gets_a_message_and_a_capability_of_their_own(world):
    ref, _ = waiting(world, approvers=PEOPLE, channel="mailbox")

    sent = links(world)
    assert [approver for approver, _ in sent] == list(PEOPLE)
    assert len({capability for _, capability in sent}) == 2
    for approver, capability in sent:
        assert find_capability(stored(world, ref), capability).approver == approver


@pytest.mark.parametrize("channel", ["iam", "oidc"])
def test_a_channel_without_links_names_the_command(world, channel):
    ref, _ = waiting(world, channel=channel)

    (message,) = world.published(Topic.APPROVAL)
    assert LINKS not in message.message
    assert f"buildgate approval show {ref.to_text()}" in message.text_for("email")


def test_asking_again_sends_nothing_twice_and_keeps_the_newest_token(world):
    ref, _ = waiting(world, approvers=PEOPLE, channel="mailbox")
    newer = world.token()

    said = park(world, ref.run_id, newer)

    assert said == "ann-marie@example.com was asked before; bob@example.com was asked before"
    assert len(links(world)) == 2
    assert stored(world, ref).token == newer
    assert stored(world, ref).due_at == world.clock.now() + timedelta(hours=1)


def test_a_message_that_failed_is_sent_again_with_a_new_link_and_the_others_are_left_alone(world):
    world.trouble("sns", "publish")
    ref, _ = waiting(world, approvers=PEOPLE, channel="mailbox")
    assert [approver for approver, _ in links(world)] == ["bob@example.com"]

    world.request.remind(ref)

    assert sorted(approver for approver, _ in links(world)) == sorted(PEOPLE)
    assert len(stored(world, ref).capabilities) == 3


def test_a_message_whose_answer_was_lost_may_come_twice_and_both_links_work(world):
    world.trouble("sns", "publish", is_after=True)
    ref, _ = waiting(world)

    world.request.remind(ref)

    keys = {message.attributes["key"] for message in world.published(Topic.APPROVAL)}
    assert (len(links(world)), len(keys)) == (2, 1)
    assert all(find_capability(stored(world, ref), capability) for _, capability in links(world))


def test_a_decided_approval_answers_a_new_token_without_asking_anyone(world):
    ref, old = waiting(world)
    decide(world, ref)
    assert world.fate(old) == "went on"
    newer = world.token()

    assert park(world, ref.run_id, newer) == "delivered"
    assert world.fate(newer) == "went on"
    assert len(links(world)) == 1


def test_nobody_is_reminded_of_what_is_decided(world):
    ref, _ = waiting(world)
    decide(world, ref)

    assert world.request.remind(ref) == "nobody needs to be asked"
    assert world.request.remind(replace(ref, name="other")) == "nobody needs to be asked"
    assert len(links(world)) == 1


def test_a_run_that_is_being_stopped_asks_nobody(world):
    run = world.open(Stage("release", approval=approval_rule()))
    world.next_step(run.run_id)
    world.w.stop_run(run.run_id, actor=ALICE, comment="")

    with pytest.raises(Stopped):
        park(world, run.run_id, world.token())

    assert links(world) == []


def test_a_stage_without_such_an_approval_is_named(world):
    run = world.open(Stage("release"), Stage("later", approval=approval_rule()))
    world.next_step(run.run_id)

    with pytest.raises(NotFound, match="has no approval entry"):
        park(world, run.run_id, world.token())
    with pytest.raises(NotFound, match="has no stage 0"):
        park(world, RUN_ID, world.token())


def test_a_manual_gate_asks_by_its_own_rule(world):
    run = world.open(Stage("release", gates=(parse(REVIEW),)))
    world.next_step(run.run_id)

    park(world, run.run_id, world.token(), "review")

    approval = stored(world, ApprovalRef(run.run_id, 0, 1, "review"))
    assert (approval.required, approval.approvers, approval.channel) == (2, PEOPLE, Identity.MAILBOX)
    assert approval.due_at == world.clock.now() + timedelta(hours=48)


def test_whoever_made_the_change_is_barred_where_the_rule_says_so(world):
    ref, _ = waiting(world, channel="iam", allow_self=False)

    assert set(stored(world, ref).barred) == {ALICE, "alice@example.com"}


def test_time_that_runs_faster_shortens_the_approval(world):
    run = world.open(Stage("release", approval=approval_rule(timeout_minutes=60)))
    world.next_step(run.run_id)
    request = world.w.request_approval(link_base_url=f"{LINKS}/", time_scale=60)

    request.park(run.run_id, stage=0, name="entry", token=world.token())

    assert stored(world, ApprovalRef(run.run_id, 0, 1, "entry")).due_at == world.clock.now() + timedelta(minutes=1)
    assert len(links(world)) == 1


def test_nothing_secret_is_in_the_message_but_the_link(world):
    _, token = waiting(world, instructions="password=hunter2")

    text = "".join(message.message for message in world.published())
    assert "hunter2" not in text
    assert token not in text


# ---------------------------------------------------------------------------------------------------- deciding


def test_an_approval_lets_the_run_go_on(world):
    ref, token = waiting(world)

    judged = decide(world, ref, comment="Looks good")

    approval = stored(world, ref)
    assert isinstance(judged, Decided)
    assert (approval.status, approval.is_delivered, world.fate(token)) == (ApprovalStatus.APPROVED, True, "went on")
    assert (approval.decisions[0].comment, approval.decisions[0].identity) == ("Looks good", Identity.LINK)
    assert world.w.approvals.waiting() == []


def test_a_rejection_is_a_decision_of_the_table_and_not_of_the_machine(world):
    ref, token = waiting(world)

    decide(world, ref, approve=False, comment="Not on a Friday")

    assert stored(world, ref).status is ApprovalStatus.REJECTED
    assert world.fate(token) == "went on"
    world.next_step(ref.run_id)
    assert world.w.close_run(ref.run_id).reason == "stage release: rejected by bob@example.com: Not on a Friday"


def test_the_same_decision_again_is_well_and_another_one_is_refused(world):
    ref, _ = waiting(world)
    decide(world, ref)
    before = world.dump()

    again, other, reversal = decide(world, ref), decide(world, ref, actor="eve"), decide(world, ref, approve=False)

    assert isinstance(again, Repeated)
    assert (other.status_code, reversal.status_code) == (409, 409)
    assert "bob@example.com approved this" in other.reason
    assert world.dump() == before


def test_a_quorum_needs_different_people(world):
    ref, token = waiting(world, approvers=PEOPLE, channel="mailbox", required=2)

    first = decide(world, ref, actor=PEOPLE[1], identity=Identity.MAILBOX)
    again = decide(world, ref, actor=PEOPLE[1], identity=Identity.MAILBOX)
    assert (first.reason, type(again), world.fate(token)) == ("1 of 2 approvals", Repeated, "waits")
    decide(world, ref, actor=PEOPLE[0], identity=Identity.MAILBOX)

    assert stored(world, ref).status is ApprovalStatus.APPROVED
    assert world.fate(token) == "went on"


def test_a_late_decision_is_refused_as_gone(world):
    ref, token = waiting(world)
    world.clock.advance(hours=1)

    judged = decide(world, ref)

    assert isinstance(judged, Refused)
    assert (judged.status_code, world.fate(token)) == (410, "waits")
    assert stored(world, ref).decisions == ()


def test_two_people_at_once_are_one_decision_and_one_refusal(world):
    ref, _ = waiting(world)

    class Racing:
        """Lets another person decide between reading and writing, once."""

        def __init__(self):
            self.is_first = True

        def __getattr__(self, name):
            return getattr(world.w.approvals, name)

        def store_decision(self, approval):
            if self.is_first:
                self.is_first = False
                decide(world, ref, approve=False, actor="eve")
            world.w.approvals.store_decision(approval)

    use_case = replace(world.w.decide_approval, approvals=Racing())
    _, judged = use_case(ref, Decision(True, "bob", Identity.LINK, "", world.clock.now()))

    assert (judged.status_code, stored(world, ref).status) == (409, ApprovalStatus.REJECTED)
    assert len(stored(world, ref).decisions) == 1


def test_deciders_that_keep_getting_in_the_way_are_a_conflict(world):
    ref, _ = waiting(world)

    class Racing:
        def __getattr__(self, name):
            return getattr(world.w.approvals, name)

        def store_decision(self, _):
            raise Conflict("someone was first")

    with pytest.raises(Conflict, match="other deciders were in the way"):
        replace(world.w.decide_approval, approvals=Racing())(
            ref, Decision(True, "bob", Identity.LINK, "", world.clock.now())
        )


def test_a_decision_stands_although_its_callback_did_not_get_through(world):
    ref, token = waiting(world)
    world.trouble("stepfunctions", "send_task_success")

    judged = decide(world, ref)

    assert isinstance(judged, Decided)
    assert world.fate(token) == "waits"
    world.clock.advance(1)
    world.reconcile()
    assert world.fate(token) == "went on"


def test_a_crash_before_the_decision_was_stored_decides_nothing(world):
    ref, token = waiting(world)
    world.trouble("dynamodb", "transact_write_items", ProcessDied)
    with pytest.raises(ProcessDied):
        decide(world, ref)

    assert stored(world, ref).status is ApprovalStatus.WAITING
    assert isinstance(decide(world, ref), Decided)
    assert world.fate(token) == "went on"


def test_a_lost_answer_of_the_decision_is_repeated_without_harm(world):
    ref, token = waiting(world)
    world.trouble("dynamodb", "transact_write_items", is_after=True)
    with pytest.raises(Unavailable):
        decide(world, ref)

    assert isinstance(decide(world, ref), Repeated)
    assert world.fate(token) == "went on"


def test_comments_and_names_are_kept_short_and_without_secrets(world):
    ref, _ = waiting(world)

    decide(world, ref, actor="  " + "b" * 500, comment="token=abcdef " + "x" * 5000)

    (decision,) = stored(world, ref).decisions
    assert (len(decision.actor), len(decision.comment)) == (200, 1000)
    assert "abcdef" not in decision.comment


def test_an_approval_that_is_not_there_is_named(world):
    with pytest.raises(NotFound, match="there is no approval"):
        decide(world, ApprovalRef(RUN_ID, 0, 1, "entry"))


def test_a_cancelled_approval_cannot_be_decided(world):
    ref, _ = waiting(world)
    world.w.close_run(ref.run_id)

    assert decide(world, ref).status_code == 409


def test_fingerprints_and_not_capabilities_are_stored(world):
    ref, _ = waiting(world)

    ((_, capability),) = links(world)
    assert [one.fingerprint for one in stored(world, ref).capabilities] == [fingerprint(capability)]
