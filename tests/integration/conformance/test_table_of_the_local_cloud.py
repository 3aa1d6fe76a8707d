"""The local cloud's tables answer every named case as DynamoDB documents it, but for the gaps that are listed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contract.dynamodb_answers import differences
from contract.dynamodb_cases import CASES, GAPS
from contract.dynamodb_stock import DEFINITION

pytestmark = pytest.mark.xdist_group("conformance")


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
