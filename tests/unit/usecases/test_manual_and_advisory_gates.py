"""Gates that people decide, and gates that only advise: both say their verdict everywhere, and stop what they should."""

import re

import pytest

from buildgate.domain.approvals import ApprovalRef, ApprovalStatus, Decision, Identity
from buildgate.domain.gates import parse
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import RunStatus, StageStatus
from buildgate.domain.steps import Close, Park
from buildgate.web.approval_page import ApprovalPage
from core_world import BUCKET, LINKS
from gate_world import GateWorld, gate, metrics
from web_requests import form_event, http_event

ARCHITECTURE = parse({"preset": "architecture_review"})
BUSINESS = parse({"preset": "business_approval"})
FAST = gate(name="fast", blocking=False, objectives=[{"measurement": "performance.p95_ms", "pass": ["<= 100"]}])
SLOW = {"m.json": metrics(performance_p95_ms=250)}


@pytest.fixture
def world():
    return GateWorld()


def opened(world, *gates):
    """Open a run of one stage that only has these gates, and bring it to its next move."""
    run = world.open(Stage("review", gates=gates))
    return run, world.next_step(run.run_id)[1]


def park(world, run, name):
    world.request.park(run.run_id, stage=0, name=name, token=world.token())
    return ApprovalRef(run.run_id, 0, 1, name)


def decide(world, ref, actor, *, approve=True, comment=""):
    decision = Decision(approve, actor, Identity.MAILBOX, comment, world.clock.now())
    return world.w.decide_approval(ref, decision)[1]


def verdicts(world, run):
    found = world.w.runs.record(run.run_id).gates
    return {one.name: (one.verdict.status, one.verdict.is_blocking, one.verdict.reasons[0]) for one in found}


def asked(world):
    """Return approver and link of every request, as a mailbox shows them."""
    found = {}
    for message in world.published(Topic.APPROVAL):
        (link,) = set(re.findall(rf"{LINKS}(/approvals/\S+\?k=[\w-]+)", message.text_for("email")))
        found[message.attributes["approver"]] = (link, message.text_for("email"))
    return found


# ---------------------------------------------------------------------------------------------------- people decide


@pytest.mark.parametrize(
    ("preset", "hours", "people"),
    [(ARCHITECTURE, 24, ("senior-architect", "security-lead")), (BUSINESS, 48, ("product-owner", "ux-lead"))],
)
def test_a_manual_preset_asks_each_of_two_approvers_by_a_link_of_their_own(world, preset, hours, people):
    run, move = opened(world, preset)
    assert isinstance(move, Park)
    assert (move.name, move.timeout_seconds) == (preset.name, hours * 3600)

    park(world, run, preset.name)

    sent = asked(world)
    assert tuple(sent) == people
    assert len({link for link, _ in sent.values()}) == 2
    for check in preset.manual.checklist:
        assert f"- {check}" in sent[people[0]][1]
    assert f"gate {preset.name} of stage review of shop waits" in sent[people[0]][1].casefold()


def test_both_must_agree_and_the_verdict_names_them(world):
    run, _ = opened(world, ARCHITECTURE)
    ref = park(world, run, "architecture_review")

    decide(world, ref, "senior-architect")
    assert isinstance(world.next_step(run.run_id)[1], Park)
    decide(world, ref, "security-lead")
    move = world.next_step(run.run_id)[1]

    assert isinstance(move, Close)
    said = "approved by senior-architect (mailbox), security-lead (mailbox)"
    assert verdicts(world, run) == {"architecture_review": ("pass", False, said)}
    [head] = world.g.judgements.since("shop", run.opened_at, limit=10)
    assert (head.gate, head.status, head.ref) == ("architecture_review", "pass", None)


def test_one_rejection_stops_the_run_and_is_the_gates_verdict(world):
    run, _ = opened(world, ARCHITECTURE)
    ref = park(world, run, "architecture_review")

    decide(world, ref, "security-lead", approve=False, comment="No threat model")
    world.next_step(run.run_id)
    ended = world.w.close_run(run.run_id)

    assert ended.status is RunStatus.REJECTED
    said = "rejected by security-lead (mailbox): No threat model"
    assert verdicts(world, run) == {"architecture_review": ("fail", True, said)}
    assert f"gate architecture_review fail: {said}" in world.published(Topic.FAILURE)[0].text_for("email")


def test_a_gate_that_nobody_decides_in_time_is_inconclusive_and_stops_the_run(world):
    run, _ = opened(world, ARCHITECTURE)
    ref = park(world, run, "architecture_review")
    decide(world, ref, "senior-architect")

    world.clock.advance(hours=24)
    world.next_step(run.run_id)

    status, is_blocking, reason = verdicts(world, run)["architecture_review"]
    assert (status, is_blocking) == ("inconclusive", True)
    assert reason.startswith("1 of 2 approvals before ")
    record = world.w.runs.record(run.run_id)
    assert record.stages[0].status is StageStatus.EXPIRED
    assert record.approvals[0].status is ApprovalStatus.EXPIRED


def test_an_advisory_manual_gate_lets_the_run_go_on_and_is_noted(world):
    optional = parse({"preset": "business_approval", "blocking": False})
    run, _ = opened(world, optional)
    ref = park(world, run, "business_approval")

    decide(world, ref, "ux-lead", approve=False, comment="Too grey")
    world.next_step(run.run_id)
    ended = world.w.close_run(run.run_id)

    assert ended.status is RunStatus.SUCCEEDED
    assert "gate business_approval fail (advisory): rejected by ux-lead (mailbox): Too grey" in ended.reason
    assert verdicts(world, run)["business_approval"][:2] == ("fail", False)


def test_the_page_of_a_manual_gate_asks_about_the_gate_with_its_check_list(world):
    run, _ = opened(world, ARCHITECTURE)
    park(world, run, "architecture_review")
    page = ApprovalPage(world.w.runs, world.w.pipelines, world.w.approvals, world.w.decide_approval, world.clock)
    link = asked(world)["security-lead"][0]
    approval_id, capability = link.removeprefix("/approvals/").split("?k=")

    shown = page(http_event("GET", f"/approvals/{approval_id}", query=f"k={capability}", id=approval_id))
    form = re.search(r'name="form" value="(\w+)"', shown.body)[1]
    done = page(form_event(approval_id, k=capability, form=form, decision="approve", comment="Fine"))

    assert "Does shop pass gate architecture_review after review?" in shown.body
    assert "You decide as <strong>security-lead</strong>" in shown.body
    assert "- Security has been reviewed" in shown.body
    assert "What follows" not in shown.body
    assert done.status_code == 200
    ref = ApprovalRef.from_text(approval_id)
    assert [one.actor for one in world.w.approvals.get(ref).decisions] == ["security-lead"]


# ---------------------------------------------------------------------------------------------------- advice


def test_an_advisory_failure_lets_the_run_go_on_and_is_noted_on_run_and_notice(world):
    run, verdict = world.judged(FAST, SLOW)

    world.next_step(run.run_id)
    ended = world.w.close_run(run.run_id)

    said = "gate fast fail (advisory): performance.p95_ms is 250, must be <= 100 (m.json)"
    assert (verdict.status, verdict.is_blocking) == ("fail", False)
    assert ended.status is RunStatus.SUCCEEDED
    assert said in ended.reason
    record = world.w.runs.record(run.run_id)
    assert record.stages[0].reason == f"1 build succeeded, {said}"
    assert f"gates: {said}" in world.published(Topic.SUCCESS)[0].text_for("email")


def test_an_observed_failure_says_that_it_would_have_stopped_the_run(world):
    observed = gate(mode="observe")
    run, verdict = world.judged(observed, {"m.json": metrics(tests_failed=1)})

    world.next_step(run.run_id)
    ended = world.w.close_run(run.run_id)

    assert "observe mode: this verdict would have stopped the run" in verdict.notes
    assert "gate quality fail (observed): tests.failed is 1" in ended.reason


def test_whoever_is_asked_later_sees_what_the_advisory_gate_said(world):
    stage = Stage("test", builds=(BuildStep("unit", "shop-unit"),), gates=(FAST, ARCHITECTURE))
    run = world.open(stage)
    ref, _, build_id = world.started(run)
    key = f"reports/shop-unit/{ref.to_text()}/m.json"
    world.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=SLOW["m.json"].encode())
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    world.judge(run, "fast")
    world.next_step(run.run_id)

    park(world, run, "architecture_review")

    assert "gate fast fail (advisory): performance.p95_ms is 250" in asked(world)["senior-architect"][1]


# ---------------------------------------------------------------------------------------------------- asked on a warning

IF_WARNED = gate(name="anyway", manual={"approvers": ["alice@example.com"], "when": "warn"}, objectives=None)


def judged_with_a_question(world, judged, reports):
    stage = Stage("test", builds=(BuildStep("unit", "shop-unit"),), gates=(judged, IF_WARNED))
    run = world.reported(judged, reports, stage=stage)
    world.judge(run, judged.name)
    return run, world.next_step(run.run_id)[1]


def test_nobody_is_asked_where_every_automated_gate_passed_and_the_verdict_says_so(world):
    run, move = judged_with_a_question(world, gate(), {"m.json": metrics(tests_failed=0)})

    assert isinstance(move, Close)
    assert verdicts(world, run)["anyway"] == (
        "pass",
        False,
        "nobody had to be asked: every automated gate of the stage passed",
    )
    assert world.w.close_run(run.run_id).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("judged", "reports"),
    [
        (gate(objectives=[{"measurement": "tests.failed", "pass": ["<= 0"], "warn": ["<= 5"]}]), {"tests_failed": 2}),
        (FAST, {"performance_p95_ms": 250}),
    ],
)
def test_people_are_asked_where_a_gate_warned_or_failed_without_stopping_the_run(world, judged, reports):
    run, move = judged_with_a_question(world, judged, {"m.json": metrics(**reports)})

    assert isinstance(move, Park)
    decide(world, park(world, run, "anyway"), "alice@example.com")
    assert isinstance(world.next_step(run.run_id)[1], Close)
    assert verdicts(world, run)["anyway"][2].startswith("approved by alice@example.com")


def test_nobody_is_asked_about_what_a_gate_stops(world):
    run, move = judged_with_a_question(world, gate(), {"m.json": metrics(tests_failed=1)})

    assert isinstance(move, Close)
    assert set(verdicts(world, run)) == {"quality"}
