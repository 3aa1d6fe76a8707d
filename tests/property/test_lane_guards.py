"""Each guard of lanes is needed: with it runs of a stage stay apart, and without it a mishap brings them together."""

from __future__ import annotations

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.client import Call
from buildgate.adapters.memory.faults import Fault
from fault_world import beat, calm, disturb, push
from guards import Switch
from lane_guards import healed_lanes, kept_lane, lane_condition, newest_inside
from lane_world import oldest_first, overlaps, pipeline, racing, statuses
from simulated_cloud import SimulatedCloud

OFF = pytest.mark.parametrize("is_off", [False, True], ids=["with the guard", "without it"])


def raced(switch: Switch | None, monkeypatch: pytest.MonkeyPatch) -> SimulatedCloud:
    """Let a run come to the lane between another one's look at it and its write."""
    cloud = SimulatedCloud(schedules=False)
    cloud.apply(pipeline("queued"))
    cloud.aws.timeline.advance(60)
    seen: list[Call] = []

    def overtake(call: Call) -> Fault:
        if call.operation == "put_item" and "LANE#" in str(call.parameters):
            seen.append(call)
            if len(seen) == 1:
                while len(seen) == 1 and cloud.aws.timeline.step(until=cloud.aws.timeline.elapsed + 60):
                    pass
        return Fault.NONE

    cloud.aws.faults.plan = overtake
    if switch is not None:
        switch(cloud, monkeypatch)
    for number in range(2):
        push(cloud, number)
    cloud.aws.timeline.advance(minutes=10)
    return cloud


@OFF
def test_two_runs_that_come_at_once_go_in_one_by_one_unless_the_version_is_not_asked_for(is_off, monkeypatch):
    cloud = raced(lane_condition if is_off else None, monkeypatch)

    assert bool(overlaps(cloud)) is is_off


@OFF
def test_a_build_nobody_knows_of_keeps_its_lane_unless_lanes_are_handed_on_blindly(is_off, monkeypatch):
    cloud = SimulatedCloud(schedules=False)
    cloud.apply({**pipeline("queued"), "stages": pipeline("queued")["stages"][1:]})
    if is_off:
        kept_lane(cloud, monkeypatch)
    cloud.aws.timeline.advance(60)
    cloud.aws.events.deliveries = lambda event: () if "CodeBuild" in event["detail-type"] else (0.0,)
    disturb(cloud, Fault.CRASH_AFTER, "start_build", times=100)
    push(cloud, 1)
    cloud.aws.timeline.advance(4)
    push(cloud, 2)
    cloud.aws.timeline.advance(4)
    cloud.call("POST", f"/v1/runs/{oldest_first(cloud)[0]['run_id']}/stop", {"comment": ""})
    cloud.aws.timeline.advance(1)
    calm(cloud)
    cloud.aws.timeline.advance(30)
    assert bool(overlaps(cloud)) is is_off

    for _ in range(8):
        cloud.aws.timeline.advance(60)
        beat(cloud)
    assert statuses(cloud) == ["STOPPED", "SUCCEEDED"]


@OFF
def test_a_run_whose_wake_up_was_lost_goes_on_unless_nobody_looks_after_lanes(is_off, monkeypatch):
    cloud = racing("queued", pushes=2)
    if is_off:
        healed_lanes(cloud, monkeypatch)
    disturb(cloud, Fault.CRASH_BEFORE, "send_task_success", caller="CloseRun")
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["SUCCEEDED", "RUNNING" if is_off else "SUCCEEDED"]


@OFF
def test_an_old_run_that_comes_late_is_superseded_unless_nobody_remembers_who_was_in(is_off, monkeypatch):
    tests = iter([BuildPlan(1200), BuildPlan(60)])
    cloud = SimulatedCloud()
    cloud.aws.codebuild.plan = lambda request: next(tests) if request["projectName"] == "shop-unit" else BuildPlan(60)
    cloud.apply(pipeline("superseded"))
    cloud.aws.timeline.advance(60)
    if is_off:
        newest_inside(cloud, monkeypatch)
    for number in range(2):
        push(cloud, number)
        cloud.aws.timeline.advance(10)
    cloud.aws.timeline.advance(minutes=40)

    assert statuses(cloud) == ["SUCCEEDED" if is_off else "SUPERSEDED", "SUCCEEDED"]
