"""What a 30-day view reads from the local cloud's table, with ten, a thousand and ten thousand builds in it.

The builds' items and their days are written to a real emulator over HTTP, and read back through the adapter that the API uses.
The emulator's own capacity figures say little, so that units are those of AWS's published rules for the items that came back.
Takes about a minute on two cores, most of it the writing; larger stores are for the in-memory table (metrics_reading).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from botocore.session import Session
from metric_stores import DAYS, PROJECT, batches, items

from buildgate.adapters.memory.dynamodb.units import read_units
from buildgate.adapters.memory.dynamodb.values import item_size
from buildgate.adapters.table.builds import TableBuilds
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.totals import TableTotals
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.metrics.summary import summarise
from buildgate.domain.times import days_until
from buildgate_cli.local.emulator import Emulator
from buildgate_cli.local.state import Home
from core_world import table_definition

SIZES = (10, 1_000, 10_000)
MOST_UNITS = 4
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Counted:
    """A client whose Query notes what came back."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls = 0
        self.items = 0
        self.bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **asked: Any) -> Any:
        """Make a Query."""
        answer = self._client.query(**asked)
        self.calls += 1
        self.items += len(answer["Items"])
        self.bytes += sum(item_size(item) for item in answer["Items"])
        return answer


def filled(client: Any, count: int) -> str:
    """Return the name of a new table that holds what `count` builds left."""
    name = f"bench-{count}"
    client.create_table(**table_definition() | {"TableName": name})
    for request in batches(items(count, NOW, kept=count), name):
        client.batch_write_item(**request)
    return name


class Looked(NamedTuple):
    """What a 30-day view of a store read, and what listing its builds gave."""

    calls: int
    items: int
    units: float
    counted: int
    listed: int


def look(client: Any, name: str) -> Looked:
    """Read a table's thirty days as a view does, and then list every build."""
    counted = Counted(client)
    table, window = Table(counted, name), days_until(NOW, days=DAYS)
    found = summarise(TableBuilds(table).days(Scope("PROJECT", PROJECT), window), window_days=DAYS)
    read = (counted.calls, counted.items, read_units(counted.bytes, 0.5))
    first, last = (datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (window[0], "2026-11-23"))
    listed = sum(1 for _ in TableTotals(table).finished_between(PROJECT, first, last))
    return Looked(*read, found.builds, listed)


def wrong(count: int, seen: Looked) -> list[str]:
    """Return what is broken about what was seen of a store."""
    limit = MOST_UNITS if count <= 1_000 else 2 * MOST_UNITS
    checks = {
        f"{seen.counted} counted": seen.counted == count,
        f"{seen.listed} listed": seen.listed == count,
        f"{seen.units} units": seen.units <= limit,
        f"{seen.calls} calls": seen.calls == 1,
    }
    return [f"{count} builds: {said}" for said, is_right in checks.items() if not is_right]


@contextmanager
def emulator_client() -> Iterator[Any]:
    """Start an emulator and yield a client of its DynamoDB."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        home.prepare()
        keys, ports = home.keys(), home.ports()
        emulator = Emulator(home, keys, ports["emulator"], hosts=(), speed=1.0)
        emulator.start()
        try:
            yield Session().create_client(
                "dynamodb",
                region_name="us-east-1",
                endpoint_url=emulator.endpoint,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
            )
        finally:
            emulator.stop()


def main() -> int:
    """Return 1 when a promise is broken."""
    broken = []
    print(f"{'builds':>8} {'written in':>10} {'calls':>6} {'items':>6} {'units':>6} {'counted':>8} {'listed':>8}")
    with emulator_client() as client:
        for count in SIZES:
            start = time.monotonic()
            name = filled(client, count)
            taken = time.monotonic() - start
            seen = look(client, name)
            figures = f"{seen.calls:>6} {seen.items:>6} {seen.units:>6.1f} {seen.counted:>8,} {seen.listed:>8,}"
            print(f"{count:>8,} {taken:>8.1f} s {figures}", flush=True)
            broken += wrong(count, seen)
    print("\n".join(broken) or "one Query at every size; every build is counted, and listed page by page")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
