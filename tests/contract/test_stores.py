"""One suite of promises for the stores, on the in-memory DynamoDB and on moto's; a cloud adds its own elsewhere."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from contract import history_store_cases, lane_store_cases
from contract.store_cases import CASES, empty
from contract.stores import unnamed

KINDS = ("memory", "moto")


@pytest.fixture(scope="module")
def clients():
    """One table per emulator, emptied before each case."""
    with mock_aws():
        made = {"memory": MemoryAws().client, "moto": boto3.client}
        for client in made.values():
            history_store_cases.prepare(client)
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES + lane_store_cases.CASES, ids=lambda case: case.__name__)
def test_stores_keep_their_promises_and_every_item_names_its_format(clients, case, kind):
    case(empty(clients[kind]("dynamodb")))

    assert unnamed(clients[kind]("dynamodb")) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", history_store_cases.CASES, ids=lambda case: case.__name__)
def test_stores_of_what_happened_keep_their_promises_and_every_item_names_its_format(clients, case, kind):
    case(history_store_cases.history(clients[kind]))

    assert unnamed(clients[kind]("dynamodb")) == []
