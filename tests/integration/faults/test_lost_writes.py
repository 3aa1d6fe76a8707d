"""A local cloud that is killed loses what its disk does not have yet: whatever that is, its runs come to their end.

AWS loses no write that it has answered. An emulator that is killed may: it comes up with the table and the executions of
some moment before, while builds began in between and died with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.dynamodb.stores import Key, Row
from buildgate.domain.errors import INTERRUPTED
from fault_world import push
from simulated_cloud import SimulatedCloud

PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [{"name": "release", "builds": [{"name": "release", "project": "shop-release"}]}],
}
BUSY = ("StartRun", "NextStep", "StartBuild", "RecordBuild")
BUILD_SECONDS = 7_200
FEW_SECONDS, BEYOND_THE_TOKEN = 30, 600
LOST_PUSH_SECONDS = 1_260
"""After which a push is made up for of which nothing is known: a look at all branches, and a while for its event."""
LONGEST_SECONDS = 360
"""After which a run that is known goes on: the first look at it, and what comes of that."""


@dataclass
class Disk:
    """What was stored at each change on the way: rows and executions, and which call came next."""

    cloud: SimulatedCloud
    states: list[tuple[str, dict[Key, Row], set[str]]] = field(default_factory=list)

    def keep(self, call: Any) -> None:
        table = self.cloud.table
        rows = {table.key_of(row.item): row for row in table.rows()}
        executions = set(self.cloud.aws.stepfunctions.executions)
        if any(name in call.caller for name in BUSY) and (not self.states or self.states[-1][1:] != (rows, executions)):
            name = call.caller.removeprefix("buildgate-").removesuffix("Function")
            self.states.append((f"{name} {call.service}.{call.operation}", rows, executions))


def building(seconds: float) -> tuple[SimulatedCloud, Disk]:
    """Return a world whose only run is building since so many seconds, and what its disk had on the way there."""
    cloud = SimulatedCloud()
    cloud.aws.codebuild.plan = lambda _: BuildPlan(BUILD_SECONDS)
    cloud.apply(PIPELINE)
    cloud.aws.timeline.advance(60)
    disk = Disk(cloud)
    cloud.aws.faults.preempt = disk.keep
    push(cloud)
    cloud.aws.timeline.advance(FEW_SECONDS)
    cloud.aws.faults.preempt = None
    cloud.aws.timeline.advance(seconds - FEW_SECONDS)
    return cloud, disk


def restart(cloud: SimulatedCloud, rows: dict[Key, Row], executions: set[str], *, is_silent: bool) -> None:
    """Come up again with what the disk had: builds that ran have died, and the executions that are known are told so."""
    machines, table = cloud.aws.stepfunctions, cloud.table
    for arn in set(machines.executions) - executions:
        machines.executions[arn].scope.abandon()
        del machines.executions[arn]
    for key in {table.key_of(row.item) for row in table.rows()} - rows.keys():
        table.write(key, None)
    for key, row in rows.items():
        table.write(key, row)
    for build in cloud.aws.codebuild.builds():
        cloud.aws.codebuild.settle(build.build_id, "FAULT", is_silent=is_silent)
    for arn in list(machines.executions):
        machines.interrupt(arn, error=INTERRUPTED)


POINTS = [f"{number} before {name}" for number, (name, *_) in enumerate(building(FEW_SECONDS)[1].states)]


@pytest.mark.parametrize("seconds", [FEW_SECONDS, BEYOND_THE_TOKEN])
@pytest.mark.parametrize("point", POINTS)
def test_a_run_goes_on_or_ends_soon_whatever_of_it_the_disk_had(point, seconds):
    cloud, disk = building(seconds)
    _, rows, executions = disk.states[int(point.split()[0])]

    restart(cloud, rows, executions, is_silent=seconds == BEYOND_THE_TOKEN)
    cloud.aws.timeline.advance(LONGEST_SECONDS if any(sk == "RUN" for _, sk in rows) else LOST_PUSH_SECONDS)

    (run,), builds = cloud.runs(), cloud.aws.codebuild.builds()
    assert [build.is_over for build in builds] == [True] * (len(builds) - 1) + [run["status"] == "FAILED"]
    assert run["status"] in {"RUNNING", "FAILED"}
