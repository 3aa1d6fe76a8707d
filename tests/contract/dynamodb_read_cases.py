"""Queries, what writes answer, transactions and batches, as DynamoDB documents them."""

from __future__ import annotations

from typing import Any

from contract.dynamodb_stock import FAILED, INVALID, KEY, ONE, PARAMETERS, STOCK, TABLE, Case, av, avs, update


def query(name: str, expect: Any, **request: Any) -> Case:
    """A query; `expect` is an error code or the sort keys (or names) in order, or a part of the answer."""
    return Case(name, "query", request, expect)


def by(text: str, **values: str) -> dict[str, Any]:
    return {
        "KeyConditionExpression": text,
        "ExpressionAttributeValues": {f":{key}": av(value) for key, value in values.items()},
    }


KEYS_12 = [avs({"pk": "a", "sk": sk}) for sk in ("1", "2")]
ONLY_KEYS = {"ProjectionExpression": "pk, sk"}
READS = [
    query("by partition", {"Count": 3, "ScannedCount": 3}, **by("pk = :p", p="a")),
    query("by prefix", {"Count": 1}, **by("pk = :p AND begins_with(sk, :s)", p="a", s="3")),
    query(
        "sort keys order as text",
        {"Items": [avs({"pk": "a", "sk": "30"})]},
        **ONLY_KEYS,
        **by("pk = :p AND sk > :s", p="a", s="2"),
    ),
    query(
        "between includes its bounds",
        {"Items": KEYS_12},
        **ONLY_KEYS,
        **by("pk = :p AND sk BETWEEN :a AND :b", p="a", a="1", b="2"),
    ),
    query(
        "less or equal, backwards",
        {"Items": KEYS_12[::-1]},
        **ONLY_KEYS,
        ScanIndexForward=False,
        **by("pk = :p AND sk <= :s", p="a", s="2"),
    ),
    query(
        "a page of one has a key to go on from",
        {"Count": 1, "LastEvaluatedKey": KEYS_12[0]},
        Limit=1,
        **by("pk = :p", p="a"),
    ),
    query(
        "go on from a key",
        {"Items": KEYS_12[1:], "LastEvaluatedKey": KEYS_12[1]},
        Limit=1,
        ExclusiveStartKey=KEYS_12[0],
        **ONLY_KEYS,
        **by("pk = :p", p="a"),
    ),
    query(
        "go on from a key that is not there",
        {"Count": 2},
        ExclusiveStartKey=avs({"pk": "a", "sk": "11"}),
        **by("pk = :p", p="a"),
    ),
    query(
        "go back from a key",
        {"Items": KEYS_12[:1]},
        ExclusiveStartKey=KEYS_12[1],
        ScanIndexForward=False,
        **ONLY_KEYS,
        **by("pk = :p", p="a"),
    ),
    query(
        "a full page says go on even at the end",
        {"Count": 3, "LastEvaluatedKey": avs({"pk": "a", "sk": "30"})},
        Limit=3,
        **by("pk = :p", p="a"),
    ),
    query(
        "a limit counts what the filter drops",
        {"Count": 0, "ScannedCount": 1, "LastEvaluatedKey": KEYS_12[0]},
        Limit=1,
        FilterExpression="n = :n",
        **{**by("pk = :p", p="a"), "ExpressionAttributeValues": avs({":p": "a", ":n": 7})},
    ),
    query("count only", {"Count": 3}, Select="COUNT", **by("pk = :p", p="a")),
    query("an index holds only items with both its keys", {"Count": 2}, IndexName="GSI1", **by("g1p = :p", p="P")),
    query(
        "an index returns what it projects",
        {"Items": [avs({"pk": "a", "sk": "1", "g1p": "P", "g1s": "1", "n": 5})]},
        IndexName="GSI1",
        **by("g1p = :p AND g1s = :s", p="P", s="1"),
    ),
    query(
        "an index of keys only",
        {"Items": [avs({"pk": "a", "sk": "30", "g2p": "W", "g2s": "x"})]},
        IndexName="GSI2",
        **by("g2p = :p AND g2s <= :s", p="W", s="x"),
    ),
    query(
        "an index page ends with all four keys",
        {"LastEvaluatedKey": avs({"pk": "a", "sk": "1", "g1p": "P", "g1s": "1"})},
        IndexName="GSI1",
        Limit=1,
        **by("g1p = :p", p="P"),
    ),
    query("an index is not consistent", INVALID, IndexName="GSI1", ConsistentRead=True, **by("g1p = :p", p="P")),
    query(
        "an attribute that the index does not project",
        INVALID,
        IndexName="GSI1",
        ProjectionExpression="s",
        **by("g1p = :p", p="P"),
    ),
    query("an unknown index", INVALID, IndexName="GSI9", **by("g1p = :p", p="P")),
    query("no partition key", INVALID, **by("sk = :p", p="a")),
    query("a range of partitions", INVALID, **by("pk > :p", p="a")),
    query("two conditions on one key", INVALID, **by("pk = :p AND sk > :a AND sk < :b", p="a", a="1", b="2")),
    query("an or between keys", INVALID, **by("pk = :p OR sk = :s", p="a", s="1")),
    query("a filter on the key", INVALID, FilterExpression="sk = :p", **by("pk = :p", p="a")),
    query("crossed bounds", INVALID, **by("pk = :p AND sk BETWEEN :a AND :b", p="a", a="2", b="1")),
    query("an empty key value", INVALID, **by("pk = :p", p="")),
    query("a start key of too few parts", INVALID, ExclusiveStartKey=avs({"pk": "a"}), **by("pk = :p", p="a")),
    query(
        "a start key of another partition",
        INVALID,
        ExclusiveStartKey=avs({"pk": "b", "sk": "1"}),
        **by("pk = :p", p="a"),
    ),
    query("a page of none", PARAMETERS, Limit=0, **by("pk = :p", p="a")),
    query(
        "nested parts of items",
        {
            "Items": [
                {"m": {"M": {"y": {"M": {"z": {"S": "deep"}}}}}, "l": {"L": [{"N": "1"}, {"M": {"x": {"N": "1"}}}]}}
            ]
        },
        ProjectionExpression="m.y.z, l[0], l[2].x",
        **by("pk = :p AND sk = :s", p="a", s="1"),
    ),
    query("overlapping projections", INVALID, ProjectionExpression="m, m.x", **by("pk = :p", p="a")),
    Case("get of nothing has no item", "get_item", {"Key": avs({"pk": "b", "sk": "1"})}, {"Item": "-absent-"}),
    Case("get by half a key", "get_item", {"Key": avs({"pk": "a"})}, INVALID),
    Case("get by more than the key", "get_item", {"Key": avs({"pk": "a", "sk": "1", "n": 1})}, INVALID),
    Case("get by an empty key", "get_item", {"Key": avs({"pk": "a", "sk": ""})}, INVALID),
    Case(
        "scan with filter",
        "scan",
        {"FilterExpression": "n > :n", "ExpressionAttributeValues": avs({":n": 6})},
        {"Count": 1, "ScannedCount": 3},
    ),
    Case("scan of an index", "scan", {"IndexName": "GSI2"}, {"Count": 1, "ScannedCount": 1}),
]


def returned(name: str, wanted: str, text: str, attributes: Any, **values: Any) -> Case:
    case = update(name, text, {}, None, **values)
    return Case(name, "update_item", {**case.request, "ReturnValues": wanted}, {"Attributes": attributes})


ANSWERS = [
    returned("all old", "ALL_OLD", "SET n = :v", avs(ONE), v=9),
    returned("all new", "ALL_NEW", "SET n = :v", avs({**ONE, "n": 9}), v=9),
    returned("updated old", "UPDATED_OLD", "SET n = :v, fresh = :v", avs({"n": 5}), v=9),
    returned("updated new", "UPDATED_NEW", "SET n = :v REMOVE s", avs({"n": 9}), v=9),
    returned("updated new, nested", "UPDATED_NEW", "SET m.x = :v", avs({"m": {"x": 9}}), v=9),
    Case(
        "delete returns what was there",
        "delete_item",
        {"Key": avs(KEY), "ReturnValues": "ALL_OLD"},
        {"Attributes": avs(ONE)},
        {},
    ),
    Case(
        "delete of nothing succeeds",
        "delete_item",
        {"Key": avs({"pk": "b", "sk": "1"}), "ReturnValues": "ALL_OLD"},
        {"Attributes": "-absent-"},
    ),
    Case(
        "put returns what it replaced",
        "put_item",
        {"Item": avs(KEY), "ReturnValues": "ALL_OLD"},
        {"Attributes": avs(ONE)},
        KEY,
    ),
    Case(
        "update without expression creates the key",
        "update_item",
        {"Key": avs({"pk": "b", "sk": "1"}), "ReturnValues": "ALL_NEW"},
        {"Attributes": avs({"pk": "b", "sk": "1"})},
    ),
]


def transaction(name: str, expect: Any, *actions: dict[str, Any], **more: Any) -> Case:
    """A transaction; `expect` is an error code, or the list of reason codes of a cancelled one, or None."""
    return Case(name, "transact_write_items", {"TransactItems": list(actions), **more}, expect)


def action(kind: str, sk: str, text: str = "", condition_text: str = "", **values: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"TableName": TABLE}
    body.update({"Item": avs({"pk": "a", "sk": sk})} if kind == "Put" else {"Key": avs({"pk": "a", "sk": sk})})
    if text:
        body["UpdateExpression"] = text
    if condition_text:
        body["ConditionExpression"] = condition_text
    if values:
        body["ExpressionAttributeValues"] = {f":{key}": av(value) for key, value in values.items()}
    return {kind: body}


TRANSACTIONS = [
    transaction(
        "conditions see the table before the transaction",
        None,
        action("Delete", "2"),
        action("ConditionCheck", "30", "", "attribute_exists(pk)"),
    ),
    transaction(
        "every failed condition is told",
        ["None", FAILED, FAILED],
        action("Put", "9"),
        action("ConditionCheck", "2", "", "n = :v", v=8),
        action("Delete", "30", "", "attribute_not_exists(pk)"),
    ),
    transaction(
        "an update that cannot apply cancels",
        ["None", INVALID],
        action("Put", "9"),
        action("Update", "2", "SET nope.x = :v", v=1),
    ),
    transaction("one item twice is refused", INVALID, action("Put", "2"), action("Delete", "2")),
    transaction(
        "a hundred and one actions are refused", INVALID, *[action("Put", f"n{number}") for number in range(101)]
    ),
    transaction("a hundred actions are done", None, *[action("Put", f"n{number}") for number in range(100)]),
    transaction("no action is refused", PARAMETERS),
    transaction(
        "a bad expression refuses the whole", INVALID, action("Put", "9"), action("Update", "2", "SET status = :v", v=1)
    ),
    transaction("an unused value refuses the whole", INVALID, action("Update", "2", "SET n = :v", v=1, w=2)),
    Case(
        "a batch reads what exists",
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [*KEYS_12, avs({"pk": "b", "sk": "1"})], "ProjectionExpression": "n"}}},
        {"UnprocessedKeys": {}},
    ),
    Case(
        "a batch of more than a hundred",
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [avs({"pk": "a", "sk": str(number)}) for number in range(101)]}}},
        INVALID,
    ),
    Case(
        "a batch with a repeated key",
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [KEYS_12[0], KEYS_12[0]]}}},
        INVALID,
    ),
    Case(
        "a batch write of 26",
        "batch_write_item",
        {
            "RequestItems": {
                TABLE: [{"PutRequest": {"Item": avs({"pk": "b", "sk": str(number)})}} for number in range(26)]
            }
        },
        INVALID,
    ),
    Case(
        "a batch that puts and deletes one item",
        "batch_write_item",
        {"RequestItems": {TABLE: [{"PutRequest": {"Item": avs(KEY)}}, {"DeleteRequest": {"Key": avs(KEY)}}]}},
        INVALID,
    ),
    Case(
        "a transaction reads items in order",
        "transact_get_items",
        {
            "TransactItems": [
                {"Get": {"TableName": TABLE, "Key": key}} for key in (KEYS_12[1], avs({"pk": "b", "sk": "1"}))
            ]
        },
        {"Responses": [{"Item": avs(STOCK[1])}, {}]},
    ),
]
