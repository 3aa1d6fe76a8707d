"""The stores keep the same promises on the local cloud's table as in memory and on moto."""

import pytest

from contract.store_cases import CASES, empty
from core_world import TABLE, table_definition

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.fixture(scope="module")
def client(asked):
    client = asked.client("dynamodb")
    client.create_table(**table_definition())
    yield client
    client.delete_table(TableName=TABLE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_stores_keep_their_promises_on_the_local_cloud(client, case):
    case(empty(client))
