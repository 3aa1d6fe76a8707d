"""Whatever goes wrong on the way, a calm day later every promise holds: seeded days of the whole product in memory.

On a bad day events are lost, doubled, late and out of order; calls are throttled, refused, conflict, or succeed
without an answer; functions die before and after calls and run in between each other's; indexes lag; people click
links late, twice and at random. The same seed is the same day.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from buildgate.adapters.memory.builds import seeded_plans
from buildgate.adapters.memory.client import Call
from buildgate.adapters.memory.deployment import Schedule
from buildgate.adapters.memory.faults import Fault, at_random, no_faults
from simulated_cloud import SimulatedCloud

SEEDS = range(16)
RATIOS = {
    Fault.CRASH_BEFORE: 0.02,
    Fault.CRASH_AFTER: 0.02,
    Fault.THROTTLE: 0.02,
    Fault.OUTAGE: 0.01,
    Fault.LOST_ANSWER: 0.02,
    Fault.CONFLICT: 0.03,
}
PIPELINE: dict[str, Any] = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {
            "name": "test",
            "builds": [{"name": "unit", "project": "shop-unit"}, {"name": "lint", "project": "shop-lint"}],
        },
        {
            "name": "release",
            "approval": {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"},
            "builds": [{"name": "release", "project": "shop-release"}],
        },
    ],
}


class BadDay:
    """One seeded day."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.cloud = SimulatedCloud(seed=seed, checks_parameters=False, schedules=False)
        self.aws = self.cloud.aws
        self.cloud.apply(PIPELINE)
        self.slowness = 1
        for schedule in self.cloud.deployment.schedules:
            self._beat(schedule)
        self.aws.timeline.advance(30)

    def _beat(self, schedule: Schedule) -> None:
        """Tick as the schedule says in the busy hours, more rarely in the long wait for a person."""
        self.cloud.deployment.tick(schedule)
        seconds = self.slowness * schedule.seconds
        self.aws.timeline.after(seconds, lambda: self._beat(schedule), "a schedule beats")

    def disturb(self) -> None:
        """Let everything go wrong now and then."""
        dice, aws = self.dice, self.aws
        aws.faults.plan = at_random(dice, RATIOS)
        aws.faults.preempt = self._preempt
        aws.events.deliveries = self._deliveries
        aws.sns.repeats = lambda _: 1 + (dice.random() < 0.2)
        aws.stepfunctions.closed_code = lambda: dice.choice(["TaskTimedOut", "TaskDoesNotExist"])
        aws.codebuild.plan = seeded_plans(dice)
        aws.lag_indexes(lambda: dice.choice([0.01, 0.5, 20]))

    def _preempt(self, call: Call) -> None:
        if self.dice.random() < 0.1 and len(self.aws.lambdas.callers) < 3:
            self.aws.timeline.step(until=self.aws.timeline.elapsed + 1)

    def _deliveries(self, event: dict[str, Any]) -> Sequence[float]:
        if self.dice.random() < 0.1:
            return ()
        times = 1 + (self.dice.random() < 0.3)
        return [self.dice.choice([0, 0, self.dice.uniform(0, 5), self.dice.uniform(0, 600)]) for _ in range(times)]

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.aws.faults.plan, self.aws.faults.preempt = no_faults, None
        self.aws.events.deliveries = lambda _: (0.0,)

    def live(self) -> None:
        """Push and click through a day and a night, then have a calm day, in which late finds run their course."""
        dice, timeline = self.dice, self.aws.timeline
        self.disturb()
        for number in range(dice.randint(1, 3)):
            self.aws.codecommit.push("shop", "main", {"src/a": str(number)})
            timeline.advance(dice.uniform(0, 300))
        for _ in range(12):
            timeline.advance(dice.uniform(60, 1200))
            for link in self.cloud.links():
                if dice.random() < 0.3:
                    self.cloud.decide(link, dice.choice(["approve", "approve", "reject"]))
        self.slowness = 20
        timeline.advance(hours=30)
        self.calm()
        self.slowness = 1
        timeline.advance(hours=2)
        self.slowness = 30
        timeline.advance(hours=26)

    def counted(self) -> dict[str, int]:
        """Return how many builds each project's days count."""
        totals: Counter[str] = Counter()
        for row in self.aws.dynamodb.table(self.cloud.deployment.outputs["TableName"]).rows():
            pk, sk = row.item["pk"]["S"], row.item["sk"]["S"]
            if pk.startswith("PROJECT#") and sk.startswith("D#"):
                totals[pk.removeprefix("PROJECT#")] += int(row.item["n"]["N"])
        return dict(totals)


@pytest.fixture(scope="module", params=SEEDS)
def day(request) -> BadDay:
    day = BadDay(request.param)
    day.live()
    return day


def test_no_run_waits_beyond_its_bounds(day):
    assert not [run["run_id"] for run in day.cloud.runs() if run["status"] in ("QUEUED", "RUNNING")]
    assert not [one.name for one in day.aws.stepfunctions.executions.values() if one.status == "RUNNING"]


def test_no_build_is_left_running(day):
    assert not [build.build_id for build in day.aws.codebuild.builds() if not build.is_over]


def test_each_build_is_counted_once(day):
    real = Counter(build.build_id.split(":")[0] for build in day.aws.codebuild.builds())

    assert day.counted() == dict(real)


def test_the_newest_push_ran_and_none_ran_twice(day):
    runs = Counter(run["commit"] for run in day.cloud.runs())

    assert day.aws.codecommit.repositories["shop"].branches["main"] in runs
    assert max(runs.values()) == 1


def test_nothing_is_released_without_an_approval(day):
    for run in day.cloud.runs():
        release = run["stages"][1]
        started = [build for build in release["builds"] if build["build_id"]]
        approval = release["approval"] or {}
        assert not started or approval.get("status") == "APPROVED", run["run_id"]


def test_nothing_is_released_twice(day):
    slots = Counter(
        variable["value"]
        for build in day.aws.codebuild.builds()
        for variable in build.environment()["environmentVariables"]
        if variable["name"] == "BUILDGATE_SLOT"
    )

    assert not [slot for slot, times in slots.items() if times > 1]


def test_the_same_seed_is_the_same_day():
    days = [BadDay(3), BadDay(3)]
    for day in days:
        day.live()

    first, second = ([row.item for row in day.aws.dynamodb.table("buildgate-Table").rows()] for day in days)
    assert first == second
