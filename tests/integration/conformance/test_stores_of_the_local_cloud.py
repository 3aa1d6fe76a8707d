"""The stores keep the same promises on the local cloud's table as in memory and on moto."""

import pytest

from contract import history_store_cases, lane_store_cases
from contract.store_cases import CASES, empty
from core_world import TABLE

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.fixture(scope="module")
def client(asked):
    clients = {service: asked.client(service) for service in ("dynamodb", "s3")}
    history_store_cases.prepare(clients.__getitem__)
    yield clients.__getitem__
    clients["dynamodb"].delete_table(TableName=TABLE)


@pytest.mark.parametrize("case", CASES + lane_store_cases.CASES, ids=lambda case: case.__name__)
def test_stores_keep_their_promises_on_the_local_cloud(client, case):
    case(empty(client("dynamodb")))


@pytest.mark.parametrize("case", history_store_cases.CASES, ids=lambda case: case.__name__)
def test_stores_of_what_happened_keep_their_promises_on_the_local_cloud(client, case):
    case(history_store_cases.history(client))
