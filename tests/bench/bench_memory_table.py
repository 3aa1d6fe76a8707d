"""Measures the in-memory table against moto's: the transaction that records a finished build, over 300 items.

Run with `python tests/bench/bench_memory_table.py`. It prints CPU microseconds of each operation, the best of several
rounds in this process, and how many times moto's transaction the in-memory one fits.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws

if TYPE_CHECKING:
    from collections.abc import Callable

REACH = 150.0
ITEMS = 300
TABLE: dict[str, Any] = {
    "TableName": "bench",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g1p", "g1s")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "GSI1",
            "KeySchema": [{"AttributeName": "g1p", "KeyType": "HASH"}, {"AttributeName": "g1s", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
        }
    ],
}


def texts(**values: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


def transaction(number: int) -> dict[str, Any]:
    """Record a build: its head once, and one more on two days."""
    head = {
        "TableName": "bench",
        "Item": texts(pk=f"BUILD#{number}", sk="HEAD", g1p="PROJECT#a", g1s=f"B#{number:06}", status="SUCCEEDED"),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    days = [
        {
            "TableName": "bench",
            "Key": texts(pk=scope, sk="D#2026-11-22"),
            "UpdateExpression": "ADD n :one, d285 :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        for scope in ("PROJECT#a", "PIPELINE#a")
    ]
    return {"TransactItems": [{"Put": head}, *({"Update": day} for day in days)]}


def stocked(client: Any) -> Any:
    """Return the client with a table of 300 items."""
    client.create_table(**TABLE)
    for number in range(ITEMS):
        client.put_item(TableName="bench", Item=texts(pk=f"OLD#{number}", sk="HEAD", status="SUCCEEDED"))
    return client


def best_microseconds(act: Callable[[int], object], *, rounds: int, times: int) -> float:
    """Return CPU microseconds of one call, in the best of several rounds; each call gets a number of its own."""
    best = float("inf")
    for turn in range(rounds):
        started = time.process_time()
        for number in range(times):
            act(turn * times + number)
        best = min(best, (time.process_time() - started) / times)
    return best * 1e6


def main() -> int:
    memory = stocked(MemoryAws(checks_parameters=False).client("dynamodb"))
    ours = {
        "put": lambda n: memory.put_item(TableName="bench", Item=texts(pk=f"NEW#{n}", sk="HEAD", g1p="P", g1s=f"{n}")),
        "get": lambda n: memory.get_item(TableName="bench", Key=texts(pk=f"OLD#{n % ITEMS}", sk="HEAD")),
        "transaction of 3": lambda n: memory.transact_write_items(**transaction(n)),
    }
    found = {name: best_microseconds(act, rounds=10, times=500) for name, act in ours.items()}
    for name, microseconds in found.items():
        print(f"in memory, {name:18} {microseconds:10.1f} us {1e6 / microseconds:12,.0f} a second")
    with mock_aws():
        theirs = stocked(boto3.client("dynamodb", region_name="us-east-1"))
        moto = best_microseconds(lambda n: theirs.transact_write_items(**transaction(n)), rounds=3, times=10)
    ratio = moto / found["transaction of 3"]
    print(f"moto, transaction of 3      {moto:10.1f} us; {ratio:,.0f} of ours fit into it (reach {REACH:,.0f})")
    return 0 if ratio >= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
