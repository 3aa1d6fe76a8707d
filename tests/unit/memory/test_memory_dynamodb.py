"""The in-memory DynamoDB's own promises; its likeness to the real one is the contract tests' business."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate.adapters.memory import MemoryAws

SCHEMA: dict[str, Any] = {
    "TableName": "t",
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


@pytest.fixture
def aws() -> MemoryAws:
    aws = MemoryAws()
    aws.client("dynamodb").create_table(**SCHEMA)
    return aws


def item(pk: str, sk: str, **more: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}


def test_a_cancelled_transaction_changes_nothing_and_gives_a_reason_for_each_action(aws):
    client = aws.client("dynamodb")
    client.put_item(TableName="t", Item=item("a", "1", status="OLD"))

    with pytest.raises(ClientError) as caught:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "t", "Item": item("b", "1")}},
                {
                    "Put": {
                        "TableName": "t",
                        "Item": item("a", "1"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
            ]
        )

    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"] == item("a", "1", status="OLD")
    assert "Item" not in client.get_item(TableName="t", Key=item("b", "1"))


def test_answers_share_nothing_with_the_table(aws):
    client = aws.client("dynamodb")
    sent = {**item("a", "1"), "m": {"M": {"l": {"L": [{"N": "1"}]}}}}
    client.put_item(TableName="t", Item=sent)

    sent["m"]["M"]["l"]["L"].append({"N": "2"})
    client.get_item(TableName="t", Key=item("a", "1"))["Item"]["m"]["M"].clear()

    assert client.get_item(TableName="t", Key=item("a", "1"))["Item"]["m"] == {"M": {"l": {"L": [{"N": "1"}]}}}


def test_a_deferred_index_shows_the_past_until_the_work_is_done(aws):
    client = aws.client("dynamodb")
    aws.lag_indexes(lambda: 2.0)
    client.put_item(TableName="t", Item=item("a", "1", g1p="P", g1s="1"))
    read = {
        "TableName": "t",
        "IndexName": "GSI1",
        "KeyConditionExpression": "g1p = :p",
        "ExpressionAttributeValues": {":p": {"S": "P"}},
    }

    before = client.query(**read)["Count"]
    aws.timeline.advance(2)

    assert (before, client.query(**read)["Count"]) == (0, 1)


def test_units_count_the_item_twice_in_a_transaction_and_each_changed_index_once(aws):
    client = aws.client("dynamodb")
    aws.dynamodb.meter.is_on = True
    client.put_item(TableName="t", Item=item("a", "1", g1p="P", g1s="1", status="X", big="y" * 1100))
    client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": "t",
                    "Key": item("a", "1"),
                    "UpdateExpression": "SET g1s = :s",
                    "ExpressionAttributeValues": {":s": {"S": "2"}},
                }
            }
        ]
    )

    put, update = aws.dynamodb.meter
    assert (put.table_units, put.index_units) == (2, {"GSI1": 1})
    assert (update.table_units, update.index_units) == (4, {"GSI1": 2})


def test_an_item_changed_often_is_measured_as_it_is_and_not_as_it_might_have_become(aws):
    client = aws.client("dynamodb")
    table = aws.dynamodb.table("t")
    request: dict[str, Any] = {
        "TableName": "t",
        "Key": item("a", "1"),
        "UpdateExpression": "SET #s = :long ADD n :one",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":long": {"S": "x" * 100_000}, ":one": {"N": "1"}},
    }

    for _ in range(10):
        client.update_item(**request)

    (row,) = table.rows()
    assert (row.size, row.item["n"]) == (100_000 + len("pka" + "sk1" + "status" + "n") + 2, {"N": "10"})
    assert row.size <= row.bound
    with pytest.raises(ClientError, match="Item size to update has exceeded the maximum allowed size"):
        client.update_item(
            **{**request, "ExpressionAttributeValues": {":long": {"S": "é" * 204_800}, ":one": {"N": "1"}}}
        )
    assert table.get(("a", "1")) is row
