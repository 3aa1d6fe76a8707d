"""Runs that a person or program asks for: of a branch, a commit, or again from a stage of an earlier run."""

import pytest

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import RunStatus, StageStatus
from buildgate.usecases.open_run import Wish
from core_world import ALICE

TEST = Stage("test", builds=(BuildStep("unit", "shop-unit"),))
RELEASE = Stage("release", builds=(BuildStep("release", "shop-release"),))


def wish(**more):
    return Wish(pipeline="shop", actor=ALICE, correlation_id="request-1", **more)


def build(world, run, name, stage, status="SUCCEEDED"):
    world.next_step(run.run_id)
    build_id = world.start_build(world.slot(run, name, stage), token=world.token()).build_id
    world.end_build(build_id, status)
    world.w.record_build.by_id(build_id)


def ended(world, *, release="FAILED"):
    """Return a run whose first stage succeeded and whose second ended as given."""
    run = world.open(TEST, RELEASE)
    build(world, run, "unit", 0)
    build(world, run, "release", 1, release)
    world.next_step(run.run_id)
    return world.w.close_run(run.run_id)


def retry(world, run, stage=""):
    record = world.w.runs.record(run.run_id)
    return world.w.open_run.retry(record, stage=stage, actor=ALICE, correlation_id="request-2")


def test_a_run_by_hand_takes_the_head_of_the_default_branch(world):
    pipeline = world.apply()
    push = world.push(message="Latest")

    run = world.w.open_run.start(wish())

    assert (run.source.ref, run.source.commit, run.source.message) == ("main", push.commit, "Latest")
    assert (run.version, run.trigger, run.source.actor) == (pipeline.digest, "manual", ALICE)
    assert world.executions() == [f"{run.run_id}-1"]
    assert world.run(run.run_id) == run


def test_a_run_of_another_branch_or_of_a_commit_takes_that(world):
    world.apply()
    first = world.push()
    world.push()
    topic = world.push(branch="topic")

    of_branch, of_commit = (
        world.w.open_run.start(one) for one in (wish(ref="topic"), wish(ref="main", commit=first.commit))
    )

    assert of_branch.source.commit == topic.commit
    assert of_commit.source.commit == first.commit


def test_a_tag_is_run_by_its_commit(world):
    world.apply()
    commit = world.push().commit

    run = world.w.open_run.start(wish(ref="v1", ref_type="tag", commit=commit))

    assert (run.source.ref_type, run.source.ref) == ("tag", "v1")


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (wish(ref="nowhere"), "has no branch nowhere"),
        (wish(commit="c" * 40, ref="main"), "has no commit c"),
        (Wish("other", ALICE, ""), "there is no pipeline other"),
    ],
)
def test_what_is_not_there_is_named(world, one, message):
    world.apply()
    world.push()

    with pytest.raises(NotFound, match=message):
        world.w.open_run.start(one)
    assert world.executions() == []


@pytest.mark.parametrize(("kind", "field"), [("commit", "ref"), ("", "ref")])
def test_a_reference_is_a_branch_or_a_tag(world, kind, field):
    world.apply()
    world.push()

    with pytest.raises(Rejected, match="neither a branch nor a tag") as caught:
        world.w.open_run.start(wish(ref="main", ref_type=kind))

    assert caught.value.field == field


def test_a_tag_without_its_commit_asks_for_it(world):
    world.apply()
    world.push()

    with pytest.raises(Rejected, match="commit"):
        world.w.open_run.start(wish(ref="v1", ref_type="tag"))


def test_a_pipeline_without_triggers_runs_without_a_repository(world):
    world.apply(triggers=())

    run = world.w.open_run.start(wish())

    assert (run.source.repository, run.source.commit) == ("", "")


def test_an_empty_repository_says_that_it_has_no_branch(world):
    world.apply()

    with pytest.raises(NotFound, match="no default branch"):
        world.w.open_run.start(wish())


def test_each_wish_is_a_run_of_its_own(world):
    world.apply()
    world.push()

    runs = [world.w.open_run.start(wish()) for _ in range(2)]

    assert len({run.run_id for run in runs}) == 2


def test_a_retry_goes_on_from_the_stage_that_failed_with_what_was_pinned(world):
    run = ended(world)
    world.apply(Stage("new", builds=(BuildStep("new", "shop-new"),)))
    world.push()

    again = retry(world, run)

    assert (again.version, again.source, again.retry_of) == (run.version, run.source, run.run_id)
    (carried,) = world.w.runs.record(again.run_id).stages
    assert (carried.name, carried.status) == ("test", StageStatus.CARRIED)
    assert carried.reason == f"taken over from run {run.run_id}"
    world.next_step(again.run_id)
    assert [slot.ref.name for slot in world.w.runs.record(again.run_id).slots] == ["release"]


def test_a_retry_succeeds_with_the_carried_stages(world):
    again = retry(world, ended(world))
    build(world, again, "release", 1)
    world.next_step(again.run_id)

    assert world.w.close_run(again.run_id).status is RunStatus.SUCCEEDED


def test_a_retry_from_an_earlier_stage_does_it_again(world):
    again = retry(world, ended(world), "test")

    assert world.w.runs.record(again.run_id).stages == []


def test_a_retry_of_a_retry_carries_what_was_carried(world):
    first = retry(world, ended(world))
    build(world, first, "release", 1, "FAILED")
    world.next_step(first.run_id)
    world.w.close_run(first.run_id)

    second = retry(world, first)

    assert [stage.status for stage in world.w.runs.record(second.run_id).stages] == [StageStatus.CARRIED]


def test_a_successful_run_is_retried_from_its_beginning(world):
    again = retry(world, ended(world, release="SUCCEEDED"))

    assert world.w.runs.record(again.run_id).stages == []


def test_a_run_that_goes_on_cannot_be_retried(world):
    run = world.open(TEST)

    with pytest.raises(Rejected, match="only an ended run can be retried"):
        retry(world, run)


def test_a_stage_that_came_after_a_failure_cannot_be_the_first(world):
    run = world.open(TEST, RELEASE)
    build(world, run, "unit", 0, "FAILED")
    world.next_step(run.run_id)
    world.w.close_run(run.run_id)

    with pytest.raises(Rejected, match="stage test did not succeed"):
        retry(world, run, "release")


def test_a_stage_that_does_not_exist_is_named_with_those_that_do(world):
    with pytest.raises(NotFound, match="no stage deploy") as caught:
        retry(world, ended(world), "deploy")

    assert caught.value.fix == "one of test, release"
