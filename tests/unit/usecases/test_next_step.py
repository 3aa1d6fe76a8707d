"""One call, one move: what a step writes, what it tells the machine, and that asking again changes nothing."""

from dataclasses import replace

import pytest

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.errors import Conflict, Corrupt, NotFound
from buildgate.domain.gates import parse
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import EXECUTION_EVENTS_LIMIT, RunStatus, StageStatus
from buildgate.domain.steps import Close, HandOver, JudgeGates, Park, RunBuilds
from core_world import ALICE, ProcessDied
from run_records import RUN_ID, approval_rule

TWO = Stage("test", builds=(BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint")), concurrency=2)
QUALITY = parse({"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]})


def move_of(world, run):
    return world.next_step(run.run_id)[1]


def stages(world, run):
    record = world.w.runs.record(run.run_id)
    return [(stage.name, stage.status) for stage in sorted(record.stages, key=lambda stage: stage.index)]


def finish(world, run, name="unit", stage=0, status="SUCCEEDED"):
    ref = world.slot(run, name, stage)
    build_id = world.start_build(ref, token=world.token()).build_id
    world.end_build(build_id, status)
    world.w.record_build.by_id(build_id)


def test_the_first_step_opens_the_first_stage_and_runs_its_builds(world):
    run = world.open(TWO)

    move = move_of(world, run)

    assert isinstance(move, RunBuilds)
    assert ([slot.ref.name for slot in move.slots], move.max_concurrency) == (["lint", "unit"], 2)
    assert move.timeout_seconds == (480 + 60 + 10) * 60
    assert world.run(run.run_id).status is RunStatus.RUNNING
    assert stages(world, run) == [("test", "RUNNING")]


def test_asking_again_gives_the_same_move_and_opens_nothing_more(world):
    run = world.open(TWO)

    moves = [move_of(world, run) for _ in range(3)]

    assert moves[0] == moves[1] == moves[2]
    assert len(world.w.runs.record(run.run_id).slots) == 2


def test_only_builds_that_are_open_are_asked_for(world):
    run = world.open(TWO)
    move_of(world, run)
    finish(world, run, "lint")

    assert [slot.ref.name for slot in move_of(world, run).slots] == ["unit"]


def test_gates_follow_the_builds_and_the_next_stage_follows_the_gates(world):
    run = world.open(replace(TWO, builds=TWO.builds[:1], gates=(QUALITY,)), Stage("release"))
    move_of(world, run)
    finish(world, run)

    move = move_of(world, run)

    assert isinstance(move, JudgeGates)
    assert move.names == ["quality"]


def test_a_stage_that_waits_for_people_is_parked_before_it_builds(world):
    run = world.open(replace(TWO, approval=approval_rule(timeout_minutes=90)))

    move = move_of(world, run)

    assert isinstance(move, Park)
    assert (move.name, move.timeout_seconds) == ("entry", 5400)


def test_time_that_runs_faster_shortens_the_wait_for_people_only(world):
    run = world.open(replace(TWO, approval=approval_rule(timeout_minutes=90)))

    _, move = world.w.next_step(time_scale=60)(run.run_id)

    assert move.timeout_seconds == 90


def test_an_approval_that_nobody_gave_expires_with_its_stage(world):
    run = world.open(replace(TWO, approval=approval_rule()))
    move_of(world, run)
    world.request.park(run.run_id, stage=0, name="entry", token=world.token())
    world.clock.advance(minutes=61)

    move = move_of(world, run)

    assert isinstance(move, Close)
    assert stages(world, run) == [("test", StageStatus.EXPIRED)]
    assert world.w.runs.record(run.run_id).approvals[0].status is ApprovalStatus.EXPIRED


def test_a_failed_build_ends_the_run_before_the_next_stage(world):
    run = world.open(replace(TWO, builds=TWO.builds[:1]), Stage("release"))
    move_of(world, run)
    finish(world, run, status="FAILED")

    move = move_of(world, run)

    assert isinstance(move, Close)
    assert stages(world, run) == [("test", StageStatus.FAILED)]


def test_a_stage_that_may_fail_lets_the_run_go_on(world):
    first = replace(TWO, builds=TWO.builds[:1], on_failure="continue")
    run = world.open(first, Stage("release", builds=(BuildStep("release", "shop-release"),)))
    move_of(world, run)
    finish(world, run, status="FAILED")

    move = move_of(world, run)

    assert isinstance(move, RunBuilds)
    assert stages(world, run) == [("test", StageStatus.FAILED), ("release", StageStatus.RUNNING)]


def test_stages_that_do_nothing_are_walked_through_in_one_call(world):
    run = world.open(*(Stage(f"empty-{number}") for number in range(50)))

    move = move_of(world, run)

    assert move == Close("every stage is done")
    assert {status for _, status in stages(world, run)} == {StageStatus.SUCCEEDED}


def test_a_run_that_is_to_stop_closes_at_once(world):
    run = world.open(TWO)
    world.w.stop_run(run.run_id, actor=ALICE, comment="")

    assert move_of(world, run) == Close(f"stopped by {ALICE}")


def test_a_long_history_is_handed_over_to_a_new_execution_and_counted_anew(world):
    run = world.open(TWO)
    move_of(world, run)
    world.w.runs.spend_events(run.run_id, EXECUTION_EVENTS_LIMIT + 1)

    move = move_of(world, run)

    again = world.run(run.run_id)
    assert move == HandOver()
    assert (again.executions, again.resumes, again.spent_events) == (2, 0, 0)
    assert world.executions()[-1] == f"{run.run_id}-2"


def test_a_hand_over_that_someone_else_made_is_a_conflict_and_then_the_new_move(world):
    run = world.open(TWO)
    move_of(world, run)
    world.w.runs.spend_events(run.run_id, EXECUTION_EVENTS_LIMIT + 1)
    stale = world.run(run.run_id)
    world.w.runs.begin_execution(stale, is_resume=False)

    with pytest.raises(Conflict):
        world.w.runs.begin_execution(stale, is_resume=False)
    assert isinstance(move_of(world, run), RunBuilds)


def test_a_crash_while_a_stage_opens_leaves_nothing_half_open(world):
    run = world.open(TWO)
    world.trouble("dynamodb", "transact_write_items", ProcessDied)
    with pytest.raises(ProcessDied):
        move_of(world, run)
    assert stages(world, run) == []

    assert len(move_of(world, run).slots) == 2


def test_a_run_that_does_not_exist_is_named(world):
    with pytest.raises(NotFound, match=RUN_ID):
        world.next_step(RUN_ID)


def test_a_version_that_is_gone_is_corrupt(world):
    run = world.open(TWO)
    client = world.aws.client("dynamodb")
    client.delete_item(TableName="buildgate", Key={"pk": {"S": "PIPELINE#shop"}, "sk": {"S": f"V#{run.version}"}})

    with pytest.raises(Corrupt, match="is gone"):
        move_of(world, run)


def test_a_run_keeps_the_version_it_opened_with(world):
    run = world.open(TWO)
    world.apply(Stage("other", builds=(BuildStep("new", "shop-new"),)))

    assert [slot.ref.name for slot in move_of(world, run).slots] == ["lint", "unit"]


def test_an_execution_that_was_taken_over_drives_no_more(world):
    run = world.open(TWO)
    move_of(world, run)
    world.w.runs.begin_execution(run, is_resume=True)
    before = world.run(run.run_id).spent_events

    moves = [world.next_step(run.run_id, execution=f"{run.run_id}-{number}")[1] for number in (1, 2)]

    assert moves[0] == HandOver()
    assert isinstance(moves[1], RunBuilds)
    assert world.executions()[-1] == f"{run.run_id}-2"
    assert world.run(run.run_id).spent_events > before


def test_an_old_execution_of_an_ended_run_may_close_it_again(world):
    run = world.open(TWO)
    world.w.runs.begin_execution(run, is_resume=True)
    world.w.close_run(run.run_id)

    assert isinstance(world.next_step(run.run_id, execution=f"{run.run_id}-1")[1], Close)
