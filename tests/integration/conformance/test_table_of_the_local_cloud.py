"""The local cloud's tables answer every named case as DynamoDB documents it, but for the gaps that are listed.

Over generated histories they stay alike the in-memory table, which is held to the same cases.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from buildgate.adapters.memory import MemoryAws
from contract.dynamodb_answers import differences
from contract.dynamodb_cases import CASES, GAPS
from contract.dynamodb_histories import answered, emptied, histories, looks
from contract.dynamodb_stock import DEFINITION

pytestmark = pytest.mark.xdist_group("conformance")

NOT_REFUSED = (
    "REMOVE l[0], v ADD n :n",
    "SET m.k = :v",
    "SET n = n - :n",
    "SET l = list_append(if_not_exists(l, :l), :l)",
)
"""Updates that DynamoDB refuses for what an item holds, and this cloud does not: its gaps are about them."""


@pytest.fixture(scope="module")
def table(asked) -> Any:
    client = asked.client("dynamodb")
    client.create_table(**DEFINITION)
    yield client
    client.delete_table(TableName=DEFINITION["TableName"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "_", f"{case.operation}: {case.name}"))
def test_case_is_answered_as_documented(table, case):
    found = differences(table, case)

    gap = GAPS["local cloud"].get(case.name)
    assert not found or gap, found
    assert found or not gap, f"the local cloud no longer has this gap: {gap}"


@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(without=NOT_REFUSED))
def test_generated_histories_end_as_in_memory(table, history):
    memory = MemoryAws().client("dynamodb")
    memory.create_table(**DEFINITION)
    emptied(table)

    for operation, request in history:
        ours, theirs = (answered(client, operation, request) for client in (memory, table))
        assert ours == theirs, (operation, request)

    assert looks(memory) == looks(table)
