"""Fault scenarios 9 to 16, 30, 31 and 33: crashes, conflicts, throttles and outages around each write and each message."""

from __future__ import annotations

import json

import pytest

from buildgate.adapters.memory.faults import Fault, nth_call
from buildgate.adapters.table.build_items import head_of
from buildgate.domain.metrics.rollups import fold
from fault_world import SOLO, calm, counted, disturb, fail_while, head, items, push, sent, shop, solo, start


@pytest.mark.parametrize(
    ("fault", "operation"),
    [
        pytest.param(Fault.CRASH_BEFORE, "transact_write_items", id="09 before the transaction"),
        pytest.param(Fault.CRASH_AFTER, "transact_write_items", id="10 after the commit"),
        pytest.param(Fault.CRASH_BEFORE, "publish", id="11 before the notice"),
        pytest.param(Fault.CRASH_AFTER, "publish", id="12 after the notice"),
        pytest.param(Fault.LOST_ANSWER, "transact_write_items", id="13 the answer of the commit is lost"),
        pytest.param(Fault.CRASH_BEFORE, "batch_get_builds", id="09 before the build was looked up"),
    ],
)
def test_09_to_13_one_crash_is_made_up_for_by_the_next_try(fault, operation):
    cloud = solo()
    met = disturb(cloud, fault, operation, caller="RecordBuild")

    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert len(met) == 1
    assert (head(cloud, build_id)["status"], counted(cloud)) == ("SUCCEEDED", 1)
    assert set(sent(cloud)) == {f"{build_id}/build-SUCCEEDED"}
    assert len(sent(cloud)) <= 2
    assert cloud.failures() == []


@pytest.mark.parametrize("operation", ["transact_write_items", "publish", "update_item", "put_item", "get_item"])
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_ANSWER], ids=lambda one: one.value)
def test_10_and_11_a_function_that_dies_on_every_try_is_made_up_for_by_the_reconciler(fault, operation):
    cloud = shop()
    cloud.project(SOLO)
    push(cloud)
    build_id = start(cloud)
    cloud.aws.timeline.advance(60)

    disturb(cloud, fault, operation, caller="RecordBuild", times=12)
    cloud.aws.timeline.advance(minutes=10)
    calm(cloud)
    cloud.aws.timeline.advance(minutes=15)

    assert counted(cloud) == counted(cloud, "shop-unit") == counted(cloud, "shop-lint") == 1
    assert f"{build_id}/build-SUCCEEDED" in sent(cloud)
    assert cloud.runs()[0]["stages"][0]["status"] == "SUCCEEDED"


def test_14_ten_seconds_of_nothing_but_conflicts_lose_nothing():
    cloud = solo()
    ids = [start(cloud) for _ in range(10)]
    cloud.aws.timeline.advance(110)

    met = fail_while(cloud, "dynamodb", 20, Fault.CONFLICT, operation="transact_write_items")
    cloud.aws.timeline.advance(minutes=15)

    assert len(met) > len(ids)
    assert counted(cloud) == len(ids)
    assert cloud.failures() == []


def test_15_five_minutes_of_throttling_end_with_totals_that_equal_a_recount():
    cloud = solo(schedules=True)
    for _ in range(10):
        start(cloud)
        cloud.aws.timeline.advance(20)

    met = fail_while(cloud, "dynamodb", 300, Fault.THROTTLE)
    cloud.aws.timeline.advance(minutes=30)

    assert len(met) > 10
    assert counted(cloud) == 10
    assert_totals_equal_a_recount(cloud)


def test_16_events_that_outlast_every_try_wait_in_the_failure_queue_and_a_redrive_restores_all():
    cloud, good = solo(), solo()
    fail_while(cloud, "dynamodb", 3600)
    for world in (cloud, good):
        start(world)
        world.aws.timeline.advance(hours=2)
    assert counted(cloud) == 0

    given_up = cloud.failures()
    for record in given_up:
        name = record["requestContext"]["functionArn"].split(":")[6]
        cloud.aws.lambdas.enqueue(name, json.dumps(record["requestPayload"]))
    cloud.aws.timeline.advance(minutes=5)

    assert len(given_up) == 2
    assert [one for one in items(cloud) if one["sk"][:2] == "D#"] == [
        one for one in items(good) if one["sk"][:2] == "D#"
    ]


def test_30_recording_goes_on_while_sns_is_away_and_notices_follow():
    cloud = solo(schedules=True)
    fail_while(cloud, "sns", 3600)
    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=30)
    assert (counted(cloud), sent(cloud)) == (1, [])

    cloud.aws.timeline.advance(hours=1)

    assert set(sent(cloud)) == {f"{build_id}/build-SUCCEEDED"}


def test_30_a_deleted_topic_leaves_the_notice_owed_and_the_record_whole():
    cloud = solo(schedules=True)
    topics = dict(cloud.aws.sns.topics)
    cloud.aws.sns.topics.clear()
    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=30)
    assert counted(cloud) == 1

    cloud.aws.sns.topics.update(topics)
    cloud.aws.timeline.advance(minutes=10)

    assert set(sent(cloud)) == {f"{build_id}/build-SUCCEEDED"}


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("number", range(1, 10))
def test_31_a_batch_that_fails_at_any_record_is_counted_once_when_it_is_tried_again(number, fault):
    """No stream is read, for a build's totals are in its own transaction: the batch that there is folds days."""
    cloud = solo()
    cloud.project("other")
    for project in (SOLO, SOLO, "other"):
        start(cloud, project)
    cloud.aws.timeline.advance(minutes=10)
    cloud.aws.faults.plan = nth_call(number, fault)

    cloud.aws.lambdas.enqueue(cloud.function("fold_days").name, "{}")
    cloud.aws.timeline.advance(minutes=10)

    account = [(one["sk"], one["n"]) for one in items(cloud) if one["pk"] == "ACCOUNT#all" and "n" in one]
    assert account == [("D#2026-11-22", 3)]
    assert cloud.function("fold_days").invocations == 2
    assert_totals_equal_a_recount(cloud)


def test_33_a_backfill_while_events_arrive_equals_a_recount():
    cloud = solo()
    cloud.aws.events.deliveries = lambda _: ()
    for _ in range(8):
        start(cloud)
        cloud.aws.timeline.advance(hours=11 * 24)
    cloud.aws.events.deliveries = lambda _: (0.0, 30.0)
    start(cloud)
    cloud.aws.faults.preempt = lambda _: (
        cloud.aws.timeline.step(until=cloud.aws.timeline.elapsed + 20) if len(cloud.aws.lambdas.callers) < 3 else None
    )

    token = None
    while token != "":
        page = cloud.call("POST", f"/v1/metrics/projects/{SOLO}/backfill", {"days": 90, "token": token or ""})
        token = page.get("token", "") or ""
    cloud.aws.faults.preempt = None
    cloud.aws.timeline.advance(hours=1)

    assert counted(cloud) == 9
    assert_totals_equal_a_recount(cloud)


def assert_totals_equal_a_recount(cloud) -> None:
    heads = [head_of(one) for one in items(cloud) if one["sk"] == "HEAD"]
    again = {
        (scope.key, f"D#{day}"): counts for (scope, day), counts in fold(heads, seen_at=cloud.aws.clock.now()).items()
    }
    stored = {
        (one["pk"], one["sk"]): {name: value for name, value in one.items() if name not in {"pk", "sk"}}
        for one in items(cloud)
        if one["sk"].startswith("D#") and one["pk"].startswith("PROJECT#")
    }
    assert stored == {key: counts for key, counts in again.items() if key[0].startswith("PROJECT#")}
