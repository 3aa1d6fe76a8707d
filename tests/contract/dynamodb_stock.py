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
