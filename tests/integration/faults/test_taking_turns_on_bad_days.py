"""Runs that wait for each other, when what they wait for is stopped, dies, times out or is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate_cli.console.badge_words import badge_words
from fault_world import calm, disturb, items, push, sent
from lane_world import oldest_first, overlaps, pipeline, racing, releases, statuses
from simulated_cloud import SimulatedCloud

MODES = pytest.mark.parametrize("mode", ["queued", "superseded"])


def execution_of(cloud: SimulatedCloud, run_id: str) -> Any:
    """Return the newest execution of a run."""
    return [one for one in cloud.aws.stepfunctions.executions.values() if one.name.startswith(run_id)][-1]


def lane(cloud: SimulatedCloud) -> dict[str, Any]:
    return next(one for one in items(cloud) if one["sk"] == "LANE")


def test_three_pushes_to_a_queued_stage_are_released_one_after_another_in_their_order():
    cloud = racing("queued")
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["SUCCEEDED"] * 3
    assert [run_id for run_id, *_ in releases(cloud)] == [run["run_id"] for run in oldest_first(cloud)]
    assert overlaps(cloud) == []


def test_of_three_pushes_to_a_superseded_stage_the_first_and_the_last_are_released():
    cloud = racing("superseded")
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["SUCCEEDED", "SUPERSEDED", "SUCCEEDED"]
    assert overlaps(cloud) == []
    dora = _Asked(cloud).get("metrics", "dora", pipeline="shop")["dora"]
    rates = {one["name"]: one["value"] for one in dora["measures"]}
    assert (dora["deployments"], rates["change_fail_rate"]) == (2, 0.0)


def test_a_superseded_run_is_told_of_once_without_alarm_and_no_badge_shows_it():
    cloud = racing("superseded", asks=True)
    cloud.aws.timeline.advance(minutes=5)
    old = oldest_first(cloud)[0]

    assert sent(cloud, f"{old['run_id']}/run-") == [f"{old['run_id']}/run-SUPERSEDED"]
    assert "superseded by run" in old["reason"]
    told = next(one for one in cloud.aws.sns.published if one.attributes["key"] == f"{old['run_id']}/run-SUPERSEDED")
    assert "⚪" in told.message
    assert badge_words(_Asked(cloud), "pipelines", "shop") == ("shop", "running")


class _Asked:
    """The operators' API, as the console asks it."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self.cloud = cloud

    def get(self, *path: str, **query: object) -> Any:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.cloud.call("GET", f"/v1/{'/'.join(path)}?{asked}")


@MODES
def test_an_aborted_release_hands_its_stage_on_when_its_build_has_ended(mode):
    cloud = racing(mode, pushes=2)
    first = oldest_first(cloud)[0]["run_id"]
    cloud.aws.stepfunctions.stop_execution(executionArn=execution_of(cloud, first).arn)
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["STOPPED", "SUCCEEDED"]
    assert overlaps(cloud) == []


@MODES
def test_a_run_whose_execution_dies_while_it_waits_keeps_its_turn(mode):
    cloud = racing(mode, pushes=2)
    second = oldest_first(cloud)[1]["run_id"]
    cloud.aws.events.deliveries = lambda event: () if "Execution" in event["detail-type"] else (0.0,)
    cloud.aws.stepfunctions.stop_execution(executionArn=execution_of(cloud, second).arn)
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["SUCCEEDED", "SUCCEEDED"]
    assert execution_of(cloud, second).name.endswith("-2")
    assert overlaps(cloud) == []


def test_a_release_that_is_stopped_lets_the_next_one_in_and_one_that_waits_leaves_the_queue():
    cloud = racing("queued")
    first, second, _ = (run["run_id"] for run in oldest_first(cloud))
    for run_id in (second, first):
        cloud.call("POST", f"/v1/runs/{run_id}/stop", {"comment": ""})
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["STOPPED", "STOPPED", "SUCCEEDED"]
    assert overlaps(cloud) == []


def test_a_run_that_waits_longer_than_it_may_expires_and_leaves():
    cloud = racing("queued", pushes=2, asks=True, wait="10m")
    cloud.aws.timeline.advance(minutes=20)

    assert statuses(cloud) == ["RUNNING", "EXPIRED"]
    assert "waited 10m for stage shop/release behind run" in oldest_first(cloud)[1]["reason"]
    assert len(lane(cloud).get("waiting", ())) == 0


def test_a_failed_release_lets_the_next_one_in():
    plans = {"shop-unit": [BuildPlan(60)] * 2, "shop-release": [BuildPlan(60), BuildPlan(60, "FAILED", phase="BUILD")]}

    def fail_first(cloud: SimulatedCloud) -> None:
        cloud.aws.codebuild.plan = lambda request: plans[request["projectName"]].pop()

    cloud = racing("queued", pushes=2, prepare=fail_first)
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["FAILED", "SUCCEEDED"]
    assert overlaps(cloud) == []


def test_a_start_that_is_refused_holds_its_stage_no_longer_than_it_could_have_started():
    cloud = racing("queued", pushes=2)
    cloud.aws.timeline.advance(minutes=10)
    cloud.aws.codebuild.projects.pop("shop-release")
    push(cloud, 7)
    cloud.aws.timeline.advance(minutes=12)

    assert statuses(cloud) == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert "holder" not in lane(cloud)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_ANSWER, Fault.CONFLICT])
def test_a_lane_whose_write_fails_is_neither_lost_nor_taken_twice(fault):
    cloud = racing("superseded", pushes=0)
    for number in range(3):
        push(cloud, number)
        cloud.aws.timeline.advance(10)
    disturb(cloud, fault, "put_item", caller="NextStep", times=4)
    cloud.aws.timeline.advance(minutes=5)
    calm(cloud)
    cloud.aws.timeline.advance(minutes=40)

    assert set(statuses(cloud)) <= {"SUCCEEDED", "SUPERSEDED"}
    assert statuses(cloud)[-1] == "SUCCEEDED"
    assert overlaps(cloud) == []


def test_two_pipelines_that_share_a_lock_never_release_at_once():
    cloud = SimulatedCloud()
    shop = pipeline("queued", lock="production")
    cloud.apply(shop)
    cloud.apply({**shop, "name": "api"})
    cloud.aws.timeline.advance(60)
    push(cloud, 1)
    cloud.aws.timeline.advance(minutes=30)

    assert statuses(cloud) == ["SUCCEEDED", "SUCCEEDED"]
    assert len(releases(cloud)) == 2
    assert overlaps(cloud) == []
