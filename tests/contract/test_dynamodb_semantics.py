"""The in-memory table and moto answer every named case as DynamoDB documents it, and each other's generated ones."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from contract.dynamodb_answers import outcome, plain
from contract.dynamodb_cases import CASES, GAPS
from contract.dynamodb_stock import DEFINITION, KEY, ONE, STOCK, TABLE, Case, avs

KINDS = ("memory", "moto")


@pytest.fixture(scope="module")
def clients():
    """One table per emulator, shared by all cases, which put their own items back."""
    with mock_aws():
        made = {"memory": MemoryAws().client("dynamodb"), "moto": boto3.client("dynamodb")}
        for client in made.values():
            client.create_table(**DEFINITION)
        yield made


def restock(client: Any) -> None:
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={name: item[name] for name in KEY})
    for item in STOCK:
        client.put_item(TableName=TABLE, Item=avs(item))


def differences(client: Any, case: Case) -> list[str]:
    """Return how what happened differs from what the case expects."""
    restock(client)
    got = outcome(client, case.operation, case.request)
    found = []
    if isinstance(case.expect, (str, list)):
        if got != case.expect:
            found.append(f"answered {got!r}")
    elif not isinstance(got, dict):
        found.append(f"refused: {got}")
    else:
        for name, value in (case.expect or {}).items():
            wanted = "-absent-" if value == "-absent-" else plain(value)
            if got.get(name, "-absent-") != wanted:
                found.append(f"{name} is {got.get(name)!r}")
    return found + state_differences(client, case)


def state_differences(client: Any, case: Case) -> list[str]:
    changes_nothing = isinstance(case.expect, (str, list)) or case.operation in ("query", "scan", "get_item")
    if case.after is None and not changes_nothing:
        return []
    wanted = avs(case.after if case.after is not None else ONE)
    item = client.get_item(TableName=TABLE, Key=avs(KEY), ConsistentRead=True).get("Item", {})
    return [] if plain(item) == plain(wanted) else [f"left {item!r}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "_", f"{case.operation}: {case.name}"))
def test_case_is_answered_as_documented(clients, case, kind):
    found = differences(clients[kind], case)

    gap = GAPS.get(kind, {}).get(case.name)
    assert not found or gap, found
    assert found or not gap, f"{kind} no longer has this gap: {gap}"
