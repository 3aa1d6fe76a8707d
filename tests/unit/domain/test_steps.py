from datetime import timedelta

import pytest

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.builds import BuildStatus
from buildgate.domain.gates import Gate, Manual
from buildgate.domain.runs import EXECUTION_EVENTS_LIMIT, RunStatus, StageStatus, StopRequest
from buildgate.domain.steps import (
    Begin,
    Close,
    Finish,
    HandOver,
    JudgeGates,
    Park,
    RunBuilds,
    decide,
    judge_run,
    run_due_at,
)
from buildgate.domain.steps import (
    approval_rule as rule_of,
)
from run_records import (
    NOON,
    approval,
    approval_rule,
    attempt,
    gate_result,
    pipeline,
    record,
    run,
    slot,
    stage,
    succeeded,
)

QUALITY = Gate(name="quality")
MANUAL = Gate(name="review", manual=Manual(("alice", "bob"), 2, 60, ("threat model",)))


def next_of(found, shape, now=NOON, **options):
    return decide(found, shape, now=now, **options)


def test_a_new_run_begins_its_first_stage():
    shape = pipeline(stage("test"), stage("release"))

    assert next_of(record(), shape) == Begin(0, shape.stages[0])


def test_a_stage_without_approval_starts_all_its_builds():
    found = record(stages=[attempt()], slots=[slot("unit"), slot("lint")])

    step = next_of(found, pipeline(stage(builds=("unit", "lint"), concurrency=2)))

    assert isinstance(step, RunBuilds)
    assert (len(step.slots), step.max_concurrency) == (2, 2)


def test_only_builds_that_are_not_settled_are_waited_for():
    found = record(stages=[attempt()], slots=[succeeded("unit"), slot("lint")])

    step = next_of(found, pipeline(stage(builds=("unit", "lint"))))

    assert [one.ref.name for one in step.slots] == ["lint"]


def test_the_entry_is_approved_before_anything_builds():
    shape = pipeline(stage(approval=approval_rule()))

    assert next_of(record(stages=[attempt()], slots=[slot()]), shape) == Park(attempt(), "entry", 3600)


def test_a_waiting_approval_is_waited_for_as_long_as_is_left():
    found = record(stages=[attempt()], slots=[slot()], approvals=[approval()])

    step = next_of(found, pipeline(stage(approval=approval_rule())), NOON + timedelta(minutes=50))

    assert step.timeout_seconds == 600


def test_a_fast_cloud_waits_shorter_for_people():
    step = next_of(record(stages=[attempt()]), pipeline(stage(approval=approval_rule())), time_scale=60.0)

    assert step.timeout_seconds == 60


def test_an_approved_stage_builds():
    found = record(stages=[attempt()], slots=[slot()], approvals=[approval(ApprovalStatus.APPROVED)])

    assert isinstance(next_of(found, pipeline(stage(approval=approval_rule()))), RunBuilds)


def test_a_rejection_ends_the_stage_and_names_who_and_why():
    found = record(stages=[attempt()], slots=[slot()], approvals=[approval(ApprovalStatus.REJECTED)])

    step = next_of(found, pipeline(stage(approval=approval_rule())))

    assert (step.status, step.reason) == (StageStatus.REJECTED, "rejected by alice: no")


@pytest.mark.parametrize("status", [ApprovalStatus.WAITING, ApprovalStatus.EXPIRED])
def test_an_approval_nobody_gave_in_time_expires_the_stage(status):
    found = record(stages=[attempt()], slots=[slot()], approvals=[approval(status)])

    step = next_of(found, pipeline(stage(approval=approval_rule())), NOON + timedelta(hours=1))

    assert step.status is StageStatus.EXPIRED


def test_gates_are_judged_when_the_builds_are_settled_failed_ones_too():
    found = record(stages=[attempt()], slots=[slot(status=BuildStatus.FAILED)])

    assert next_of(found, pipeline(stage(gates=(QUALITY,)))) == JudgeGates(attempt(), ["quality"])


def test_a_stage_whose_gate_blocks_fails_with_the_gates_reason():
    reason = "tests.failed is 2, must be <= 0 (junit.xml)"
    found = record(stages=[attempt()], slots=[succeeded()], gates=[gate_result(status="fail", reasons=(reason,))])

    step = next_of(found, pipeline(stage(gates=(QUALITY,))))

    assert (step.status, step.reason) == (StageStatus.FAILED, f"gate quality: {reason}")


def test_a_failed_build_fails_the_stage():
    found = record(stages=[attempt()], slots=[slot(status=BuildStatus.TIMED_OUT, reason="States.Timeout")])

    step = next_of(found, pipeline(stage()))

    assert (step.status, step.is_allowed) == (StageStatus.FAILED, False)
    assert "TIMED_OUT" in step.reason


def test_a_stage_that_may_fail_lets_the_run_go_on():
    shape = pipeline(stage(on_failure="continue"), stage("release"))
    failed = attempt(status=StageStatus.FAILED, is_allowed=True)

    assert isinstance(next_of(record(stages=[failed]), shape), Begin)


def test_people_are_asked_only_about_what_the_machine_let_pass():
    shape = pipeline(stage(gates=(QUALITY, MANUAL)))
    passing = record(stages=[attempt()], slots=[succeeded()], gates=[gate_result()])
    failing = record(stages=[attempt()], slots=[succeeded()], gates=[gate_result(status="fail", reasons=("x",))])

    assert next_of(passing, shape) == Park(attempt(), "review", 3600)
    assert next_of(failing, shape).status is StageStatus.FAILED


def test_a_manual_gate_asks_with_its_own_rule_and_checklist():
    rule = rule_of(stage(gates=(MANUAL,)), "review")

    assert (rule.required, rule.channel) == (2, "mailbox")
    assert "threat model" in rule.instructions


def test_a_long_history_is_handed_over():
    found = record(head=run(spent_events=EXECUTION_EVENTS_LIMIT + 1), stages=[attempt()], slots=[slot()])

    assert next_of(found, pipeline()) == HandOver()


@pytest.mark.parametrize(
    "head",
    [
        run(status=RunStatus.STOPPED),
        run(stop=StopRequest("alice", "", NOON)),
        run(due_at=NOON),
    ],
)
def test_an_ended_stopped_or_overdue_run_closes(head):
    assert isinstance(next_of(record(head=head, stages=[attempt()], slots=[slot()]), pipeline()), Close)


def test_a_run_whose_stages_are_done_succeeded():
    shape = pipeline(stage("test"), stage("release"))
    done = [attempt(0, "test", StageStatus.CARRIED), attempt(1, "release", StageStatus.SUCCEEDED)]

    assert isinstance(next_of(record(stages=done), shape), Close)
    assert judge_run(record(stages=done), shape, now=NOON).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("status", [StageStatus.FAILED, StageStatus.REJECTED, StageStatus.EXPIRED])
def test_a_run_ends_as_its_stage_did(status):
    found = record(stages=[attempt(status=status, reason="why")])

    outcome = judge_run(found, pipeline(), now=NOON)

    assert (outcome.status.value, outcome.reason) == (status.value, "stage test: why")


def test_a_stop_wins_over_everything_and_names_who():
    head = run(stop=StopRequest("alice", "wrong branch", NOON))

    outcome = judge_run(record(head=head), pipeline(), now=NOON)

    assert (outcome.status, outcome.reason) == (RunStatus.STOPPED, "stopped by alice: wrong branch")


def test_a_machine_that_gave_up_fails_the_run_with_its_error():
    outcome = judge_run(record(stages=[attempt()]), pipeline(), now=NOON, error="Corrupt: what")

    assert (outcome.status, outcome.reason) == (RunStatus.FAILED, "Corrupt: what")


def test_a_run_past_its_deadline_timed_out():
    assert judge_run(record(), pipeline(), now=NOON + timedelta(days=3)).status is RunStatus.TIMED_OUT


def test_the_deadline_leaves_room_for_every_bounded_wait():
    shape = pipeline(stage(approval=approval_rule(timeout_minutes=48 * 60), gates=(MANUAL,)))

    assert run_due_at(shape, NOON) > NOON + timedelta(hours=49)


def test_finishing_is_what_a_stage_without_builds_and_gates_does_at_once():
    assert isinstance(next_of(record(stages=[attempt()]), pipeline(stage(builds=()))), Finish)
