"""The in-memory table and moto answer every named case as DynamoDB documents it, and each other's generated ones."""

from __future__ import annotations

import re

import boto3
import pytest
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from contract.dynamodb_answers import differences
from contract.dynamodb_cases import CASES, GAPS
from contract.dynamodb_stock import DEFINITION

KINDS = ("memory", "moto")


@pytest.fixture(scope="module")
def clients():
    """One table per emulator, shared by all cases, which put their own items back."""
    with mock_aws():
        made = {"memory": MemoryAws().client("dynamodb"), "moto": boto3.client("dynamodb")}
        for client in made.values():
            client.create_table(**DEFINITION)
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "_", f"{case.operation}: {case.name}"))
def test_case_is_answered_as_documented(clients, case, kind):
    found = differences(clients[kind], case)

    gap = GAPS.get(kind, {}).get(case.name)
    assert not found or gap, found
    assert found or not gap, f"{kind} no longer has this gap: {gap}"
