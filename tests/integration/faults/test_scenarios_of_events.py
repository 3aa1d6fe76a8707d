"""Fault scenarios 1 to 8 and 17 to 20, 34: what becomes of build events, whatever order, number and time they come in."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from buildgate.adapters.memory.client import Call
from fault_world import (
    SOLO,
    beat,
    by_status,
    change_answers,
    counted,
    days,
    head,
    items,
    push,
    sent,
    shop,
    solo,
    start,
)


@pytest.mark.parametrize("times", [2, 50])
def test_01_an_event_delivered_many_times_is_one_transition_and_one_count(times):
    cloud = solo()
    cloud.aws.events.deliveries = lambda _: (0.0,) * times

    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert (head(cloud, build_id)["status"], counted(cloud)) == ("SUCCEEDED", 1)
    assert len(sent(cloud)) == 1
    assert cloud.failures() == []


def test_01_events_handled_at_the_same_time_are_one_count():
    cloud = solo()
    cloud.aws.events.deliveries = lambda _: (0.0,) * 5
    cloud.aws.faults.preempt = lambda _: (
        cloud.aws.timeline.step(until=cloud.aws.timeline.elapsed) if len(cloud.aws.lambdas.callers) < 4 else None
    )

    start(cloud)
    cloud.aws.timeline.advance(minutes=30)

    assert counted(cloud) == 1


def test_02_the_end_before_the_beginning_stays_and_the_start_is_filled_in():
    cloud = solo()
    cloud.aws.events.deliveries = by_status(IN_PROGRESS=(300.0,))

    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    recorded = head(cloud, build_id)
    assert (recorded["status"], counted(cloud)) == ("SUCCEEDED", 1)
    assert recorded["started_at"] < recorded["finished_at"]


def test_03_the_end_alone_gives_a_complete_record():
    cloud = solo()
    cloud.aws.events.deliveries = by_status(IN_PROGRESS=())

    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    recorded = head(cloud, build_id)
    assert recorded["status"] == "SUCCEEDED"
    assert recorded["started_at"]
    assert recorded["duration_seconds"] == 120


def test_04_a_lost_end_is_found_within_six_minutes_with_the_same_counts():
    cloud, calm = solo(schedules=True), solo(schedules=True)
    cloud.aws.events.deliveries = by_status(SUCCEEDED=())
    for world in (cloud, calm):
        start(world)
        world.aws.timeline.advance(minutes=8)

    assert days(cloud) == days(calm)
    assert counted(cloud) == 1


def test_05_a_build_nobody_told_of_is_found_by_the_sweep_and_counted_once():
    cloud = solo(schedules=True)
    cloud.aws.events.deliveries = lambda _: ()

    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert (head(cloud, build_id)["status"], counted(cloud)) == ("SUCCEEDED", 1)


def test_06_event_and_reconciler_race_on_one_build_and_one_loses():
    cloud = solo()
    raced = []

    def race(call: Call) -> None:
        if call.operation == "transact_write_items" and "RecordBuild" in call.caller and not raced:
            raced.append(call)
            cloud.aws.lambdas.run(cloud.function("reconcile"), json.dumps({"sweep": True}))

    cloud.aws.faults.preempt = race
    start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert raced
    assert counted(cloud) == 1


@pytest.mark.parametrize("later", [timedelta(minutes=11), timedelta(days=8), timedelta(days=40)])
def test_07_a_late_duplicate_changes_nothing(later):
    cloud = shop(schedules=False)
    push(cloud)
    cloud.aws.timeline.advance(minutes=10)
    told = list(cloud.aws.events.accepted)

    cloud.aws.timeline.advance(later.total_seconds())
    cloud.aws.dynamodb.expire()
    runs, before = len(cloud.runs()), counted(cloud, "shop-unit")
    for event in told:
        cloud.aws.events.publish(event)
    cloud.aws.timeline.advance(minutes=5)

    assert (len(cloud.runs()), counted(cloud, "shop-unit")) == (runs, before) == (1, 1)


def test_08_the_replay_of_a_day_leaves_the_table_as_it_was():
    cloud = shop(schedules=False)
    push(cloud)
    start(cloud, "shop-unit")
    cloud.aws.timeline.advance(minutes=10)
    before = items(cloud)

    for event in list(cloud.aws.events.accepted):
        cloud.aws.events.publish(event)
    cloud.aws.timeline.advance(minutes=10)

    assert items(cloud) == before


def test_17_events_wait_while_no_function_may_run_and_come_out_right():
    cloud = solo()
    function = cloud.function("record_build")
    function.reserved_concurrency = 0
    start(cloud)
    cloud.aws.timeline.advance(hours=1)
    assert counted(cloud) == 0

    function.reserved_concurrency = None
    cloud.aws.timeline.advance(minutes=10)

    assert counted(cloud) == 1
    assert cloud.failures() == []


POISON = {
    "no detail": {"detail": {"build-status": "SUCCEEDED"}},
    "another account": {"detail": {"build-status": "SUCCEEDED", "project-name": SOLO,
                                   "build-id": "arn:aws:codebuild:us-east-1:999999999999:build/solo:1"}},
    "another Region": {"detail": {"build-status": "SUCCEEDED", "project-name": SOLO,
                                  "build-id": "arn:aws:codebuild:eu-west-1:000000000000:build/solo:1"}},
    "a build that never was": {"detail": {"build-status": "SUCCEEDED", "project-name": SOLO,
                                          "build-id": "arn:aws:codebuild:us-east-1:000000000000:build/solo:none"}},
    "256 kB": {"detail": {"build-status": "SUCCEEDED", "project-name": "x" * 250_000, "build-id": "x" * 9_000}},
}  # fmt: skip


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_18_a_poison_event_is_kept_with_a_reason_and_holds_nobody_up(poison, capsys):
    """What is kept is counted by the metric whose alarm calls an operator; what is given up, by its queue's."""
    cloud = solo()
    envelope = {"id": "poison", "source": "aws.codebuild", "detail-type": "CodeBuild Build State Change",
                "account": "000000000000", "region": "us-east-1", "time": "2026-11-22T12:00:00Z"}  # fmt: skip

    cloud.aws.events.publish({**envelope, **poison})
    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert head(cloud, build_id)["status"] == "SUCCEEDED"
    kept = [one["reason"] for one in items(cloud) if one["pk"] == "QUARANTINE"]
    assert sum("BuildsQuarantined" in line for line in capsys.readouterr().out.splitlines()) == len(kept)
    given_up = [one["responsePayload"]["errorMessage"] for one in cloud.failures()]
    assert len(kept + given_up) == 1
    assert (kept + given_up)[0]


def test_18_an_unknown_status_is_no_event_of_ours():
    cloud = solo()

    cloud.aws.events.emit("aws.codebuild", "CodeBuild Build State Change", {"build-status": "EXPLODED"})
    cloud.aws.timeline.advance(minutes=10)

    assert items(cloud) == []


def test_19_a_new_phase_and_new_fields_are_ignored():
    cloud = solo()

    def newer(answer):
        for build in answer["builds"]:
            build["newField"] = {"a": 1}
            build["phases"].insert(2, {"phaseType": "TELEPORT", "phaseStatus": "SUCCEEDED", "startTime": build["startTime"],
                                       "durationInSeconds": 1})  # fmt: skip

    change_answers(cloud, "batch_get_builds", newer)
    build_id = start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert (head(cloud, build_id)["status"], counted(cloud)) == ("SUCCEEDED", 1)


def test_19_an_unknown_status_of_a_build_is_quarantined_without_a_crash_loop():
    cloud = solo(schedules=True)
    change_answers(
        cloud, "batch_get_builds", lambda answer: [one.update(buildStatus="MELTED") for one in answer["builds"]]
    )

    start(cloud)
    cloud.aws.timeline.advance(hours=1)

    assert [one["reason"] for one in items(cloud) if one["pk"] == "QUARANTINE"]
    assert counted(cloud) == 0
    assert cloud.failures() == []


def test_20_a_build_across_midnight_counts_on_the_day_it_ended():
    cloud = solo()
    cloud.aws.timeline.advance(hours=11, minutes=59)

    start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert days(cloud) == {"2026-11-23": 1}


def test_20_a_negative_duration_is_refused():
    cloud = solo()

    def skewed(answer):
        for build in answer["builds"]:
            if "endTime" in build:
                build["endTime"] = build["startTime"] - timedelta(minutes=5)

    change_answers(cloud, "batch_get_builds", skewed)
    start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert counted(cloud) == 0
    assert [one["reason"] for one in items(cloud) if one["pk"] == "QUARANTINE"]


def told_delays(text: str) -> list[float]:
    """Return the delays of events that were told as metrics."""
    lines = [json.loads(line) for line in text.splitlines() if "BuildEventDelay" in line]
    return [delay for line in lines for delay in line["BuildEventDelay"]]


def test_34_a_late_event_shows_in_the_metric_although_the_reconciler_was_first(capsys):
    cloud = solo(schedules=True)
    cloud.aws.events.deliveries = lambda _: (6 * 3600.0,)
    capsys.readouterr()

    start(cloud)
    cloud.aws.timeline.advance(hours=1)
    was_counted = counted(cloud)
    cloud.aws.timeline.advance(hours=6)

    assert (was_counted, counted(cloud)) == (1, 1)
    assert told_delays(capsys.readouterr().out) == [6 * 3600.0] * 2


def test_34_events_six_hours_late_land_on_the_day_the_build_ended(capsys):
    cloud = solo()
    capsys.readouterr()
    cloud.aws.events.deliveries = lambda _: (6 * 3600.0,)
    cloud.aws.timeline.advance(hours=10)

    start(cloud)
    cloud.aws.timeline.advance(hours=7)
    beat(cloud)

    assert cloud.aws.clock.now().day == 23
    assert days(cloud) == {"2026-11-22": 1}
    assert 6 * 3600.0 in told_delays(capsys.readouterr().out)
