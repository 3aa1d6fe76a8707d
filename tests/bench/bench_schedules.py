"""Measures the simulator: seeded schedules a second, and the same table work on moto instead, in one run.

Run with `make bench ARGS=schedules`. A schedule is up to three builds with their events in bad weather, every promise
checked. What moto is given are the calls to the table that these schedules made, one after another, without functions,
events or checks: less than a simulator over moto would have to do. All figures are CPU time of this process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from buildgate.adapters.memory.blueprints import Place, blueprint_of
from buildgate.adapters.memory.client import Call
from buildgate.adapters.memory.faults import Fault
from buildgate_cli.simulate.campaign import Campaign
from buildgate_cli.simulate.schedule import Schedule, Trial

ROOT = Path(__file__).parents[2]
TRIAL = Trial(None, loose_builds=3)
WARM, PLAYED, REPLAYED, ROUNDS = range(1, 26), range(1, 101), range(1, 4), 6
REACHED = {Fault.NONE, Fault.CRASH_AFTER, Fault.LOST_ANSWER}
LEAST = 25.0
"""How many schedules fit into what moto takes for one schedule's table calls, at the least: else the bench fails."""


def seconds_of_schedules(seeds: range) -> float:
    """Return CPU seconds of one schedule, checks and all."""
    started = time.process_time()
    broken = Campaign(TRIAL).play(seeds).broken
    if broken is not None:
        raise SystemExit(f"seed {broken.seed} broke a promise: {broken.breaches[0]}")
    return (time.process_time() - started) / len(seeds)


def table_calls(seed: int) -> list[Call]:
    """Return the calls to the table that reached it while a schedule was played."""
    schedule = Schedule(TRIAL, seed)
    schedule.world.aws.faults.keeps_calls = True
    schedule.play()
    made = schedule.world.aws.faults.calls
    return [call for call, fault in made if call.service == "dynamodb" and fault in REACHED]


def seconds_on_moto(calls: list[Call]) -> float:
    """Return CPU seconds of the calls on a table of moto's; a refused condition is an answer like another."""
    (table,) = blueprint_of(ROOT / "template.yaml", Place("buildgate", "us-east-1", "000000000000")).tables
    with mock_aws():
        client: Any = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(**table.definition)
        client.list_tables()
        started = time.process_time()
        for call in calls:
            try:
                getattr(client, call.operation)(**call.parameters)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ValidationException":
                    raise
        return time.process_time() - started


def main() -> int:
    """Print both, and how many times one fits into the other."""
    seconds_of_schedules(WARM)
    ours = min(seconds_of_schedules(PLAYED) for _ in range(ROUNDS))
    found = [table_calls(seed) for seed in REPLAYED]
    theirs = sum(seconds_on_moto(calls) for calls in found) / len(found)
    calls = sum(len(calls) for calls in found) / len(found)
    print(f"in memory, one schedule, whole       {ours * 1e3:9.2f} ms; {1 / ours:7,.0f} a second")
    print(f"moto, its {calls:3.0f} table calls alone      {theirs * 1e3:9.1f} ms")
    print(f"schedules in the time of moto's calls {theirs / ours:8.0f} (at least {LEAST:,.0f})")
    return 0 if theirs / ours >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
