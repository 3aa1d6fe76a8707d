"""What looking at metrics costs, on stores of ten, ten thousand and a million builds in the in-memory table.

The units are those of AWS's published rules, metered by the in-memory table. A 30-day view reads day totals, so what it reads
must not grow with the builds. The store of a million holds its totals (made by the rule that recording uses) and its newest
thousand builds, for no view reads more of them. Each view's
processor time is set against its own reads alone, through the SDK as a function asks on AWS (signing, parsing and decoding; the
network left out), in the same run; the last column sets the summary against a Query straight into the in-memory table, which
costs next to nothing. The usual script asks CodeBuild for a list and then for each build by itself.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.session import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.adapters.table.build_items import head_item
from buildgate.adapters.table.codec import decode_item
from buildgate.adapters.table.table import Put
from buildgate.domain.builds import Build, BuildHead, BuildStatus, CacheProbe, Phase
from buildgate.domain.metrics.rollups import increments
from buildgate.domain.times import day_of, days_until
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api
from simulated_cloud import ALICE, SimulatedCloud

TABLE = "buildgate-Table"
PROJECT = "shop-unit"
PIPELINE = "shop"
DAYS = 30
ROUNDS = 5
VIEWS = ("summary", "trend", "cost", "cache", "failures", "recommend", "builds", "report")
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


class Sdk:
    """The SDK in front of the in-memory table: the same answer to the same request, kept, so that the server costs nothing."""

    def __init__(self, aws: MemoryAws) -> None:
        self.clock = aws.clock
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._aws = aws
        self._kept: dict[tuple[str, bytes], bytes] = {}
        session = Session()
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "not-a-real-secret-key")
        self.dynamodb = session.create_client("dynamodb", region_name="us-east-1")
        self.dynamodb.meta.events.register("before-send.dynamodb", self._answer)
        self.dynamodb.meta.events.register("provide-client-params.dynamodb", self._note)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        return self.dynamodb if service == "dynamodb" else self._aws.client(service)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((xform_name(model.name), params))

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        key = (operation, request.body)
        if key not in self._kept:
            method = getattr(self._aws.client("dynamodb"), xform_name(operation))
            self._kept[key] = json.dumps(method(**json.loads(request.body))).encode()
        answer = AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, None)
        answer._content = self._kept[key]
        return answer


def address(view: str) -> dict[str, Any]:
    return request(f"/v1/metrics/projects/{PROJECT}/{view}?days={DAYS}")


def by_sdk(aws: MemoryAws) -> dict[str, float]:
    """Return each view's processor time over that of its own reads alone, decoded, through the SDK: medians."""
    sdk = Sdk(aws)
    api = Api(Wiring(sdk, table=TABLE))
    found = {}
    for view in VIEWS:
        api(address(view))
        sdk.asked.clear()
        assert api(address(view)).status_code == 200
        reads = [(getattr(sdk.dynamodb, name), params) for name, params in sdk.asked]
        found[view] = versus(lambda view=view: api(address(view)), lambda reads=reads: replay(reads))
    return found


def replay(reads: list[tuple[Any, dict[str, Any]]]) -> None:
    for method, params in reads:
        for item in method(**params).get("Items", ()):
            decode_item(item)


def in_memory(aws: MemoryAws) -> float:
    """Return the summary's processor time over that of a plain Query straight into the in-memory table."""
    wiring = Wiring(aws, table=TABLE)
    api, days = Api(wiring), days_until(aws.clock.now(), days=DAYS)
    between = (f"D#{days[0]}", f"D#{days[-1]}")
    return versus(
        lambda: [api(address("summary")) for _ in range(5)],
        lambda: [list(wiring.table.query(f"PROJECT#{PROJECT}", between=between)) for _ in range(5)],
    )


def versus(one: Callable[[], object], other: Callable[[], object]) -> float:
    """Return the processor time of one over that of the other, as the median of interleaved rounds."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        other()
        plain = time.process_time() - start
        start = time.process_time()
        one()
        found.append((time.process_time() - start) / plain)
    return statistics.median(found)


class Found(NamedTuple):
    """What one size of store gave."""

    units: float
    calls: int
    report_calls: int
    views: dict[str, float]
    in_memory: float


def measure(aws: MemoryAws) -> Found:
    """Return read units of the 30-day day totals, calls of the summary and of the report, and what views cost."""
    wiring = Wiring(aws, table=TABLE)
    meter = aws.dynamodb.meter
    days = days_until(aws.clock.now(), days=DAYS)
    meter.is_on = True
    meter.spent.clear()
    list(wiring.table.query(f"PROJECT#{PROJECT}", between=(f"D#{days[0]}", f"D#{days[-1]}")))
    units = meter.read_units / 2  # ours reads consistently; an eventually consistent read is what RRU counts
    meter.is_on = False
    calls = {view: calls_of(aws, view) for view in ("summary", "report")}
    return Found(units, calls["summary"], calls["report"], by_sdk(aws), in_memory(aws))


def calls_of(aws: MemoryAws, view: str) -> int:
    """Return how many calls of any service a view takes, those for test cases among them."""
    seen: list[str] = []

    def note(call: Any, proceed: Callable[[], Any]) -> Any:
        seen.append(call.operation)
        return proceed()

    aws.client("s3").create_bucket(Bucket=f"reports-{view}")
    api = Api(Wiring(aws, table=TABLE), TestWiring(aws, table=TABLE, report_bucket=f"reports-{view}"))
    before, aws.boundary = aws.boundary, note
    assert api(address(view)).status_code == 200
    aws.boundary = before
    return len(seen)


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
    print("a 30-day summary of one project, and how often the processor time of its own reads each view takes:")
    print(f"{'builds':>10} {'units':>6} {'calls':>6} " + " ".join(f"{view[:9]:>9}" for view in VIEWS) + "  in memory")
    for count, one in found.items():
        shown = " ".join(f"{one.views[view]:>9.2f}" for view in VIEWS)
        print(f"{count:>10,} {one.units:>6.1f} {one.calls:>6} {shown} {one.in_memory:>10.2f}")
    seed = 10 + 1000
    ours = found[1_000_000].report_calls
    units = written(store(1_000_000))
    print(f"calls for a whole report of 1,000 builds: {ours} against {seed} one by one: 1/{seed // ours}")
    print(f"write units of recording a build of a pipeline into the busiest day: {units:.0f}")
    promises = {
        "a 30-day view of a busy project reads at most 8 units": found[1_000_000].units <= 8,
        "of one with thirty-three builds a day at most 4": found[1_000].units <= 4,
        "no view takes more than three times the processor time of what it reads": max(
            max(one.views.values()) for one in found.values()
        )
        <= 3,
        "calls do not grow with the builds": len({one.calls for one in found.values()}) == 1,
        "a report takes at most a fiftieth of the calls": ours <= seed / 50,
        "recording writes at most 13 units": units <= 13,
    }
    for promise, is_kept in promises.items():
        print(f"{promise}: {'kept' if is_kept else 'BROKEN'}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
