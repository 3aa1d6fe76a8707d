"""Runs of one stage follow each other: they wait, go in, leave and hand on, whatever crashes between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from buildgate.domain.approvals import ApprovalRef, ApprovalStatus, Decision, Identity
from buildgate.domain.errors import Stopped
from buildgate.domain.lanes import TurnRef
from buildgate.domain.pipelines import ApprovalRule, BuildStep, Stage
from buildgate.domain.runs import RunStatus, StageStatus
from buildgate.domain.steps import AwaitTurn, Close, Park, RunBuilds
from buildgate.usecases.open_run import Wish
from core_world import ALICE, ProcessDied

KEY = "stage:shop/release"
BOB = ApprovalRule(("bob@example.com",))


def stage(mode="queued", **changes):
    return Stage("release", builds=(BuildStep("unit", "shop-unit"),), mode=mode, **changes)


def opened(world, count, *stages):
    world.apply(*(stages or (stage(),)))
    return [world.run(world.w.start_run(world.push()).run_ids[0]) for _ in range(count)]


def step(world, run):
    return world.next_step(run.run_id)[1]


def status(world, run):
    return world.run(run.run_id).status


def held(world, key=KEY):
    holder = world.w.lanes.lane(key).holder
    return holder.ref.run_id if holder else ""


def parked(world, run):
    """Let a run wait as its machine does, and return the token."""
    found, token = step(world, run), world.token()
    if isinstance(found, AwaitTurn):
        world.w.take_turns.park(found.ref, token)
    else:
        world.request.park(run.run_id, stage=0, name="entry", token=token)
    return token


def approve(world, run):
    decision = Decision(approve=True, actor="bob", identity=Identity.LINK, comment="", at=world.clock.now())
    return world.w.decide_approval(ApprovalRef(run.run_id, 0, 1, "entry"), decision)[1]


def release(world, run):
    """Let the release build of a run begin and succeed, and the run close."""
    _, _, build_id = world.started(run)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    assert isinstance(step(world, run), Close)
    return world.w.close_run(run.run_id)


def test_queued_runs_go_in_by_their_opening_and_not_by_their_coming(world):
    first, second, third = opened(world, 3)
    assert isinstance(step(world, first), RunBuilds)
    late, early = parked(world, third), parked(world, second)

    release(world, first)

    assert (world.fate(early), world.fate(late), held(world)) == ("went on", "waits", second.run_id)
    assert isinstance(step(world, second), RunBuilds)


def test_a_queued_stage_asks_nobody_before_its_turn(world):
    first, second = opened(world, 2, stage(approval=BOB))

    assert isinstance(step(world, first), Park)
    assert isinstance(step(world, second), AwaitTurn)


def test_a_newer_run_supersedes_the_one_that_waits_for_its_approval(world):
    first, second = opened(world, 2, stage("superseded", approval=BOB))
    token = parked(world, first)

    assert isinstance(step(world, second), Park)

    approval = world.w.approvals.get(ApprovalRef(first.run_id, 0, 1, "entry"))
    assert (approval.status, approval.superseded_by) == (ApprovalStatus.SUPERSEDED, second.run_id)
    assert world.fate(token) == "went on"
    assert isinstance(step(world, first), Close)
    closed = world.w.close_run(first.run_id)
    assert (closed.status, closed.reason) == (
        RunStatus.SUPERSEDED,
        f"stage release: superseded by run {second.run_id}",
    )
    assert world.w.runs.record(first.run_id).latest(0).status is StageStatus.SUPERSEDED


def test_a_decision_about_a_superseded_run_is_refused_and_names_the_newer_one(world):
    first, second = opened(world, 2, stage("superseded", approval=BOB))
    parked(world, first)
    step(world, second)

    refused = approve(world, first)

    assert (refused.status_code, second.run_id in refused.reason) == (409, True)


def test_an_approved_run_that_waits_behind_another_is_superseded_and_the_one_inside_is_not(world):
    first, second, third = opened(world, 3, stage("superseded", approval=BOB))
    parked(world, first)
    approve(world, first)
    _, _, build_id = world.started(first)
    parked(world, second)
    approve(world, second)
    token = parked(world, second)

    parked(world, third)

    assert (world.fate(token), held(world)) == ("went on", first.run_id)
    assert world.w.lanes.lane(KEY).turn(TurnRef(second.run_id, 0, 1)).superseded_by == third.run_id
    assert not world.aws.codebuild.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"]


def test_an_older_run_that_comes_after_a_newer_one_went_in_never_starts(world):
    first, second = opened(world, 2, stage("superseded"))
    release(world, second)

    assert isinstance(step(world, first), Close)
    assert world.w.close_run(first.run_id).status is RunStatus.SUPERSEDED


def test_a_retry_comes_anew_and_may_go_in(world):
    first, second = opened(world, 2, stage("superseded"))
    release(world, second)
    step(world, first)
    world.w.close_run(first.run_id)

    again = world.w.open_run.retry(world.w.runs.record(first.run_id), stage="release", actor=ALICE, correlation_id="c")

    assert isinstance(step(world, again), RunBuilds)


def test_a_superseded_run_that_is_asked_for_late_asks_nobody(world):
    first, second = opened(world, 2, stage("superseded", approval=BOB))
    assert isinstance(step(world, first), Park)
    step(world, second)

    with pytest.raises(Stopped, match=second.run_id):
        world.request.park(first.run_id, stage=0, name="entry", token=world.token())

    assert not [one for one in world.published() if first.run_id in str(one.message)]


def test_stages_of_two_pipelines_that_share_a_lock_take_turns(world):
    shared = stage("queued", lock="production")
    world.apply(shared, name="api", triggers=())
    (shop,) = opened(world, 1, shared)
    step(world, shop)
    api = world.w.open_run.start(_wish("api"))

    assert isinstance(step(world, api), AwaitTurn)
    release(world, shop)

    assert held(world, "lock:production") == api.run_id


def test_a_run_that_is_stopped_while_it_waits_leaves_the_queue(world):
    first, second, third = opened(world, 3)
    step(world, first)
    token, last = parked(world, second), parked(world, third)

    world.w.stop_run(second.run_id, actor="alice", comment="no")
    assert world.fate(token) == "failed: Stopped"
    step(world, second)
    world.w.close_run(second.run_id)
    release(world, first)

    assert (held(world), world.fate(last)) == (third.run_id, "went on")


def test_a_stopped_release_keeps_its_lane_until_its_build_has_ended(world):
    first, second = opened(world, 2)
    _, _, build_id = world.started(first)
    token = parked(world, second)
    trouble = world.trouble("codebuild", "stop_build", times=1)
    with pytest.raises(Exception, match="bad day"):
        world.w.stop_run(first.run_id, actor="alice", comment="")
    assert trouble.struck
    world.w.close_run(first.run_id)
    world.clock.advance(60)

    assert held(world) == first.run_id
    world.reconcile()
    assert (held(world), world.fate(token)) == (second.run_id, "went on")
    assert world.aws.codebuild.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"]


def test_a_run_that_waits_too_long_expires(world):
    first, second = opened(world, 2, stage(wait_minutes=60))
    step(world, first)
    step(world, second)
    world.clock.advance(3601)

    assert isinstance(step(world, second), Close)

    closed = world.w.close_run(second.run_id)
    assert closed.status is RunStatus.EXPIRED
    assert closed.reason == f"stage release: waited 1h for stage shop/release behind run {first.run_id}"


def test_a_wait_is_bounded_by_what_is_left_of_it(world):
    first, second = opened(world, 2, stage(wait_minutes=60))
    step(world, first)
    step(world, second)
    world.clock.advance(600)

    assert step(world, second).timeout_seconds == 3000
    assert second.due_at - second.opened_at > timedelta(minutes=60)


@pytest.mark.parametrize("call", ["send_task_success", "put_item"])
def test_a_lost_wake_up_is_made_up_for(world, call):
    first, second = opened(world, 2)
    _, _, build_id = world.started(first)
    token = parked(world, second)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    step(world, first)
    service = "stepfunctions" if call == "send_task_success" else "dynamodb"
    world.trouble(service, call, ProcessDied, is_after=call == "put_item")
    with pytest.raises(ProcessDied):
        world.w.close_run(first.run_id)
    assert world.fate(token) == "waits"

    world.clock.advance(60)
    world.reconcile()

    assert (world.fate(token), held(world)) == ("went on", second.run_id)


def test_a_turn_that_came_before_its_ticket_is_not_waited_for(world):
    first, second = opened(world, 2)
    step(world, first)
    waiting = step(world, second)
    release(world, first)
    token = world.token()

    assert world.w.take_turns.park(waiting.ref, token) == "the wait is over"
    assert world.fate(token) == "went on"


def test_the_lane_of_a_run_whose_close_was_cut_short_is_handed_on(world):
    first, second = opened(world, 2)
    _, _, build_id = world.started(first)
    token = parked(world, second)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    step(world, first)
    world.w.runs.close(_ended(world.run(first.run_id), world.clock.now()))
    world.clock.advance(60)

    world.reconcile()

    assert (world.fate(token), held(world)) == ("went on", second.run_id)


def test_leaving_one_stage_lets_the_next_run_in_before_the_run_ends(world):
    first, second = opened(world, 2, stage(), Stage("later", builds=(BuildStep("more", "shop-more"),)))
    _, _, build_id = world.started(first)
    token = parked(world, second)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)

    assert isinstance(step(world, first), RunBuilds)

    assert (status(world, first), world.fate(token)) == (RunStatus.RUNNING, "went on")


def test_no_notice_tells_of_a_superseded_run_when_only_changes_are_told(world):
    pipeline = replace(world.apply(stage("superseded")), notify="on-change")
    world.w.apply_pipeline(pipeline, actor=ALICE)
    first, second = (world.run(world.w.start_run(world.push()).run_ids[0]) for _ in range(2))
    release(world, second)
    step(world, first)
    world.w.close_run(first.run_id)

    assert not [one for one in world.published() if first.run_id in one.attributes["key"]]


def _wish(pipeline):
    return Wish(pipeline, ALICE, "c", repository="shop")


def _ended(run, now):
    return replace(run, status=RunStatus.SUCCEEDED, finished_at=now)
