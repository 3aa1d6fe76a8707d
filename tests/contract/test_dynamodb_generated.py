"""The in-memory table and moto stay alike over generated histories of writes, transactions and reads."""

from __future__ import annotations

import boto3
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from contract.dynamodb_histories import answered, emptied, histories, looks
from contract.dynamodb_stock import DEFINITION, TABLE


@pytest.fixture(scope="module")
def aws():
    return MemoryAws()


@pytest.fixture(scope="module")
def both(aws):
    with mock_aws():
        clients = [aws.client("dynamodb"), boto3.client("dynamodb")]
        for client in clients:
            client.create_table(**DEFINITION)
        yield clients


@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories())
def test_generated_histories_end_alike(aws, both, history):
    for client in both:
        emptied(client)

    for operation, request in history:
        ours, theirs = (answered(client, operation, request) for client in both)
        assert ours == theirs, (operation, request)

    assert looks(both[0]) == looks(both[1])
    assert all(row.size <= row.bound for row in aws.dynamodb.table(TABLE).rows())
