"""What DynamoDB answers, case by case, as its developer guide and API reference say.

Each case starts from the same three items. `expect` is an error code, or the answer's part to compare, or None when
only the state afterwards matters; `after` is item a/1 as it should stand. `GAPS` names the cases that an emulator is known
to answer otherwise, and how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TABLE = "conformance"
INVALID = "ValidationException"
FAILED = "ConditionalCheckFailedException"
CANCELLED = "TransactionCanceledException"
GONE = "-gone-"
PARAMETERS = "refused by the client"
INDEX_KEYS = ("g1p", "g1s", "g2p", "g2s")
DEFINITION: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", *INDEX_KEYS)],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "GSI1",
            "KeySchema": [{"AttributeName": "g1p", "KeyType": "HASH"}, {"AttributeName": "g1s", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        },
        {
            "IndexName": "GSI2",
            "KeySchema": [{"AttributeName": "g2p", "KeyType": "HASH"}, {"AttributeName": "g2s", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
}


def av(value: Any) -> dict[str, Any]:
    """Return a plain Python value as an attribute value; a dict of one known type letter passes as it is."""
    if value is None or isinstance(value, bool):
        return {"NULL": True} if value is None else {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, (set, frozenset)):
        members = sorted(value)
        return {"SS": members} if isinstance(members[0], str) else {"NS": [str(member) for member in members]}
    if isinstance(value, dict):
        return {"M": avs(value)}
    return {"L": [av(member) for member in value]} if isinstance(value, list) else {_letter(value): value}


def _letter(value: object) -> str:
    return "B" if isinstance(value, bytes) else "S"


def avs(values: dict[str, Any]) -> dict[str, Any]:
    """Return a dict of plain values as attribute values."""
    return {name: av(value) for name, value in values.items()}


ONE = {
    "pk": "a",
    "sk": "1",
    "n": 5,
    "s": "text",
    "l": [1, "two", {"x": 1}],
    "m": {"x": 1, "y": {"z": "deep"}},
    "ss": {"a", "b"},
    "ns": {1, 2},
    "b": b"bin",
    "yes": True,
    "nil": None,
    "g1p": "P",
    "g1s": "1",
}
STOCK = (ONE, {"pk": "a", "sk": "2", "n": 7, "g1p": "P", "g1s": "2"}, {"pk": "a", "sk": "30", "g2p": "W", "g2s": "x"})
KEY = {"pk": "a", "sk": "1"}


@dataclass(frozen=True)
class Case:
    name: str
    operation: str
    request: dict[str, Any]
    expect: Any = None
    after: dict[str, Any] | None = None


def condition(name: str, text: str, *, holds: bool = True, **values: Any) -> Case:
    """A condition on item a/1, tried by deleting it."""
    return refused_condition(name, text, None if holds else FAILED, **values)


def refused_condition(name: str, text: str, code: str | None, **values: Any) -> Case:
    request: dict[str, Any] = {"Key": avs(KEY), "ConditionExpression": text}
    if values:
        request["ExpressionAttributeValues"] = {f":{key}": av(value) for key, value in values.items()}
    return Case(name, "delete_item", request, code)


def update(
    name: str,
    text: str,
    change: dict[str, Any] | str,
    names: dict[str, str] | None = None,
    **values: Any,
) -> Case:
    """An update of item a/1: the attributes as they should stand (None for removed), or an error code."""
    request: dict[str, Any] = {"Key": avs(KEY), "UpdateExpression": text}
    if values:
        request["ExpressionAttributeValues"] = {f":{key}": av(value) for key, value in values.items()}
    if names:
        request["ExpressionAttributeNames"] = names
    if isinstance(change, str):
        return Case(name, "update_item", request, change)
    after = {key: value for key, value in {**ONE, **change}.items() if value != GONE}
    return Case(name, "update_item", request, None, after)


CONDITIONS = [
    condition("equal numbers are equal in any spelling", "n = :v", v=5.0),
    condition("kinds never compare equal", "n = :v", holds=False, v="5"),
    condition("an absent attribute equals nothing", "nope = :v", holds=False, v=1),
    condition("an absent attribute differs from everything", "nope <> :v", v=1),
    condition("an absent attribute is not less", "nope < :v", holds=False, v=1),
    condition("numbers compare as numbers", "n < :v", v=10),
    condition("strings compare as text", "s > :v", v="TEXT"),
    condition("kinds do not order", "s > :v", holds=False, v=1),
    condition("between includes its bounds", "n BETWEEN :a AND :b", a=5, b=6),
    refused_condition("between refuses crossed bounds", "n BETWEEN :a AND :b", INVALID, a=6, b=5),
    condition("in finds one of several", "n IN (:a, :b)", a=4, b=5),
    condition("in finds none", "n IN (:a, :b)", holds=False, a=4, b=6),
    condition("not binds tighter than and", "NOT n = :a AND s = :s", a=4, s="text"),
    condition("and binds tighter than or", "n = :n OR n = :x AND s = :x2", n=5, x=1, x2="no"),
    condition("parentheses group", "(n = :n OR n = :x) AND s = :x2", holds=False, n=5, x=1, x2="no"),
    condition("keywords ignore case", "n = :n and not (s = :x or attribute_not_exists(n))", n=5, x="no"),
    condition("attribute_exists sees nested paths", "attribute_exists(m.y.z) AND attribute_exists(l[2].x)"),
    condition("attribute_not_exists sees the end of a list", "attribute_not_exists(l[3])"),
    condition("attribute_exists sees null as a value", "attribute_exists(nil)"),
    condition("begins_with", "begins_with(s, :v)", v="te"),
    condition("begins_with a longer prefix", "begins_with(s, :v)", holds=False, v="texture"),
    refused_condition("begins_with refuses numbers", "begins_with(s, :v)", INVALID, v=1),
    condition("contains a substring", "contains(s, :v)", v="ex"),
    condition("contains a set member", "contains(ss, :v)", v="a"),
    condition("contains a list element", "contains(l, :v)", v="two"),
    condition("contains of a number is false", "contains(n, :v)", holds=False, v="5"),
    condition("size of a string", "size(s) = :v", v=4),
    condition(
        "size of a list, a map, a set and a binary",
        "size(l) = :t AND size(m) = :w AND size(ss) = :w AND size(b) = :t",
        t=3,
        w=2,
    ),
    condition("size of an absent attribute compares to nothing", "size(nope) >= :v", holds=False, v=0),
    condition("attribute_type", "attribute_type(m, :v) AND attribute_type(nil, :w)", v="M", w="NULL"),
    refused_condition("attribute_type refuses unknown types", "attribute_type(m, :v)", INVALID, v="X"),
    condition("two attributes compare", "m.x = l[0]"),
    condition("sets are equal in any order", "ss = :v", v={"b", "a"}),
    condition("maps are equal deeply", "m = :v", v={"y": {"z": "deep"}, "x": 1}),
    refused_condition("an operand against itself is refused", "n = n", INVALID),
    refused_condition("a reserved word is refused", "status = :v", INVALID, v=1),
    refused_condition("redundant parentheses are refused", "((n = :v))", INVALID, v=5),
    refused_condition("an undefined value is refused", "n = :v", INVALID),
    refused_condition("an unused value is refused", "n = :v", INVALID, v=5, w=6),
    refused_condition("an unknown function is refused", "exists(n)", INVALID),
    refused_condition("a wrong number of operands is refused", "begins_with(s)", INVALID),
    refused_condition("ordering by a boolean is refused", "yes < :v", INVALID, v=True),
    refused_condition("a trailing word is refused", "n = :v v", INVALID, v=5),
    refused_condition("an empty expression is refused", " ", INVALID),
    refused_condition("a function on a value is refused", "attribute_exists(:v)", INVALID, v=5),
]

UPDATES = [
    update("set adds an attribute", "SET fresh = :v", {"fresh": 1}, v=1),
    update("set copies an attribute", "SET fresh = m.y", {"fresh": {"z": "deep"}}),
    update("set reads what was there before", "SET n = :v, fresh = n", {"n": 9, "fresh": 5}, v=9),
    update(
        "set adds and subtracts", "SET n = n + :v, m.x = m.x - :v", {"n": 7, "m": {"x": -1, "y": {"z": "deep"}}}, v=2
    ),
    update(
        "sums keep 38 digits",
        "SET n = n + :v",
        {"n": 12345678901234567890123456789012345678},
        v=12345678901234567890123456789012345673,
    ),
    update("if_not_exists keeps what is there", "SET n = if_not_exists(n, :z) + :v", {"n": 6}, v=1, z=0),
    update("if_not_exists gives a start", "SET fresh = if_not_exists(fresh, :z) + :v", {"fresh": 1}, v=1, z=0),
    update("list_append at either end", "SET l = list_append(:v, l)", {"l": [0, 1, "two", {"x": 1}]}, v=[0]),
    update(
        "list_append to a new list",
        "SET fresh = list_append(if_not_exists(fresh, :e), :v)",
        {"fresh": [1]},
        v=[1],
        e=[],
    ),
    update("set of a list element", "SET l[1] = :v", {"l": [1, 2, {"x": 1}]}, v=2),
    update("set beyond the end appends", "SET l[9] = :v", {"l": [1, "two", {"x": 1}, 2]}, v=2),
    update("set of a nested map entry", "SET m.y.fresh = :v", {"m": {"x": 1, "y": {"z": "deep", "fresh": 1}}}, v=1),
    update("set below an absent parent is refused", "SET nope.x = :v", INVALID, v=1),
    update("set below a scalar is refused", "SET n.x = :v", INVALID, v=1),
    update("set from an absent attribute is refused", "SET fresh = nope", INVALID),
    update("arithmetic on text is refused", "SET s = s + :v", INVALID, v=1),
    update("arithmetic with text is refused", "SET n = n + :v", INVALID, v="1"),
    update("list_append of a scalar is refused", "SET l = list_append(l, :v)", INVALID, v=1),
    update("list_append to a scalar is refused", "SET n = list_append(n, :v)", INVALID, v=[1]),
    update("three operands are refused", "SET n = n + :v + :v", INVALID, v=1),
    update("remove", "REMOVE s, m.y, nope", {"s": GONE, "m": {"x": 1}}),
    update("remove of list elements means the old positions", "REMOVE l[0], l[1]", {"l": [{"x": 1}]}),
    update("remove beyond the end does nothing", "REMOVE l[7]", {}),
    update(
        "remove below an absent parent is refused",
        "REMOVE nope.x",
        INVALID,
    ),
    update("add to a number", "ADD n :v", {"n": 3}, v=-2),
    update("add starts at zero", "ADD fresh :v", {"fresh": 2}, v=2),
    update("add of decimals", "ADD n :v", {"n": 5.1}, v=0.1),
    update("add to a nested number", "ADD m.x :v", {"m": {"x": 3, "y": {"z": "deep"}}}, v=2),
    update("add below an absent parent is refused", "ADD nope.x :v", INVALID, v=2),
    update("add to a set", "ADD ss :v", {"ss": {"a", "b", "c"}}, v={"b", "c"}),
    update("add starts a set", "ADD fresh :v", {"fresh": {1, 2}}, v={1, 2}),
    update("add of text is refused", "ADD n :v", INVALID, v="1"),
    update("add of a number to text is refused", "ADD s :v", INVALID, v=1),
    update("add of a set of another kind is refused", "ADD ss :v", INVALID, v={1}),
    update("delete from a set", "DELETE ss :v", {"ss": {"b"}}, v={"a", "x"}),
    update("delete of the last members removes the attribute", "DELETE ss :v", {"ss": GONE}, v={"a", "b"}),
    update("delete from an absent set does nothing", "DELETE nope :v", {}, v={"a"}),
    update("delete of a scalar is refused", "DELETE ss :v", INVALID, v="a"),
    update("delete from a set of another kind is refused", "DELETE ss :v", INVALID, v={1}),
    update(
        "all four sections together",
        "SET n = :v REMOVE s ADD ns :x DELETE ss :d",
        {"n": 1, "s": GONE, "ns": {1, 2, 3}, "ss": {"b"}},
        v=1,
        x={3},
        d={"a"},
    ),
    update("a section given twice is refused", "SET n = :v SET s = :v", INVALID, v=1),
    update("overlapping paths are refused", "SET m = :v, m.x = :w", INVALID, v={}, w=1),
    update("the same path twice is refused", "SET n = :v REMOVE n", INVALID, v=1),
    update("a path that is map and list is refused", "SET m.x.q = :v, m.x[0] = :v", INVALID, v=1),
    update("a key attribute is refused", "SET sk = :v", INVALID, v="2"),
    update("an empty index key is refused", "SET g1p = :v", INVALID, v=""),
    update("an index key of another kind is refused", "SET g1p = :v", INVALID, v=1),
    update("a reserved word needs a placeholder", "SET #s = :v", {"status": "X"}, names={"#s": "status"}, v="X"),
    update("a dot inside a placeholder is part of the name", "SET #s = :v", {"a.b": 1}, names={"#s": "a.b"}, v=1),
    update("an unused name is refused", "SET n = :v", INVALID, names={"#s": "status"}, v=1),
    update("an undefined name is refused", "SET #n = :v", INVALID, v=1),
    update("an update of nothing is refused", "", INVALID),
    update("a null stands", "SET fresh = :v", {"fresh": None}, v=None),
]


def put(name: str, item: dict[str, Any], expect: Any = INVALID, **more: Any) -> Case:
    return Case(name, "put_item", {"Item": {**avs(KEY), **item}, **more}, expect)


PUTS = [
    Case("a missing key attribute", "put_item", {"Item": avs({"pk": "a"})}, INVALID),
    put("a key of another kind", {"sk": {"N": "1"}}),
    put("an empty key", {"sk": {"S": ""}}),
    put("an empty index key", {"g1p": {"S": ""}}),
    put("an index key of another kind", {"g1p": {"N": "1"}}),
    put("an empty string set", {"x": {"SS": []}}),
    put("a set with repeats", {"x": {"SS": ["a", "a"]}}),
    put("a number set with repeats in two spellings", {"x": {"NS": ["1", "1.0"]}}),
    put("a word for a number", {"x": {"N": "five"}}),
    put("a number of 39 digits", {"x": {"N": "1" * 39}}),
    put("a number too large", {"x": {"N": "1e126"}}),
    put("a number too small", {"x": {"N": "1e-131"}}),
    put("a false null", {"x": {"NULL": False}}),
    put("an attribute of two kinds", {"x": {"S": "a", "N": "1"}}),
    put("an item over 400 KB", {"x": {"S": "x" * 409_600}}),
    put("values without expression", {}, ExpressionAttributeValues={":v": {"S": "x"}}),
    put("names without expression", {}, ExpressionAttributeNames={"#v": "x"}),
    put("new values back", {}, ReturnValues="ALL_NEW"),
    put("an item of 399 KB", {"x": {"S": "x" * 408_000}}, None),
    put("an empty string is a value", {"x": {"S": ""}}, None),
]


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

CASES = [*CONDITIONS, *UPDATES, *PUTS, *READS, *ANSWERS, *TRANSACTIONS]


GAPS: dict[str, dict[str, str]] = {
    "moto": {
        "kinds do not order": "breaks with TypeError",
        "between refuses crossed bounds": "answers ConditionalCheckFailedException",
        "begins_with refuses numbers": "answers ConditionalCheckFailedException",
        "size of an absent attribute compares to nothing": "breaks with ValueError",
        "attribute_type refuses unknown types": "answers ConditionalCheckFailedException",
        "an operand against itself is refused": "accepts it",
        "an undefined value is refused": "breaks with KeyError",
        "an unused value is refused": "accepts it",
        "a wrong number of operands is refused": "breaks with ValueError",
        "ordering by a boolean is refused": "answers ConditionalCheckFailedException",
        "a trailing word is refused": "breaks with ValueError",
        "an empty expression is refused": "breaks with ValueError",
        "a function on a value is refused": "breaks with ValueError",
        "set below a scalar is refused": "accepts it",
        "three operands are refused": "accepts it",
        "an undefined name is refused": "breaks with KeyError",
        "an index key of another kind": "accepts it",
        "a set with repeats": "accepts it",
        "a number set with repeats in two spellings": "accepts it",
        "a number of 39 digits": "accepts it",
        "a number too large": "accepts it",
        "an attribute of two kinds": "accepts it",
        "values without expression": "accepts it",
        "an item of 399 KB": "answers ValidationException",
        "a full page says go on even at the end": "answers otherwise",
        "an attribute that the index does not project": "accepts it",
        "an unknown index": "answers ResourceNotFoundException",
        "two conditions on one key": "accepts it",
        "an or between keys": "breaks with AssertionError",
        "a filter on the key": "accepts it",
        "crossed bounds": "accepts it",
        "a start key of too few parts": "breaks with TypeError",
        "a start key of another partition": "accepts it",
        "nested parts of items": "answers otherwise",
        "overlapping projections": "accepts it",
        "update without expression creates the key": "breaks with AttributeError",
        "an update that cannot apply cancels": "answers ValidationException",
        "an unused value refuses the whole": "accepts it",
        "a batch write of 26": "accepts it",
        "a batch that puts and deletes one item": "accepts it",
    }
}
