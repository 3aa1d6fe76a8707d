"""A build is recorded once, whatever is told of it, and its run goes on."""

from datetime import timedelta

import pytest

from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.errors import Conflict, NotFound, Unavailable
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.notices import Topic
from buildgate.domain.slots import SlotState
from buildgate.usecases.deliver import Delivery
from core_world import ProcessDied
from run_records import RUN_ID

DAY = "2026-11-22"


def totals(world, name="shop-unit", kind="PROJECT"):
    return [dict(day.counters) for day in world.w.records.days(Scope(kind, name), [DAY])]


def lone_build(world, status="SUCCEEDED", *, seconds=60, variables=()):
    """Start a build that belongs to no run, and end it."""
    world.project("shop-unit")
    request = {"projectName": "shop-unit", "environmentVariablesOverride": list(variables)}
    build_id = world.aws.client("codebuild").start_build(**request)["build"]["id"]
    world.end_build(build_id, status, after=seconds)
    return build_id


def variable(name, value):
    return {"name": name, "value": value, "type": "PLAINTEXT"}


def test_a_finished_build_is_recorded_with_its_times_cost_and_totals(world):
    build_id = lone_build(world, seconds=120)

    result = world.w.record_build.by_id(build_id)

    head = world.w.records.heads([build_id])[build_id]
    assert (head.status, head.duration_seconds, result.is_counted) == ("SUCCEEDED", 120, True)
    assert head.cost_micro_usd is not None
    (day,) = totals(world)
    assert (day["n"], day["ok"], day["duration_ms"]) == (1, 1, 120_000)
    assert day["cost_micro_usd"] == head.cost_micro_usd
    assert world.w.records.projects() == ["shop-unit"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"])
def test_reporting_again_changes_nothing(world, status):
    build_id = lone_build(world, status)
    world.w.record_build.by_id(build_id)
    before = world.dump()

    again = [world.w.record_build.by_id(build_id) for _ in range(3)]

    assert world.dump() == before
    assert not any(result.is_counted for result in again)
    assert len(world.published()) == 1


def test_a_late_report_of_progress_does_not_reopen_a_finished_build(world):
    world.project("shop-unit")
    build_id = world.aws.client("codebuild").start_build(projectName="shop-unit")["build"]["id"]
    (running,) = world.w.launcher.builds([build_id])
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    before = world.dump()

    late = world.w.record_build(running)

    assert late.reason == "already SUCCEEDED, the report says IN_PROGRESS"
    assert world.dump() == before


def test_a_finished_build_does_not_end_in_another_way(world):
    build_id = lone_build(world, "FAILED")
    world.w.record_build.by_id(build_id)
    (build,) = world.w.launcher.builds([build_id])

    late = world.w.record_build(build._replace(status=BuildStatus.STOPPED))

    assert not late.is_counted
    assert totals(world)[0]["failed"] == 1
    assert "stopped" not in totals(world)[0]


def test_a_build_that_nobody_knows_is_named(world):
    with pytest.raises(NotFound, match="shop-unit:none"):
        world.w.record_build.by_id("shop-unit:none")


def test_a_build_outside_any_run_is_told_of_once_on_the_topic_of_its_outcome(world):
    good, bad = lone_build(world), lone_build(world, "FAILED")

    for build_id in (good, bad, good, bad):
        world.w.record_build.by_id(build_id)

    assert [len(world.published(topic)) for topic in (Topic.SUCCESS, Topic.FAILURE)] == [1, 1]
    assert world.published(Topic.FAILURE)[0].attributes["key"] == f"{bad}/build-FAILED"


def test_a_notice_that_could_not_be_published_stays_owed(world):
    build_id = lone_build(world)
    world.trouble("sns", "publish")

    result = world.w.record_build.by_id(build_id)

    assert result.notice.startswith("still owed")
    (pending,) = world.w.work.due_notices(world.clock.now() + timedelta(minutes=2))
    assert pending.ref.owner == build_id


def test_a_build_that_ended_long_ago_is_recorded_but_no_news(world):
    build_id = lone_build(world)
    world.clock.advance(days=3)

    result = world.w.record_build.by_id(build_id)

    assert result.is_counted
    assert world.published() == []
    assert totals(world)[0]["n"] == 1


def test_a_build_of_a_run_settles_its_slot_and_lets_the_run_go_on(world):
    ref, token, build_id = world.started(world.open())
    world.end_build(build_id)

    result = world.w.record_build.by_id(build_id)

    slot = world.w.runs.slot(ref)
    assert (result.callback, world.fate(token)) == ("delivered", "went on")
    assert (slot.state, slot.build_status, slot.is_delivered) == (SlotState.SETTLED, "SUCCEEDED", True)
    assert world.published() == []
    assert totals(world, "shop", "PIPELINE")[0]["n"] == 1
    assert world.w.records.heads([build_id])[build_id].slot == ref


def test_a_failed_build_says_in_which_phase_it_failed(world):
    ref, _, build_id = world.started(world.open())
    world.end_build(build_id, "FAILED", phase="INSTALL")

    world.w.record_build.by_id(build_id)

    assert world.w.runs.slot(ref).reason.startswith("INSTALL FAILED")


def test_an_event_that_comes_before_the_start_was_answered_finds_the_token(world):
    run = world.open()
    world.next_step(run.run_id)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)
    (build,) = world.aws.codebuild.builds()
    world.end_build(build.build_id)

    world.w.record_build.by_id(build.build_id)

    assert world.fate(token) == "went on"
    assert world.w.runs.slot(ref).build_id == build.build_id


def test_a_build_with_the_wrong_nonce_is_not_taken_for_the_runs_own(world):
    run = world.open()
    ref, token, _ = world.started(run)
    claims = [variable("BUILDGATE_SLOT", ref.to_text()), variable("BUILDGATE_NONCE", "guessed")]
    build_id = lone_build(world, variables=claims)

    result = world.w.record_build.by_id(build_id)

    assert result.head.slot is None
    assert (result.callback, world.fate(token)) == ("", "waits")
    assert len(world.published(Topic.SUCCESS)) == 1


def test_a_second_build_with_the_same_variables_does_not_take_the_slot(world):
    ref, token, build_id = world.started(world.open())
    nonce = world.w.runs.slot(ref).nonce
    claims = [variable("BUILDGATE_SLOT", ref.to_text()), variable("BUILDGATE_NONCE", nonce)]

    copy = lone_build(world, "FAILED", variables=claims)
    world.w.record_build.by_id(copy)

    assert world.w.runs.slot(ref).build_id == build_id
    assert world.fate(token) == "waits"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b.c.d",
        f"{RUN_ID}.00.1.{'n' * 3000}",
        f"{'r' * 3000}.00.1.unit",
        f"{RUN_ID}.{'9' * 5000}.1.unit",
        "💥.0.1.x",
    ],
)
def test_a_variable_that_names_no_slot_claims_none(world, text):
    claims = [variable("BUILDGATE_SLOT", text), variable("BUILDGATE_NONCE", "n")]
    build_id = lone_build(world, variables=claims)

    assert world.w.record_build.by_id(build_id).is_counted


def test_no_value_of_a_variable_is_stored(world):
    build_id = lone_build(world, variables=[variable("DB_PASSWORD", "hunter2-value")])

    world.w.record_build.by_id(build_id)

    assert "hunter2-value" not in str(world.dump())
    assert "DB_PASSWORD" in str(world.dump())


def test_a_build_that_ended_before_it_started_is_set_aside_and_never_counted(world):
    build_id = lone_build(world)
    build = world.aws.codebuild.builds()[0]
    build.ended_at = build.started_at - timedelta(hours=1)

    result = world.w.record_build.by_id(build_id)

    assert (result.head, result.is_counted) == (None, False)
    assert totals(world) == []
    assert world.published() == []


def test_a_lost_answer_of_the_transaction_counts_once(world):
    build_id = lone_build(world)
    world.trouble("dynamodb", "transact_write_items", is_after=True)
    with pytest.raises(Unavailable):
        world.w.record_build.by_id(build_id)

    again = world.w.record_build.by_id(build_id)

    assert again.reason == "already SUCCEEDED"
    assert totals(world)[0]["n"] == 1
    assert len(world.published()) == 1


@pytest.mark.parametrize("operation", ["put_item", "transact_write_items", "update_item"])
def test_a_crash_anywhere_is_made_good_by_the_next_delivery(world, operation):
    ref, token, build_id = world.started(world.open())
    world.end_build(build_id)
    for is_after in (False, True):
        world.trouble("dynamodb", operation, ProcessDied, is_after=is_after)
        try:
            world.w.record_build.by_id(build_id)
        except ProcessDied:
            continue
    world.aws.boundary = world.aws.faults

    world.w.record_build.by_id(build_id)

    assert world.w.runs.slot(ref).is_delivered
    assert world.fate(token) == "went on"
    assert totals(world)[0]["n"] == 1


def test_the_new_token_gets_the_callback_when_the_old_one_is_closed(world):
    run = world.open()
    ref, old, build_id = world.started(run)
    world.kill("holder-2")
    assert world.fate(old).startswith("failed")
    world.end_build(build_id)
    new = world.token()

    class Parking:
        """Puts a new token in between reading the slot and telling its task."""

        def __getattr__(self, name):
            return getattr(world.w.runs, name)

        def __init__(self):
            self.reads = 0

        def slot(self, wanted):
            found = world.w.runs.slot(wanted)
            self.reads += 1
            if self.reads == 1:
                now = world.clock.now()
                world.w.runs.park_slot(wanted, token=new, nonce="", now=now, due_at=now)
            return found

    delivery = Delivery(Parking(), world.w.delivery.executions, world.w.delivery.approvals)
    world.w.runs.settle_slot(world.w.runs.slot(ref)._replace(build_status=BuildStatus.SUCCEEDED))

    assert delivery.slot(ref) == "delivered"
    assert world.fate(new) == "went on"
    assert world.w.runs.slot(ref).is_delivered


def test_a_callback_that_does_not_get_through_is_tried_again(world):
    ref, token, build_id = world.started(world.open())
    world.end_build(build_id)
    world.trouble("stepfunctions", "send_task_success")
    with pytest.raises(Unavailable):
        world.w.record_build.by_id(build_id)
    assert not world.w.runs.slot(ref).is_delivered

    assert world.w.record_build.by_id(build_id).callback == "delivered"
    assert world.fate(token) == "went on"


def test_reports_that_keep_getting_in_the_way_are_a_conflict(world):
    class Racing:
        def __getattr__(self, name):
            return getattr(world.w.records, name)

        def record(self, *_, **__):
            raise Conflict("someone was first")

    build_id = lone_build(world)

    with pytest.raises(Conflict, match="other reports were in the way"):
        world.w.record_build._replace(records=Racing()).by_id(build_id)


def test_a_build_of_a_run_that_does_not_exist_is_a_build_of_its_own(world):
    ref = SlotRef(RUN_ID, 0, 1, "unit")
    claims = [variable("BUILDGATE_SLOT", ref.to_text()), variable("BUILDGATE_NONCE", "n")]

    result = world.w.record_build.by_id(lone_build(world, variables=claims))

    assert (result.head.slot, result.notice) == (None, "sent")
