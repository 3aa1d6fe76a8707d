"""What looking at metrics costs, on stores of ten, ten thousand and a million builds in the in-memory table.

The units are those of AWS's published rules, metered by the in-memory table. A 30-day view reads day totals, so what it reads
must not grow with the builds. The store of a million holds its totals (made by the rule that recording uses) and its newest
thousand builds, for no view reads more of them. The view's processor time is set against a plain Query of the same items in
the same run. The usual script asks CodeBuild for a list and then for each build by itself.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.adapters.table.build_items import head_item
from buildgate.adapters.table.table import Put
from buildgate.domain.builds import Build, BuildHead, BuildStatus, CacheProbe, Phase
from buildgate.domain.metrics.rollups import increments
from buildgate.domain.times import day_of, days_until
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api
from simulated_cloud import ALICE, SimulatedCloud

TABLE = "buildgate-Table"
PROJECT = "shop-unit"
PIPELINE = "shop"
DAYS = 30
ROUNDS = 15
HEADS = 1000
PHASES = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")


def heads(count: int, now: datetime) -> list[BuildHead]:
    """Return builds spread over thirty days, with durations as a busy project has them."""
    dice = random.Random(1)
    found = []
    for number in range(count):
        ended = now - timedelta(days=DAYS - 1) * (number / max(1, count))
        seconds = dice.lognormvariate(5.3, 0.35)
        queue = dice.expovariate(0.5)
        found.append(
            BuildHead(
                build_id=f"{PROJECT}:{uuid.UUID(int=dice.getrandbits(128))}",
                project=PROJECT,
                status=dice.choices([BuildStatus.SUCCEEDED, BuildStatus.FAILED], [9, 1])[0],
                started_at=ended - timedelta(seconds=seconds),
                ended_at=ended,
                duration_seconds=seconds,
                queue_seconds=queue,
                cost_micro_usd=20_000,
                compute_type="BUILD_GENERAL1_SMALL",
                environment_type="LINUX_CONTAINER",
                image="aws/codebuild/standard:7.0",
                branch="main",
                phase_seconds=dict.fromkeys(PHASES, seconds / 8),
                cache=CacheProbe(dice.choice(["hit", "miss"]), "deps", "", 1000, 2.0),
            )
        )
    return found


def store(count: int) -> MemoryAws:
    """Return a deployed table that holds the totals of `count` builds and the newest thousand of them."""
    cloud = SimulatedCloud(schedules=False, checks_parameters=False)
    table = Wiring(cloud.aws, table=TABLE).table
    days: dict[str, dict[str, int]] = {}
    sample = heads(min(count, 20_000), cloud.aws.clock.now())
    weight = count // len(sample)
    for head in sample:
        day = days.setdefault(day_of(head.ended_at or head.started_at), {})
        for name, value in increments(head).items():
            day[name] = day.get(name, 0) + value * weight
    for name, counters in days.items():
        for scope in (f"PROJECT#{PROJECT}", f"PIPELINE#{PIPELINE}"):
            table.put(Put({"pk": scope, "sk": f"D#{name}", **counters}))
    for head in sample[:HEADS]:
        table.put(Put(head_item(head)))
    table.put(Put({"pk": "PROJECTS", "sk": PROJECT}))
    return cloud.aws


def request(path: str) -> dict[str, Any]:
    path, _, query = path.partition("?")
    context = {"http": {"method": "GET"}, "authorizer": {"iam": {"userArn": ALICE}}, "requestId": "r"}
    return {"rawPath": path, "rawQueryString": query, "requestContext": context}


def measure(aws: MemoryAws) -> tuple[float, int, float]:
    """Return read units of the 30-day day totals, calls of the summary view, and its processor time over a Query's."""
    wiring = Wiring(aws, table=TABLE)
    api, meter = Api(wiring), aws.dynamodb.meter
    days = days_until(aws.clock.now(), days=DAYS)
    meter.is_on = True
    meter.spent.clear()
    list(wiring.table.query(f"PROJECT#{PROJECT}", between=(f"D#{days[0]}", f"D#{days[-1]}")))
    units = meter.read_units / 2  # ours reads consistently; an eventually consistent read is what RRU counts
    meter.spent.clear()
    assert api(request(f"/v1/metrics/projects/{PROJECT}/summary?days={DAYS}")).status_code == 200
    calls = len(meter.spent)
    meter.is_on = False
    ratios = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(5):
            list(wiring.table.query(f"PROJECT#{PROJECT}", between=(f"D#{days[0]}", f"D#{days[-1]}")))
        plain = time.process_time() - start
        start = time.process_time()
        for _ in range(5):
            api(request(f"/v1/metrics/projects/{PROJECT}/summary?days={DAYS}"))
        ratios.append((time.process_time() - start) / plain)
    return units, calls, statistics.median(ratios)


def written(aws: MemoryAws) -> float:
    """Return the write units of the transaction that records a build of a pipeline."""
    wiring, now = Wiring(aws, table=TABLE), aws.clock.now()
    head = heads(1, now)[0]
    head = head._replace(pipeline=PIPELINE, build_id=f"{PROJECT}:{uuid.uuid4()}", ended_at=now)
    phases = tuple(Phase(name, "SUCCEEDED", duration_seconds=1.0) for name in PHASES)
    build = Build(head.build_id, PROJECT, head.status, head.started_at, head.ended_at, phases=phases)
    meter = aws.dynamodb.meter
    meter.is_on = True
    meter.spent.clear()
    wiring.records.record(head, build, known=None, is_finish=True, now=now)
    units = sum(one.units for one in meter.spent if one.operation == "TransactWriteItems")
    meter.is_on = False
    return units


def main() -> int:
    """Return 1 when a promise is broken."""
    found = {count: measure(store(count)) for count in (10, 1_000, 10_000, 1_000_000)}
    print(f"{'builds':>10} {'read units':>12} {'calls':>7} {'view / Query':>14}   30-day summary of one project")
    for count, (units, calls, ratio) in found.items():
        print(f"{count:>10,} {units:>12.1f} {calls:>7} {ratio:>14.2f}")
    seed = 10 + 1000
    ours = found[1_000_000][1]
    units = written(store(1_000_000))
    print(f"API calls for a report of 1,000 builds: {ours} against {seed} one by one: 1/{seed // ours}")
    print(f"write units of recording a build of a pipeline into the busiest day: {units:.0f}")
    promises = {
        "a 30-day view of a busy project reads at most 8 units": found[1_000_000][0] <= 8,
        "of one with thirty-three builds a day at most 4": found[1_000][0] <= 4,
        "a view costs at most five plain Queries of what it reads": found[10_000][2] <= 5,
        "calls do not grow with the builds": len({calls for _, calls, _ in found.values()}) == 1,
        "a report takes at most a fiftieth of the calls": ours <= seed / 50,
        "recording writes at most 13 units": units <= 13,
    }
    for promise, is_kept in promises.items():
        print(f"{promise}: {'kept' if is_kept else 'BROKEN'}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
