"""How runs end: by themselves, because someone wants it, because an execution died; and what is cleaned up then."""

from dataclasses import replace

import pytest

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.builds import BuildStatus
from buildgate.domain.errors import NotFound, Rejected, Unavailable
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import MAX_RESUMES, RunStatus
from buildgate.domain.slots import SlotState
from core_world import ALICE, ProcessDied
from run_records import RUN_ID, approval_rule

TWO = Stage("test", builds=(BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint")))
GUARDED = Stage("release", approval=approval_rule())


def finished(world):
    """Bring a run of one stage to the point where it is to be closed."""
    run = world.open()
    _, _, build_id = world.started(run)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    world.next_step(run.run_id)
    return run


def asked(world):
    run = world.open(GUARDED)
    world.next_step(run.run_id)
    token = world.token()
    world.request.park(run.run_id, stage=0, name="entry", token=token)
    return run, token


# ---------------------------------------------------------------------------------------------------- settling slots


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("States.Timeout", BuildStatus.TIMED_OUT),
        ("Stopped", BuildStatus.STOPPED),
        ("Closed", BuildStatus.STOPPED),
        ("Rejected", BuildStatus.FAULT),
        ("Runtime.ExitError", BuildStatus.FAULT),
    ],
)
def test_a_build_that_nobody_waits_for_is_stopped_and_its_slot_says_why(world, error, status):
    ref, _, _ = world.started(world.open())

    assert world.w.settle_build(ref, error=error, cause="because").reason == f"settled as {status}"

    slot = world.w.runs.slot(ref)
    assert (slot.state, slot.build_status, slot.reason) == (SlotState.SETTLED, status, f"{error}: because")
    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED"]
    assert world.w.work.due_slots(world.clock.now().replace(year=2030)) == []


def test_a_build_that_ended_by_itself_keeps_its_own_outcome(world):
    ref, _, build_id = world.started(world.open())
    world.end_build(build_id, "FAILED", phase="INSTALL")

    world.w.settle_build(ref, error="States.Timeout")

    slot = world.w.runs.slot(ref)
    assert (slot.build_status, slot.reason) == (BuildStatus.FAILED, "INSTALL FAILED")


def test_a_slot_is_settled_once(world):
    ref, _, build_id = world.started(world.open())
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)

    assert world.w.settle_build(ref, error="States.Timeout").reason == "settled before"
    assert world.w.runs.slot(ref).build_status is BuildStatus.SUCCEEDED


def test_a_slot_without_a_build_is_settled_too(world):
    run = world.open()
    world.next_step(run.run_id)

    world.w.settle_build(world.slot(run), error="Rejected", cause="project shop-unit cannot start: token=abcdef")

    slot = world.w.runs.slot(world.slot(run))
    assert (slot.build_status, slot.reason) == (
        BuildStatus.FAULT,
        "Rejected: project shop-unit cannot start: token=***",
    )


def test_a_slot_that_is_not_there_is_no_trouble(world):
    assert world.w.settle_build(world.slot(world.open(), "other"), error="States.Timeout") == ("settled before", None)


# ---------------------------------------------------------------------------------------------------- closing


def test_a_run_whose_stages_are_done_succeeds_and_says_so_on_its_topic(world):
    run = finished(world)

    ended = world.w.close_run(run.run_id)

    assert (ended.status, ended.reason) == (RunStatus.SUCCEEDED, "1 stages done")
    (message,) = world.published()
    assert message.attributes["topic"] == Topic.SUCCESS
    assert message.attributes["key"] == f"{run.run_id}/run-SUCCEEDED"
    assert "test SUCCEEDED" in message.message
    assert world.w.pipelines.head("shop").last_run_status == "SUCCEEDED"


def test_what_a_crash_left_out_of_a_runs_end_is_made_up_for(world):
    run = finished(world)
    world.trouble("dynamodb", "transact_write_items", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.w.close_run(run.run_id)
    assert (world.run(run.run_id).status, world.w.pipelines.head("shop").last_run_status) == (RunStatus.SUCCEEDED, "")

    world.clock.advance(120)
    world.reconcile()

    assert world.w.pipelines.head("shop").last_run_status == "SUCCEEDED"
    assert len(world.published()) == 1


def test_closing_again_changes_nothing_and_tells_nobody(world):
    run = finished(world)
    world.w.close_run(run.run_id)
    before = world.dump()

    for error in ("", "too late"):
        assert world.w.close_run(run.run_id, error=error).status is RunStatus.SUCCEEDED

    assert world.dump() == before
    assert len(world.published()) == 1


def test_a_run_whose_machine_gave_up_fails_with_its_error(world):
    run = world.open()
    world.next_step(run.run_id)

    ended = world.w.close_run(run.run_id, error="Corrupt: password=hunter2 is no version")

    assert (ended.status, ended.reason) == (RunStatus.FAILED, "Corrupt: password=*** is no version")


def test_an_ended_run_leaves_nothing_running_and_nobody_waiting(world):
    run = world.open(TWO)
    tokens = [world.started(run, name)[1] for name in ("unit", "lint")]

    world.w.close_run(run.run_id, error="gave up")

    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED", "STOPPED"]
    assert [world.fate(token) for token in tokens] == ["failed: Closed", "failed: Closed"]
    assert world.w.work.due_runs(run.due_at) == []


def test_an_approval_of_an_ended_run_is_cancelled(world):
    run, token = asked(world)

    world.w.close_run(run.run_id, error="gave up")

    (approval,) = world.w.runs.record(run.run_id).approvals
    assert approval.status is ApprovalStatus.CANCELLED
    assert world.fate(token) == "failed: Closed"
    assert world.w.approvals.waiting() == []


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("dynamodb", "transact_write_items"),
        ("codebuild", "stop_build"),
        ("sns", "publish"),
        ("dynamodb", "update_item"),
    ],
)
def test_a_crash_while_closing_is_made_good_by_closing_again(world, service, operation, is_after):
    run = world.open(TWO)
    tokens = [world.started(run, name)[1] for name in ("unit", "lint")]
    world.trouble(service, operation, ProcessDied, is_after=is_after)
    with pytest.raises(ProcessDied):
        world.w.close_run(run.run_id, error="gave up")
    world.aws.boundary = world.aws.faults

    ended = world.w.close_run(run.run_id)

    assert ended.status is RunStatus.FAILED
    assert {build.status for build in world.aws.codebuild.builds()} == {"STOPPED"}
    assert {world.fate(token) for token in tokens} == {"failed: Closed"}
    assert len({message.attributes["key"] for message in world.published()}) == 1
    assert world.w.work.due_notices(run.due_at) == []


def test_a_run_pinned_to_a_version_that_is_gone_still_ends(world):
    run = world.open()
    client = world.aws.client("dynamodb")
    client.delete_item(TableName="buildgate", Key={"pk": {"S": "PIPELINE#shop"}, "sk": {"S": f"V#{run.version}"}})

    ended = world.w.close_run(run.run_id)

    assert (ended.status, ended.reason) == (RunStatus.FAILED, "the pipeline version it is pinned to is gone")


def test_a_run_that_does_not_exist_is_named(world):
    with pytest.raises(NotFound, match=RUN_ID):
        world.w.close_run(RUN_ID)
    with pytest.raises(NotFound, match=RUN_ID):
        world.w.close_run.execution_died(RUN_ID, execution_name=f"{RUN_ID}-1", status="FAILED")


def test_a_pipelines_own_topic_gets_its_notices(world):
    arn = world.aws.client("sns").create_topic(Name="own")["TopicArn"]
    pipeline = world.apply()
    world.w.apply_pipeline(replace(pipeline, topics={"failure": arn}), actor=ALICE)
    (run_id,) = world.w.start_run(world.push()).run_ids

    world.w.close_run(run_id, error="gave up")

    assert [message.topic_arn for message in world.published()] == [arn]


def test_an_older_run_that_ends_late_is_not_shown_as_the_last_one(world):
    older = world.open()
    (newer,) = world.w.start_run(world.push()).run_ids
    world.w.close_run(newer, error="x")

    world.w.close_run(older.run_id, error="x")

    assert world.w.pipelines.head("shop").last_run_id == newer


# ---------------------------------------------------------------------------------------------------- dead executions


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_a_dead_execution_is_resumed_by_the_next_one(world, status):
    run = world.open()

    _, done = world.w.close_run.execution_died(run.run_id, execution_name=run.execution_name, status=status)

    again = world.run(run.run_id)
    assert (done, again.execution_name, again.resumes) == ("resumed", f"{run.run_id}-2", 1)
    assert world.executions()[-1] == f"{run.run_id}-2"


def test_the_same_news_twice_resumes_once(world):
    run = world.open()

    done = [
        world.w.close_run.execution_died(run.run_id, execution_name=run.execution_name, status="FAILED")[1]
        for _ in range(2)
    ]

    assert done == ["resumed", f"{run.run_id}-2 has taken over"]
    assert len(world.executions()) == 2


def test_a_run_is_resumed_three_times_at_the_most(world):
    run = world.open()
    name = lambda: world.run(run.run_id).execution_name  # noqa: E731 - the newest, each time

    done = [
        world.w.close_run.execution_died(run.run_id, execution_name=name(), status="FAILED")[1]
        for _ in range(MAX_RESUMES + 1)
    ]

    assert done == ["resumed"] * MAX_RESUMES + ["given up"]
    assert world.run(run.run_id).status is RunStatus.FAILED
    assert len(world.published(Topic.FAILURE)) == 1


def test_a_run_outlives_any_number_of_restarts_of_what_runs_it(world):
    run = world.open()

    done = [
        world.w.close_run.execution_died(
            run.run_id, execution_name=world.run(run.run_id).execution_name, status="FAILED", is_interrupted=True
        )[1]
        for _ in range(MAX_RESUMES + 2)
    ]

    again = world.run(run.run_id)
    assert done == ["resumed"] * (MAX_RESUMES + 2)
    assert (again.status.is_final, again.resumes, again.executions) == (False, 0, MAX_RESUMES + 3)


def test_an_aborted_execution_stops_its_run_and_its_builds(world):
    run = world.open()
    world.started(run)

    world.w.close_run.execution_died(run.run_id, execution_name=run.execution_name, status="ABORTED")

    ended = world.run(run.run_id)
    assert (ended.status, ended.reason) == (RunStatus.STOPPED, "its execution was aborted")
    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED"]


def test_the_end_of_an_execution_whose_run_has_ended_only_cleans_up(world):
    run = finished(world)
    world.w.close_run(run.run_id)

    _, done = world.w.close_run.execution_died(run.run_id, execution_name=run.execution_name, status="FAILED")

    assert done == "the run had ended"
    assert len(world.executions()) == 1
    assert len(world.published()) == 1


def test_a_resume_that_could_not_start_is_started_by_the_next_look(world):
    run = world.open()
    world.next_step(run.run_id)
    world.kill(run.execution_name)
    world.trouble("stepfunctions", "start_execution")
    with pytest.raises(Unavailable):
        world.w.close_run.execution_died(run.run_id, execution_name=run.execution_name, status="FAILED")
    world.clock.advance(minutes=6)

    world.reconcile()

    assert world.run(run.run_id).status is RunStatus.RUNNING
    assert world.execution(world.run(run.run_id).execution_name).status == "RUNNING"


# ---------------------------------------------------------------------------------------------------- stopping


def test_stopping_stops_the_builds_and_releases_the_machine_which_closes_the_run(world):
    run = world.open(TWO)
    tokens = [world.started(run, name)[1] for name in ("unit", "lint")]

    said = world.w.stop_run(run.run_id, actor="alice@example.com", comment="wrong branch")

    assert said == "stopping"
    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED", "STOPPED"]
    assert [world.fate(token) for token in tokens] == ["failed: Stopped", "failed: Stopped"]
    ended = world.w.close_run(run.run_id)
    assert (ended.status, ended.reason) == (RunStatus.STOPPED, "stopped by alice@example.com: wrong branch")


def test_stopping_releases_an_approval(world):
    run, token = asked(world)

    world.w.stop_run(run.run_id, actor=ALICE, comment="")

    assert world.fate(token) == "failed: Stopped"
    assert world.w.close_run(run.run_id).reason == f"stopped by {ALICE}"


def test_stopping_twice_keeps_the_first_wish(world):
    run = world.open()
    world.w.stop_run(run.run_id, actor="alice@example.com", comment="first")

    said = world.w.stop_run(run.run_id, actor="bob@example.com", comment="second")

    assert said == "was being stopped already"
    assert world.run(run.run_id).stop.comment == "first"


def test_stopping_again_finishes_what_a_crash_left(world):
    run = world.open(TWO)
    tokens = [world.started(run, name)[1] for name in ("unit", "lint")]
    world.trouble("codebuild", "stop_build", ProcessDied)
    with pytest.raises(ProcessDied):
        world.w.stop_run(run.run_id, actor=ALICE, comment="")
    world.aws.boundary = world.aws.faults

    world.w.stop_run(run.run_id, actor=ALICE, comment="")

    assert {build.status for build in world.aws.codebuild.builds()} == {"STOPPED"}
    assert {world.fate(token) for token in tokens} == {"failed: Stopped"}


def test_a_run_that_has_ended_cannot_be_stopped(world):
    run = finished(world)
    world.w.close_run(run.run_id)

    with pytest.raises(Rejected, match="has ended: SUCCEEDED"):
        world.w.stop_run(run.run_id, actor=ALICE, comment="")


def test_a_run_that_is_not_there_cannot_be_stopped(world):
    with pytest.raises(NotFound, match=RUN_ID):
        world.w.stop_run(RUN_ID, actor=ALICE, comment="")


def test_a_comment_is_kept_short_and_without_secrets(world):
    run = world.open()

    world.w.stop_run(run.run_id, actor=ALICE, comment="token=abcdef " + "x" * 900)

    comment = world.run(run.run_id).stop.comment
    assert comment.startswith("token=*** x")
    assert len(comment) == 500
