"""A slot gets one build, whatever is repeated, lost or crashed, and none once its run is to end."""

from datetime import timedelta

import pytest

from buildgate.adapters.memory.errors import AwsError
from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.errors import Busy, NotFound, Rejected, Stopped, Unavailable
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.slots import SlotState
from core_world import ALICE, ProcessDied
from run_records import RUN_ID

STAGE = Stage(
    "test",
    builds=(BuildStep("unit", "shop-unit", {"MODE": "fast", "OWN": "1"}),),
    variables={"MODE": "ci", "SHARED": "x"},
    timeout_minutes=20,
)


def opened(world, *stages):
    run = world.open(*(stages or (STAGE,)))
    world.next_step(run.run_id)
    return run


def variables_of(build):
    return {entry["name"]: entry["value"] for entry in build.request["environmentVariablesOverride"]}


def test_the_build_gets_the_commit_the_timeout_and_the_nearest_variable(world):
    run = opened(world)
    ref = world.slot(run)

    started = world.start_build(ref, token=world.token())

    (build,) = world.aws.codebuild.builds()
    variables = variables_of(build)
    assert (started.build_id, started.reason) == (build.build_id, "started")
    assert build.request["sourceVersion"] == run.source.commit
    assert build.request["timeoutInMinutesOverride"] == 20
    assert (variables["MODE"], variables["SHARED"], variables["OWN"]) == ("fast", "x", "1")
    assert (variables["BUILDGATE_RUN"], variables["BUILDGATE_STAGE"]) == (run.run_id, "test")
    assert variables["BUILDGATE_REPORTS"] == f"s3://reports/reports/shop-unit/{ref.to_text()}/"


def test_the_token_is_parked_before_anything_starts(world):
    run = opened(world)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied)

    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)

    slot = world.w.runs.slot(ref)
    assert (slot.state, slot.token, len(slot.nonce)) == (SlotState.PARKED, token, 64)
    assert slot.due_at > world.clock.now() + timedelta(hours=8)


def test_starting_again_finds_the_same_build_and_keeps_the_newest_token(world):
    ref, _, build_id = world.started(world.open(STAGE))
    second = world.token()

    again = world.start_build(ref, token=second)

    assert again.build_id == build_id
    assert again.reason.startswith("bound before")
    assert world.w.runs.slot(ref).token == second
    assert len(world.aws.codebuild.builds()) == 1


@pytest.mark.parametrize("minutes", [0, 4, 6, 90])
def test_a_start_that_was_never_answered_is_not_started_a_second_time(world, minutes):
    run = opened(world)
    ref = world.slot(run)
    world.trouble("codebuild", "start_build", is_after=True)
    with pytest.raises(Unavailable):
        world.start_build(ref, token=world.token())
    world.clock.advance(minutes=minutes)
    token = world.token()

    started = world.start_build(ref, token=token)

    (build,) = world.aws.codebuild.builds()
    assert started.build_id == build.build_id
    world.end_build(build.build_id)
    world.w.record_build.by_id(build.build_id)
    assert world.fate(token) == "went on"


def test_adoption_looks_at_the_nonce_and_not_at_the_name(world):
    run = opened(world)
    ref = world.slot(run)
    world.trouble("codebuild", "start_build")
    with pytest.raises(Unavailable):
        world.start_build(ref, token=world.token())
    claims = [{"name": "BUILDGATE_SLOT", "value": ref.to_text()}, {"name": "BUILDGATE_NONCE", "value": "forged"}]
    forged = world.aws.client("codebuild").start_build(projectName="shop-unit", environmentVariablesOverride=claims)
    world.clock.advance(minutes=10)

    started = world.start_build(ref, token=world.token())

    assert started.build_id != forged["build"]["id"]
    assert started.reason == "started"


def test_a_full_queue_is_busy_and_later_the_build_starts(world):
    run = opened(world)
    ref = world.slot(run)
    full = lambda: AwsError("AccountLimitExceededException", "Cannot have more than 300 builds in queue")  # noqa: E731
    world.trouble("codebuild", "start_build", full)

    with pytest.raises(Busy):
        world.start_build(ref, token=world.token())

    world.clock.advance(minutes=1)
    assert world.start_build(ref, token=world.token()).reason == "started"


def test_a_project_that_is_gone_is_refused_with_its_name(world):
    run = opened(world)
    world.aws.codebuild.projects.clear()

    with pytest.raises(Rejected, match="project shop-unit cannot start") as caught:
        world.start_build(world.slot(run), token=world.token())

    assert (caught.value.field, caught.value.fix) == ("project", "buildgate project show shop-unit")


@pytest.mark.parametrize("ref", [SlotRef(RUN_ID, 0, 1, "unit"), SlotRef("", 0, 1, "unit")])
def test_a_slot_of_no_run_is_named(world, ref):
    with pytest.raises(NotFound, match="there is no run"):
        world.start_build(ref, token=world.token())


def test_a_stage_without_such_a_build_is_named(world):
    run = opened(world)

    with pytest.raises(NotFound, match="has no build other"):
        world.start_build(world.slot(run, "other"), token=world.token())


def test_a_build_that_ended_before_it_was_asked_for_again_answers_the_new_token(world):
    ref, _, build_id = world.started(world.open(STAGE))
    world.end_build(build_id, "FAILED")
    token = world.token()

    started = world.start_build(ref, token=token)

    assert started.build_id == build_id
    assert world.fate(token) == "went on"
    assert world.w.runs.slot(ref).build_status is BuildStatus.FAILED


def test_a_settled_slot_answers_the_new_token_at_once(world):
    ref, _, build_id = world.started(world.open(STAGE))
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    token = world.token()

    started = world.start_build(ref, token=token)

    assert started.reason == "settled before: delivered"
    assert world.fate(token) == "went on"
    assert len(world.aws.codebuild.builds()) == 1


def test_a_build_that_ends_while_it_is_started_is_settled_at_once(world):
    world.aws.codebuild.plan = lambda _: None
    run = opened(world)
    ref, token = world.slot(run), world.token()
    original = world.aws.codebuild.start_build

    def instant(**request):
        answer = original(**request)
        world.aws.codebuild.settle(answer["build"]["id"], "SUCCEEDED", is_silent=True)
        return {"build": world.aws.codebuild.batch_get_builds(ids=[answer["build"]["id"]])["builds"][0]}

    world.aws.client("codebuild").__dict__["start_build"] = instant

    world.start_build(ref, token=token)

    assert world.fate(token) == "went on"


def test_a_run_that_is_being_stopped_starts_no_more_builds(world):
    run = opened(world)
    world.w.stop_run(run.run_id, actor=ALICE, comment="wrong branch")

    with pytest.raises(Stopped):
        world.start_build(world.slot(run), token=world.token())

    assert world.aws.codebuild.builds() == []


def test_a_run_that_has_ended_starts_no_more_builds(world):
    run = opened(world)
    world.w.close_run(run.run_id, error="given up")

    with pytest.raises(Stopped):
        world.start_build(world.slot(run), token=world.token())

    assert world.aws.codebuild.builds() == []


@pytest.mark.parametrize("wish", ["stop", "close"])
def test_a_build_whose_run_ended_while_it_was_started_is_stopped(world, wish):
    run = opened(world)
    original = world.aws.client("codebuild").start_build

    def start(**request):
        answer = original(**request)
        if wish == "stop":
            world.w.stop_run(run.run_id, actor=ALICE, comment="")
        else:
            world.w.close_run(run.run_id)
        return answer

    world.aws.client("codebuild").__dict__["start_build"] = start

    world.start_build(world.slot(run), token=world.token())

    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED"]


def test_a_build_whose_slot_was_settled_while_it_was_started_is_stopped(world):
    run = opened(world)
    ref = world.slot(run)
    original = world.aws.client("codebuild").start_build

    def start(**request):
        answer = original(**request)
        world.w.settle_build(ref, error="States.Timeout")
        return answer

    world.aws.client("codebuild").__dict__["start_build"] = start

    world.start_build(ref, token=world.token())

    assert [build.status for build in world.aws.codebuild.builds()] == ["STOPPED"]
