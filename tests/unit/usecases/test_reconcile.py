"""What lost events, crashes and outages left open is made good, once, and one trouble does not hide another."""

from dataclasses import replace
from datetime import timedelta

import pytest

from buildgate.domain.approvals import Decision, Identity
from buildgate.domain.errors import Unavailable
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import MAX_RESUMES, RunStatus
from core_world import ProcessDied
from run_records import approval_rule

RELEASE = Stage("release", approval=approval_rule(approvers=("bob-smith@example.com",), channel="mailbox"))


def ask(world, stage=RELEASE):
    """Open a run that waits for an approval; return the run, the approval's reference and the task's token."""
    run = world.open(stage)
    world.next_step(run.run_id)
    token = world.token()
    world.request.park(run.run_id, stage=0, name="entry", token=token)
    (approval,) = world.w.approvals.waiting()
    return run, approval.ref, token


def decision(world):
    return Decision(True, "bob-smith@example.com", Identity.MAILBOX, "", world.clock.now())


def test_an_idle_round_changes_nothing(world):
    world.open()
    world.reconcile(looks_for_pushes=True)
    before = world.dump()

    healed = world.reconcile(looks_for_pushes=True)

    assert (healed.counts, healed.failures) == ({}, [])
    assert world.dump() == before


def test_a_lost_end_of_a_build_is_found_and_the_run_goes_on(world):
    ref, token, build_id = world.started(world.open())
    world.end_build(build_id, "FAILED", after=240)
    assert world.reconcile().counts == {}
    world.clock.advance(minutes=10)

    healed = world.reconcile()

    assert healed.counts == {"builds": 1}
    assert world.fate(token) == "went on"
    assert world.w.runs.slot(ref).build_status == "FAILED"


def test_a_build_that_no_event_told_of_is_recorded_and_told_once(world):
    world.project("shop-unit")
    build_id = world.aws.client("codebuild").start_build(projectName="shop-unit")["build"]["id"]
    world.end_build(build_id, "FAILED")

    counts = [world.reconcile().counts for _ in range(3)]

    assert counts == [{"unseen builds": 1}, {}, {}]
    assert len(world.published(Topic.FAILURE)) == 1


def test_more_than_a_page_of_unseen_builds_is_recorded(world):
    world.project("shop-unit")
    for _ in range(230):
        world.aws.client("codebuild").start_build(projectName="shop-unit")

    assert world.reconcile().counts == {"unseen builds": 230}
    assert world.reconcile().counts == {}


def test_an_account_with_a_past_is_not_told_of_it(world):
    world.project("shop-unit")
    client = world.aws.client("codebuild")
    for _ in range(250):
        build_id = client.start_build(projectName="shop-unit")["build"]["id"]
        world.aws.codebuild.settle(build_id, "FAILED", is_silent=True)
    world.clock.advance(days=30)
    client.start_build(projectName="shop-unit")

    first, second = world.reconcile().counts, world.reconcile().counts

    assert (first, second) == ({"unseen builds": 100}, {})
    assert world.published() == []


def test_a_callback_that_was_never_sent_is_sent(world):
    ref, token, build_id = world.started(world.open())
    world.end_build(build_id)
    world.trouble("stepfunctions", "send_task_success", ProcessDied)
    with pytest.raises(ProcessDied):
        world.w.record_build.by_id(build_id)
    world.clock.advance(1)

    assert world.reconcile().counts == {"slots": 1}
    assert world.fate(token) == "went on"
    assert world.reconcile().counts == {}
    assert world.w.runs.slot(ref).is_delivered


def test_a_start_that_was_never_answered_is_adopted_by_a_sweep(world):
    run = world.open()
    world.next_step(run.run_id)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)
    (build,) = world.aws.codebuild.builds()
    assert world.reconcile(is_sweep=True).counts == {"unseen builds": 1}

    assert world.w.runs.slot(ref).build_id == build.build_id
    world.end_build(build.build_id)
    world.reconcile(is_sweep=True)
    assert world.fate(token) == "went on"


def test_a_start_that_never_happened_fails_its_task_so_that_it_is_tried_again(world):
    run = world.open()
    world.next_step(run.run_id)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)
    assert "slots" not in world.reconcile(is_sweep=True).counts
    world.clock.advance(minutes=6)

    assert world.reconcile(is_sweep=True).counts["slots"] == 1
    assert world.fate(token) == "failed: Unavailable"


def test_a_start_that_was_lost_with_its_project_fails_its_task(world):
    run = world.open()
    world.next_step(run.run_id)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)
    del world.aws.codebuild.projects["shop-unit"]
    world.clock.advance(minutes=6)

    assert world.reconcile(is_sweep=True).counts["slots"] == 1
    assert world.fate(token) == "failed: Unavailable"


@pytest.mark.parametrize("is_bound", [True, False])
def test_a_build_that_nobody_waits_for_any_more_is_stopped(world, is_bound):
    run = world.open()
    world.next_step(run.run_id)
    ref = world.slot(run)
    world.trouble("codebuild", "start_build", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=world.token())
    (build,) = world.aws.codebuild.builds()
    if is_bound:
        world.w.close_run(run.run_id)
    else:
        world.w.settle_build(ref, error="Runtime.ExitError")
    world.w.record_build.by_id(build.build_id)
    world.clock.advance(minutes=11)

    world.reconcile()

    assert build.status == "STOPPED"


def test_a_build_that_somebody_repeats_by_hand_is_left_alone(world):
    run = world.open()
    _, _, build_id = world.started(run)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    world.w.close_run(run.run_id)
    variables = world.aws.codebuild.builds()[0].request["environmentVariablesOverride"]
    world.aws.client("codebuild").start_build(projectName="shop-unit", environmentVariablesOverride=variables)
    world.reconcile()
    world.clock.advance(minutes=11)

    world.reconcile()

    assert world.aws.codebuild.builds()[1].status == "IN_PROGRESS"


def test_a_decision_whose_callback_was_lost_lets_the_run_go_on(world):
    _, ref, token = ask(world)
    world.trouble("stepfunctions", "send_task_success", ProcessDied)
    with pytest.raises(ProcessDied):
        world.w.decide_approval(ref, decision(world))
    world.clock.advance(1)

    assert world.reconcile().counts == {"approvals": 1}
    assert world.fate(token) == "went on"
    assert world.reconcile().counts == {}


def test_an_approval_that_waits_is_left_to_the_state_machine(world):
    _, _, token = ask(world)
    world.clock.advance(minutes=90)

    assert "approvals" not in world.reconcile().counts
    assert world.fate(token) == "waits"


def test_an_approval_that_no_timer_ended_long_after_its_time_expires(world):
    _, _, token = ask(world)
    world.clock.advance(hours=2, minutes=1)

    assert world.reconcile().counts["approvals"] == 1
    assert world.fate(token) == "failed: Closed"


def test_an_approver_with_a_hyphen_is_asked_again_when_the_message_failed(world):
    run = world.open(RELEASE)
    world.next_step(run.run_id)
    world.trouble("sns", "publish")
    world.request.park(run.run_id, stage=0, name="entry", token=world.token())
    assert world.published() == []
    world.clock.advance(minutes=2)

    world.reconcile()
    world.clock.advance(0)

    (message,) = world.published(Topic.APPROVAL)
    assert message.attributes["approver"] == "bob-smith@example.com"
    assert world.reconcile().counts == {}


def test_the_notice_of_a_run_is_sent_when_its_topic_answers_again(world):
    run = world.open()
    world.trouble("sns", "publish", times=3)
    world.w.close_run(run.run_id)
    world.reconcile()
    assert world.published() == []
    world.aws.boundary = world.aws.faults

    assert world.reconcile().counts == {"notices": 1}
    assert len(world.published(Topic.FAILURE)) == 1
    assert world.reconcile().counts == {}


def test_the_notice_of_a_build_is_sent_when_its_topic_answers_again(world):
    world.project("shop-unit")
    build_id = world.aws.client("codebuild").start_build(projectName="shop-unit")["build"]["id"]
    world.end_build(build_id)
    world.trouble("sns", "publish")
    world.w.record_build.by_id(build_id)
    world.clock.advance(minutes=2)

    assert world.reconcile().counts == {"notices": 1}
    assert len(world.published(Topic.SUCCESS)) == 1


def test_a_run_whose_execution_never_started_is_started(world):
    world.apply()
    world.trouble("stepfunctions", "start_execution")
    with pytest.raises(Unavailable):
        world.w.start_run(world.push())
    world.clock.advance(minutes=3)

    assert world.reconcile().counts == {"runs": 1}
    assert len(world.executions()) == 1
    assert world.reconcile().counts == {}


def test_a_dead_execution_is_resumed_three_times_and_then_the_run_fails(world):
    run = world.open()
    world.next_step(run.run_id)
    for number in range(1, MAX_RESUMES + 1):
        world.kill(f"{run.run_id}-{number}")
        world.clock.advance(minutes=6)
        assert world.reconcile().counts == {"runs": 1}
        assert world.run(run.run_id).execution_name == f"{run.run_id}-{number + 1}"

    world.kill(f"{run.run_id}-4")
    world.clock.advance(minutes=6)
    world.reconcile()

    ended = world.run(run.run_id)
    assert (ended.status, ended.reason) == (RunStatus.FAILED, "its execution ended as FAILED 4 times")
    assert len(world.executions()) == 4


def test_a_run_past_its_deadline_is_closed(world):
    run = world.open()
    world.next_step(run.run_id)
    world.clock.advance(seconds=(run.due_at - world.clock.now()).total_seconds())

    world.reconcile()

    assert world.run(run.run_id).status is RunStatus.TIMED_OUT
    assert len(world.published(Topic.FAILURE)) == 1


def test_one_items_trouble_does_not_keep_the_others_waiting(world):
    world.project("shop-unit")
    client = world.aws.client("codebuild")
    for _ in range(3):
        client.start_build(projectName="shop-unit")
    world.trouble("dynamodb", "put_item")

    healed = world.reconcile()

    assert healed.counts == {"unseen builds": 2}
    assert len(healed.failures) == 1


def test_a_service_that_is_away_hides_no_other_work_and_is_told_of(world):
    run = world.open()
    world.kill(run.execution_name)
    world.next_step(run.run_id)
    world.clock.advance(minutes=6)
    world.trouble("codebuild", "list_builds")

    with pytest.raises(Unavailable):
        world.reconcile()

    assert world.run(run.run_id).executions == 2


def test_a_reminder_of_an_approval_that_is_over_ends_what_was_owed(world):
    run = world.open(RELEASE)
    world.next_step(run.run_id)
    world.trouble("sns", "publish")
    world.request.park(run.run_id, stage=0, name="entry", token=world.token())
    world.w.close_run(run.run_id)
    world.clock.advance(minutes=2)

    world.reconcile()
    world.clock.advance(0)

    assert world.published(Topic.APPROVAL) == []
    assert world.w.work.due_notices(world.clock.now() + timedelta(days=1)) == []


def test_a_sweep_is_safe_at_any_moment(world):
    builds = (BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint"))
    run = world.open(replace(RELEASE, approval=None, builds=builds))
    _, token, _ = world.started(run)

    for _ in range(3):
        assert "slots" not in world.reconcile(is_sweep=True, looks_for_pushes=True).counts

    assert world.fate(token) == "waits"
    assert world.run(run.run_id).status is RunStatus.RUNNING
