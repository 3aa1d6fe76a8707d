"""What recording a build costs in DynamoDB, by AWS's published rules, on stated fixtures.

An ordinary day has forty builds of a run, a heavy one a thousand, their durations and waits spread as real ones are
(log-normal, exponential), so that the day's totals carry full sketches of one per cent.
"""

import random
import uuid
from datetime import timedelta
from typing import NamedTuple

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.domain.builds import Build, BuildHead, BuildStatus, Phase
from buildgate.domain.metrics.rollups import Scope, fold, scopes_of
from buildgate.runtime.wiring import Wiring
from simulated_cloud import SimulatedCloud

MOST_UNITS = 13
HEAD_AND_TWO_DAYS = 3
PHASES = ("SUBMITTED", "QUEUED", "PROVISIONING", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "FINALIZING")
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
    cloud.aws.dynamodb.meter.is_on = True
    return cloud


class Weighed(NamedTuple):
    """Units of recording a build itself, from start to end, and of emptying the day's items after it."""

    own: float
    emptying: float


def builds_of_a_day(cloud, count):
    """Yield builds of a run that ended on one day, each as it starts and as it ends, with its end's head."""
    lots, now = random.Random(5), cloud.aws.clock.now()
    for _ in range(count):
        build_id = f"shop-unit:{uuid.UUID(int=lots.getrandbits(128))}"
        seconds, queue = lots.lognormvariate(5, 0.6), lots.expovariate(0.5)
        begun = Build(build_id, "shop-unit", BuildStatus.IN_PROGRESS, now - timedelta(seconds=seconds))
        phases = tuple(Phase(name, "SUCCEEDED", duration_seconds=round(seconds / 8, 3)) for name in PHASES)
        ended = begun._replace(status=BuildStatus.SUCCEEDED, ended_at=now, phases=phases)
        started = BuildHead(build_id, "shop-unit", begun.status, begun.started_at, pipeline="shop", stage="test")
        head = started._replace(
            status=ended.status,
            ended_at=now,
            duration_seconds=seconds,
            queue_seconds=queue,
            cost_micro_usd=20_000,
            phase_seconds=ended.phase_seconds,
        )
        yield begun, started, ended, head


def recorded(cloud, count):
    """Record builds of a run on one day, and return their heads and what each cost."""
    records, meter, now = (
        Wiring(cloud.aws, table="buildgate-Table").records,
        cloud.aws.dynamodb.meter,
        cloud.aws.clock.now(),
    )
    heads, weighed = [], []
    for begun, started, ended, head in builds_of_a_day(cloud, count):
        meter.spent.clear()
        records.record(started, begun, known=None, is_finish=False, now=now)
        records.record(head, ended, known=started, is_finish=True, now=now)
        spent = [one.units for one in meter.spent if one.operation == "TransactWriteItems"]
        heads.append(head)
        emptying = sum(spent[HEAD_AND_TWO_DAYS:])
        weighed.append(Weighed(meter.write_units - emptying, emptying))
    return heads, weighed


@pytest.mark.parametrize("count", [40, 1000], ids=["ordinary", "heavy"])
def test_each_build_of_a_run_is_recorded_within_thirteen_units_and_counted_exactly(cloud, count):
    heads, weighed = recorded(cloud, count)

    own = [one.own for one in weighed[1:]]
    assert max(own) <= MOST_UNITS
    assert sum(one.own + one.emptying for one in weighed[1:]) / len(own) <= MOST_UNITS
    days = Wiring(cloud.aws, table="buildgate-Table").records.days
    again = fold(heads, seen_at=cloud.aws.clock.now())
    for scope in scopes_of(heads[0]):
        (day,) = days(scope, ["2026-11-22"])
        assert day.counters == again[scope, day.day]


def test_a_heavy_day_read_with_its_packed_part_takes_two_items(cloud):
    recorded(cloud, 200)

    table = Wiring(cloud.aws, table="buildgate-Table").table
    items = list(table.query(Scope("PROJECT", "shop-unit").key, begins="D#2026-11-22"))
    assert [one["sk"] for one in items] == ["D#2026-11-22", "D#2026-11-22#P"]


def build(cloud):
    cloud.aws.client("codebuild").start_build(projectName="shop-unit")
    cloud.aws.timeline.advance(minutes=60)


def test_a_build_outside_runs_is_recorded_from_start_to_end_within_thirteen_write_units(cloud):
    build(cloud)
    spent = []

    def weigh(call, proceed):
        before = cloud.aws.dynamodb.meter.write_units
        answer = proceed()
        if "N#build-" not in str(call.parameters) and "PROJECTS" not in str(call.parameters):
            spent.append(cloud.aws.dynamodb.meter.write_units - before)
        return answer

    cloud.aws.boundary = weigh
    build(cloud)

    assert 0 < sum(spent) <= MOST_UNITS


def test_a_repeated_event_writes_nothing(cloud):
    build(cloud)
    cloud.aws.dynamodb.meter.spent.clear()
    build(cloud)
    once = cloud.aws.dynamodb.meter.write_units
    cloud.aws.dynamodb.meter.spent.clear()
    cloud.aws.events.deliveries = lambda _: (0.0, 5.0, 700.0)

    build(cloud)

    assert cloud.aws.dynamodb.meter.write_units == once


def test_counting_a_build_of_a_run_for_project_and_pipeline_is_one_transaction(cloud):
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
