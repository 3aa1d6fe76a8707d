"""Measures the in-memory table against moto's: transactions over a table of 300 recorded builds.

Run with `make bench ARGS=memory_table`. What a transaction does is what Buildgate sends when a build ends (its head, and the
totals of one day of each scope that it counts for), and one as small as can be: three writes of a few attributes. All
figures are CPU microseconds of this process, the best of several rounds that take turns.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.blueprints import Place, blueprint_of
from buildgate_cli.simulate.schedule import Schedule, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Make = Callable[[int], list[dict[str, Any]]]

ROOT = Path(__file__).parents[2]
ITEMS = 300
ROUNDS = 6
OURS, THEIRS = 200, 4
"""Transactions in one round of each; a moto's takes as long as several hundred in memory."""
(TABLE,) = blueprint_of(ROOT / "template.yaml", Place("buildgate", "us-east-1", "000000000000")).tables
NAME = TABLE.definition["TableName"]
DAY = "D#2026-11-22"


def texts(**values: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


def small(number: int) -> list[dict[str, Any]]:
    """Return the smallest transaction that counts a build: its head, and one more on two days."""
    item = texts(pk=f"BUILD#{number}", sk="HEAD", g1p="PROJECT#a", g1s=f"B#{number:09}", status="SUCCEEDED")
    days = [
        {
            "TableName": NAME,
            "Key": texts(pk=scope, sk=DAY),
            "UpdateExpression": "ADD n :one, d285 :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        for scope in ("PROJECT#a", "PIPELINE#a")
    ]
    head = {"TableName": NAME, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return [{"Put": head}, *({"Update": day} for day in days)]


def recorded() -> list[dict[str, Any]]:
    """Return the transaction with which Buildgate records the end of a build, as a simulated day sent it."""
    schedule = Schedule(Trial(None, frozenset(), loose_builds=1), 1)
    schedule.world.aws.faults.keeps_calls = True
    schedule.play()
    calls = [call for call, _ in schedule.world.aws.faults.calls if call.operation == "transact_write_items"]
    writes: list[dict[str, Any]] = calls[-1].parameters["TransactItems"]
    return writes


def recording(days: int) -> Make:
    """Return what makes the transaction for any build, counted for so many scopes."""
    head, day = (write["Update"] for write in recorded())

    def make(number: int) -> list[dict[str, Any]]:
        place = {**head["ExpressionAttributeValues"], ":v1": {"S": f"B#2026-11-22T12:00:00.000Z#{number:09}"}}
        mine = {**head, "Key": texts(pk=f"BUILD#by-hand:{number:09}", sk="HEAD"), "ExpressionAttributeValues": place}
        scopes = [{**day, "Key": texts(pk=f"PROJECT#{scope}", sk=DAY)} for scope in range(days)]
        return [{"Update": mine}, *({"Update": scope} for scope in scopes)]

    return make


def stocked(client: Any, *, is_bare: bool) -> Any:
    """Return the client with a table of 300 builds and the day that counts them, whole, or with next to nothing in each.

    Moto copies its table for each transaction, so how much is in it matters; in memory it does not.
    """
    client.create_table(**TABLE.definition)
    make = small if is_bare else recording(1)
    for number in range(ITEMS):
        client.transact_write_items(TransactItems=make(number)[: 1 if number else None])
    return client


def microseconds(client: Any, transactions: Sequence[list[dict[str, Any]]]) -> float:
    started = time.process_time()
    for writes in transactions:
        client.transact_write_items(TransactItems=writes)
    return (time.process_time() - started) / len(transactions) * 1e6


def compared(ours: Any, theirs: Any, make: Make) -> tuple[float, float]:
    """Return the best round of each, made in turns; every transaction is of a build of its own."""
    best = [float("inf"), float("inf")]
    number = next(_NUMBERS)
    for _ in range(ROUNDS):
        for side, client, times in ((0, ours, OURS), (1, theirs, THEIRS)):
            transactions = [make(number + one) for one in range(times)]
            number += times
            best[side] = min(best[side], microseconds(client, transactions))
    return best[0], best[1]


_NUMBERS = iter(range(1_000_000, 100_000_000, 1_000_000))
CASES: tuple[tuple[str, Make, float, bool], ...] = (
    ("a build and 1 day", recording(1), 800.0, False),
    ("a build and 2 days", recording(2), 900.0, False),
    ("a build and 4 days", recording(4), 1000.0, False),
    ("3 small writes", small, 1500.0, False),
    ("3 small writes, bare", small, 400.0, True),
)
"""Each case with how many times it has to fit into moto's, at the least (else the bench fails), and whether the table is bare."""


def main() -> int:
    """Print each case; return whether one falls short."""
    is_short = False
    for is_bare in (False, True):
        ours = stocked(MemoryAws(checks_parameters=False).client("dynamodb"), is_bare=is_bare)
        with mock_aws():
            theirs = stocked(boto3.client("dynamodb", region_name="us-east-1"), is_bare=is_bare)
            for name, make, least, _ in (case for case in CASES if case[3] is is_bare):
                memory, moto = compared(ours, theirs, make)
                ratio = moto / memory
                is_short |= ratio < least
                print(f"{name:20} in memory {memory:6.1f} us, moto {moto:9,.0f} us: {ratio:6,.0f} (least {least:,.0f})")
    return is_short


if __name__ == "__main__":
    sys.exit(main())
