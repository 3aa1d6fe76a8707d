"""Generated histories of a table: writes under conditions, transactions, and every way of reading what they left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from contract.dynamodb_answers import outcome, plain
from contract.dynamodb_stock import TABLE, av, avs

KEYS = st.builds(lambda pk, sk: avs({"pk": pk, "sk": sk}), st.sampled_from("ab"), st.sampled_from(["1", "10", "2"]))
NUMBERS = st.one_of(st.integers(-20, 20), st.sampled_from([0.5, 1e10, 123456789012345678901234567890]))
VALUES = st.one_of(NUMBERS, st.sampled_from(["", "x", "10", True, None]), st.just({"k": 1}), st.just([1, "x"]))
INDEXED = st.fixed_dictionaries({}, optional={"g1p": st.sampled_from("PQ"), "g1s": st.sampled_from("12")})
CONDITIONS = st.sampled_from(
    [
        ("attribute_exists(pk)", {}),
        ("attribute_not_exists(pk)", {}),
        ("attribute_not_exists(v) OR v = :x", {"x": 1}),
        ("n >= :x AND NOT v = :y", {"x": 0, "y": "x"}),
        ("n BETWEEN :x AND :y", {"x": -3, "y": 3}),
        ("v IN (:x, :y)", {"x": "x", "y": 1}),
        ("v <> :x", {"x": "x"}),
        ("contains(ss, :x) OR attribute_type(v, :y)", {"x": "a", "y": "N"}),
    ]
)
NAME = re.compile(r"(?<![:\w])(?:pk|sk|g1p|g1s|ss|[nvwlmk])(?!\w)")
EXPRESSIONS = ("UpdateExpression", "ConditionExpression")
UPDATES = (
    "SET v = :v",
    "SET n = if_not_exists(n, :n) + :n, v = :v",
    "SET w = if_not_exists(v, :v) REMOVE v",
    "SET l = list_append(if_not_exists(l, :l), :l)",
    "REMOVE l[0], v ADD n :n",
    "ADD n :n, ss :ss",
    "DELETE ss :ss",
    "SET m = :m REMOVE g1p",
    "SET m.k = :v",
    "SET n = n - :n",
    "SET g1p = :g, g1s = :g REMOVE w",
)


@st.composite
def puts(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    item = {**draw(KEYS), **avs(draw(INDEXED)), "n": av(draw(NUMBERS)), "v": av(draw(VALUES))}
    return "Put", {"TableName": TABLE, "Item": item}


@st.composite
def updates(draw: st.DrawFn, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
    text = draw(st.sampled_from(texts))
    choices = {":v": VALUES, ":n": NUMBERS, ":l": st.just([1, 2]), ":m": st.just({}), ":g": st.sampled_from("PQ")}
    choices[":ss"] = st.sampled_from([{"a"}, {"a", "b"}])
    values = {name: av(draw(choice)) for name, choice in sorted(choices.items()) if name in _words(text)}
    body = {"TableName": TABLE, "Key": draw(KEYS), "UpdateExpression": text}
    return "Update", {**body, "ExpressionAttributeValues": values} if values else body


def _words(text: str) -> list[str]:
    return text.replace(",", " ").replace(")", " ").replace("(", " ").split()


@st.composite
def writes(draw: st.DrawFn, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
    deletes = KEYS.map(lambda key: ("Delete", {"TableName": TABLE, "Key": key}))
    kind, body = draw(st.one_of(puts(), updates(texts), deletes))
    if draw(st.booleans()):
        text, values = draw(CONDITIONS)
        body = {**body, "ConditionExpression": text}
        if values:
            mine = {f":c{name}": av(value) for name, value in values.items()}
            body["ConditionExpression"] = text.replace(":", ":c")
            body["ExpressionAttributeValues"] = {**body.get("ExpressionAttributeValues", {}), **mine}
    return kind, _aliased(body) if draw(st.booleans()) else body


def _aliased(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with a placeholder in the place of every attribute's name, as Buildgate writes its own."""
    names: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"#n{len(names)}")

    texts = {member: NAME.sub(placeholder, body[member]) for member in EXPRESSIONS if member in body}
    known = {alias: name for name, alias in names.items()}
    return {**body, **texts, "ExpressionAttributeNames": known} if known else body


@st.composite
def steps(draw: st.DrawFn, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
    if draw(st.integers(0, 3)) == 0:
        chosen = draw(st.lists(writes(texts), min_size=1, max_size=3, unique_by=_key_text))
        return "transact_write_items", {"TransactItems": [{kind: body} for kind, body in chosen]}
    kind, body = draw(writes(texts))
    return f"{kind.lower()}_item", {**body, "ReturnValues": "ALL_OLD"}


def _key_text(write: tuple[str, dict[str, Any]]) -> str:
    key = write[1].get("Key") or write[1]["Item"]
    return f"{key['pk']['S']}/{key['sk']['S']}"


def looks(client: Any) -> list[Any]:
    """Return what every way of reading shows."""
    table = sorted(client.scan(TableName=TABLE)["Items"], key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    index = [
        client.query(
            TableName=TABLE,
            IndexName="GSI1",
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "g1p"},
            ExpressionAttributeValues={":p": {"S": partition}},
        )["Items"]
        for partition in "PQ"
    ]
    by_key = [sorted(items, key=lambda item: (item["g1s"]["S"], item["pk"]["S"], item["sk"]["S"])) for items in index]
    return [plain(table), plain(by_key)]


def answered(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return an outcome as both should give it: moto tells an update that cannot apply apart, we name its place."""
    got = outcome(client, operation, request)
    if isinstance(got, dict):
        return got.get("Attributes")
    return "ValidationException" if "ValidationException" in got else got


def emptied(client: Any) -> None:
    """Delete every item."""
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


def histories(*, without: Sequence[str] = ()) -> st.SearchStrategy[list[tuple[str, dict[str, Any]]]]:
    """Return lists of operations; `without` are updates that an emulator is known to accept when they must be refused."""
    return st.lists(steps([text for text in UPDATES if text not in without]), min_size=3, max_size=10)
