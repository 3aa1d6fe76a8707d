"""What looking at metrics costs, on stores of ten, a thousand, ten thousand and a million builds in the in-memory table.

Units are those of AWS's published rules, metered by the in-memory table. A 30-day view reads day totals, so what it reads must
not grow with the builds. The million builds are all counted into their days; as many of the newest as BUILDGATE_HEADS says
(a hundred thousand, about a gigabyte) are there one by one, for no view reads more than five thousand.

Each view's processor time is set against one plain Query, in the same run: `query` of a client as the SDK makes it, one page,
of the partition that the view is about (a summary's days, the builds of every other view), the network left out. So the
view bears its routing, all its reads, its rules and its JSON. The other table sets it against the same Query straight into the
in-memory table, values decoded, which costs little. The usual script asks CodeBuild for a list and then for each build by itself.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from metric_stores import DAYS, ORDINARY, PHASES, PIPELINE, PROJECT, TABLE, Sdk, address, heads, store

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.adapters.table.codec import decode_item
from buildgate.adapters.table.day_items import span
from buildgate.domain.builds import Build, Phase
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.times import days_until
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api

ROUNDS = 5
VIEWS = ("summary", "trend", "cost", "cache", "failures", "recommend", "builds", "report")
SIZES = (10, 1_000, 10_000, 1_000_000)
KEPT = int(os.environ.get("BUILDGATE_HEADS", "100000"))
OF_DAYS = {"summary"}
"""The views that read days alone; the others are about builds."""


def plain_query(aws: MemoryAws, view: str) -> dict[str, Any]:
    """Return the parameters of the one Query that a user would make for what a view is about."""
    days = days_until(aws.clock.now(), days=DAYS)
    pk, sk, key, first, last = (
        ("pk", "sk", f"PROJECT#{PROJECT}", f"D#{days[0]}", f"D#{days[-1]}#P")
        if view in OF_DAYS
        else ("g1p", "g1s", f"PROJECT#{PROJECT}", f"B#{days[0]}", "B#9")
    )
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
        "ExpressionAttributeNames": {"#p": pk, "#s": sk},
        "ExpressionAttributeValues": {":p": {"S": key}, ":a": {"S": first}, ":b": {"S": last}},
        "ScanIndexForward": False,
        **({} if view in OF_DAYS else {"IndexName": "GSI1"}),
    }


def versus(one: Callable[[], object], other: Callable[[], object], *, times: int) -> float:
    """Return the processor time of one over that of the other, as the median of interleaved rounds."""
    found = []
    for _ in range(ROUNDS):
        spent = []
        for each in (other, one):
            start = time.process_time()
            for _ in range(times):
                each()
            spent.append(time.process_time() - start)
        found.append(spent[1] / spent[0])
    return statistics.median(found)


def ratios(aws: MemoryAws, of: Any, query: Callable[..., Any], *, times: int) -> dict[str, float]:
    """Return each view's processor time over that of its plain Query."""
    api = Api(Wiring(of, table=TABLE))
    found = {}
    for view in VIEWS:
        asked = plain_query(aws, view)
        assert api(address(view)).status_code == 200
        query(**asked)
        found[view] = versus(lambda view=view: api(address(view)), lambda asked=asked: query(**asked), times=times)
    return found


def read(aws: MemoryAws, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Make a Query straight into the in-memory table and return its items as plain values."""
    return [decode_item(item) for item in aws.client("dynamodb").query(**asked)["Items"]]


class Read(NamedTuple):
    """What reading the totals of thirty days took: items, and units of eventually consistent reads."""

    items: int
    units: float


class Found(NamedTuple):
    """What one size of store gave."""

    busy: Read
    ordinary: Read
    calls: int
    report_calls: int
    by_sdk: Mapping[str, float]
    in_memory: Mapping[str, float]


def measure(aws: MemoryAws, *, times: int) -> Found:
    """Return what the totals of thirty days take to read, calls of the summary and of the report, and what views cost."""
    busy, ordinary = (days_read(aws, project) for project in (PROJECT, ORDINARY))
    calls = {view: calls_of(aws, view) for view in ("summary", "report")}
    sdk = Sdk(aws)
    by_sdk = ratios(aws, sdk, sdk.stock.query, times=times)
    in_memory = ratios(aws, aws, lambda **asked: read(aws, asked), times=times)
    return Found(busy, ordinary, calls["summary"], calls["report"], by_sdk, in_memory)


def days_read(aws: MemoryAws, project: str) -> Read:
    """Return what the totals of a project's thirty days take to read."""
    days = days_until(aws.clock.now(), days=DAYS)
    first, last = span(days)
    asked = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
        "ExpressionAttributeValues": {":p": {"S": f"PROJECT#{project}"}, ":a": {"S": first}, ":b": {"S": last}},
    }
    meter = aws.dynamodb.meter
    meter.is_on = True
    meter.spent.clear()
    Wiring(aws, table=TABLE).records.days(Scope("PROJECT", project), days)
    units = meter.read_units / 2  # ours reads consistently; an eventually consistent read is what RRU counts
    meter.is_on = False
    return Read(len(aws.client("dynamodb").query(**asked)["Items"]), units)


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
    head = next(heads(1, now))
    head = head._replace(pipeline=PIPELINE, build_id=f"{PROJECT}:{uuid.uuid4()}", ended_at=now)
    phases = tuple(Phase(name, "SUCCEEDED", duration_seconds=1.0) for name in PHASES)
    build = Build(head.build_id, PROJECT, head.status, head.started_at, head.ended_at, phases=phases)
    meter = aws.dynamodb.meter
    meter.is_on = True
    meter.spent.clear()
    wiring.records.record(head, build, known=None, is_finish=True, now=now)
    units = meter.write_units
    meter.is_on = False
    return units


def shown(found: Mapping[int, Found], ratios_of: Callable[[Found], Mapping[str, float]]) -> None:
    """Print one line of ratios for each size."""
    print(f"{'builds':>10} {'items':>5} {'units':>6} {'calls':>6} " + " ".join(f"{view[:9]:>9}" for view in VIEWS))
    for count, one in found.items():
        line = " ".join(f"{ratios_of(one)[view]:>9.2f}" for view in VIEWS)
        print(f"{count:>10,} {one.busy.items:>5} {one.busy.units:>6.1f} {one.calls:>6} {line}")


def main() -> int:
    """Return 1 when a promise is broken."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret-key"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    found, units = {}, 0.0
    for count in SIZES:
        aws = store(count, kept=KEPT)
        found[count] = measure(aws, times=10 if count <= 10 else 2)
        units = written(aws)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"builds one by one in the largest store: {min(KEPT, SIZES[-1]):,}; memory at most {memory:.1f} GiB")
    for count, one in found.items():
        print(
            f"thirty days of an ordinary project in a store of {count:,}: {one.ordinary.items} items, {one.ordinary.units} units"
        )
    print("how often the processor time of one plain Query through the SDK each view of 30 days takes:")
    shown(found, lambda one: one.by_sdk)
    print("how often that of the same Query straight into the in-memory table, its values decoded:")
    shown(found, lambda one: one.in_memory)
    seed, ours = 10 + 1000, found[1_000_000].report_calls
    print(f"calls for a whole report of 1,000 builds: {ours} against {seed} one by one: 1/{seed // ours}")
    print(f"write units of recording the end of a build of a pipeline on the busiest day: {units:.0f}")
    promises = {
        "a 30-day view of an ordinary project reads the same in every store": len({o.ordinary for o in found.values()})
        == 1,
        "and at most 4 units": max(one.ordinary.units for one in found.values()) <= 4,
        "of a project with all builds of the store at most 8 units": max(one.busy.units for one in found.values()) <= 8,
        "no view takes more than three times the processor time of one plain Query": max(
            max(one.by_sdk.values()) for one in found.values()
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
