"""One suite of promises for the stores, on the in-memory DynamoDB and on moto's; a cloud adds its own elsewhere."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from contract.store_cases import CASES, empty
from core_world import table_definition

KINDS = ("memory", "moto")


@pytest.fixture(scope="module")
def clients():
    """One table per emulator, emptied before each case."""
    with mock_aws():
        made = {"memory": MemoryAws().client("dynamodb"), "moto": boto3.client("dynamodb")}
        for client in made.values():
            client.create_table(**table_definition())
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_stores_keep_their_promises(clients, case, kind):
    case(empty(clients[kind]))
