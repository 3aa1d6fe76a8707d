"""What recording a build costs in DynamoDB, by AWS's published rules, on a stated fixture.

The fixture: a project with 300 finished builds on the same day, their durations spread as real ones are (log-normal), so
that the day's totals carry a full sketch; then one more build, seen at its start and at its end.
"""

from __future__ import annotations

import random

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from simulated_cloud import SimulatedCloud

EARLIER_BUILDS = 300
MOST_UNITS = 13
PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}],
}


@pytest.fixture
def cloud():
    cloud = SimulatedCloud(schedules=False, checks_parameters=False)
    cloud.project("shop-unit")
    lots = random.Random(7)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(lots.lognormvariate(5, 0.6))
    for _ in range(EARLIER_BUILDS):
        build(cloud, minutes=0)
    cloud.aws.timeline.advance(hours=2)
    cloud.aws.dynamodb.meter.is_on = True
    return cloud


def build(cloud, *, minutes):
    cloud.aws.client("codebuild").start_build(projectName="shop-unit")
    cloud.aws.timeline.advance(minutes=minutes)


def weighing(cloud):
    """Return the write units of each call from now on; notices and the project's first note are not counted."""
    spent = []

    def weigh(call, proceed):
        before = cloud.aws.dynamodb.meter.write_units
        answer = proceed()
        if "N#build-" not in str(call.parameters) and "PROJECTS" not in str(call.parameters):
            spent.append(cloud.aws.dynamodb.meter.write_units - before)
        return answer

    cloud.aws.boundary = weigh
    return spent


def test_a_build_is_recorded_from_start_to_end_within_thirteen_write_units(cloud):
    spent = weighing(cloud)

    build(cloud, minutes=60)

    assert 0 < sum(spent) <= MOST_UNITS


def test_a_repeated_event_writes_nothing(cloud):
    build(cloud, minutes=60)
    once = cloud.aws.dynamodb.meter.write_units
    cloud.aws.dynamodb.meter.spent.clear()
    cloud.aws.events.deliveries = lambda _: (0.0, 5.0, 700.0)

    build(cloud, minutes=60)

    assert cloud.aws.dynamodb.meter.write_units == once


def test_counting_a_build_of_a_run_for_project_and_pipeline_is_one_transaction_within_thirteen_units(cloud):
    counted = []

    def weigh(call, proceed):
        before = cloud.aws.dynamodb.meter.write_units
        answer = proceed()
        if call.operation == "transact_write_items" and "BUILD#shop-unit" in str(call.parameters):
            counted.append(cloud.aws.dynamodb.meter.write_units - before)
        return answer

    cloud.aws.codebuild.projects.clear()
    cloud.apply(PIPELINE)
    cloud.aws.boundary = weigh

    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"})
    cloud.aws.timeline.advance(hours=1)

    assert cloud.runs()[0]["status"] == "SUCCEEDED"
    assert len(counted) == 1
    assert counted[0] <= MOST_UNITS
