"""A narrow door to one DynamoDB table: keys, conditions and changes as values, expressions made here only."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from buildgate.adapters.aws_errors import calling, code_of
from buildgate.adapters.table.codec import FORMAT_NAME, PLAIN_FORMAT, decode_item, encode, encode_item
from buildgate.adapters.table.conditions import (
    All,
    Any_,
    Below,
    Condition,
    Is,
    IsNot,
    IsOneOf,
    Missing,
    Present,
    needs_an_item,
)
from buildgate.domain.errors import Conflict, Unavailable

_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.05
_BATCH = 100
_LONGEST_BYTES = (2048, 1024)
"""What a partition's and a sort key may have (Amazon DynamoDB developer guide, "Quotas"): nothing is under a longer one."""
_KEYS = {"": ("pk", "sk"), "GSI1": ("g1p", "g1s"), "GSI2": ("g2p", "g2s")}
_BOUNDS = (":s0", ":s1")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_FORMAT: Mapping[str, Any] = MappingProxyType({FORMAT_NAME: PLAIN_FORMAT})


class Put(NamedTuple):
    """Write a whole item, if the condition holds."""

    item: Mapping[str, Any]
    only_if: Condition | None = None


class Change(NamedTuple):
    """Change an item's attributes: ``sets`` (None removes), ``first`` (only if absent), ``adds`` and ``appends``."""

    pk: str
    sk: str
    sets: Mapping[str, Any] = _NOTHING
    first: Mapping[str, Any] = _NOTHING
    adds: Mapping[str, int] = _NOTHING
    appends: Mapping[str, Sequence[Any]] = _NOTHING
    only_if: Condition | None = None


class Check(NamedTuple):
    """Write nothing, but let a transaction happen only while this holds of an item that it does not write."""

    pk: str
    sk: str
    only_if: Condition


Write = Put | Change | Check


class _Expression:
    """Collects names and values under short aliases while an expression is written."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, name: str) -> str:
        alias = self.names.get(name)
        if alias is None:
            alias = self.names[name] = f"#n{len(self.names)}"
        return alias

    def value(self, value: Any) -> str:
        alias = f":v{len(self.values)}"
        self.values[alias] = {"S": value} if type(value) is str else encode(value)
        return alias

    def condition(self, condition: Condition) -> str:
        match condition:
            case Is(name, value):
                return f"{self.name(name)} = {self.value(value)}"
            case IsNot(name, value):
                return f"{self.name(name)} <> {self.value(value)}"
            case IsOneOf(name, values):
                return f"{self.name(name)} IN ({', '.join(self.value(value) for value in values)})"
            case Missing(name):
                return f"attribute_not_exists({self.name(name)})"
            case Present(name):
                return f"attribute_exists({self.name(name)})"
            case Below(name, value):
                return f"{self.name(name)} < {self.value(value)}"
            case Any_(of):
                return "(" + " OR ".join(self.condition(one) for one in of) + ")"
            case All(of):
                return "(" + " AND ".join(self.condition(one) for one in of) + ")"

    def update(self, change: Change) -> str:
        """Write the update first, before any condition: its aliases are counted from nothing."""
        sets = {name: value for name, value in change.sets.items() if not _is_empty(value)}
        removes = tuple(name for name in change.sets if name not in sets)
        text, names = _update(tuple(sets), tuple(change.first), tuple(change.appends), removes, tuple(change.adds))
        self.names.update(names)
        for value in (*sets.values(), *change.first.values()):
            self.value(value)
        for values in change.appends.values():
            self.value([])
            self.value(list(values))
        for value in change.adds.values():
            self.value(value)
        return text

    def arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.names:
            found["ExpressionAttributeNames"] = {alias: name for name, alias in self.names.items()}
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found


Names = tuple[str, ...]


@lru_cache(maxsize=256)
def _update(sets: Names, first: Names, appends: Names, removes: Names, adds: Names) -> tuple[str, dict[str, str]]:
    """Return the text of an update of these attributes, whatever their values, and the aliases of their names."""
    names: dict[str, str] = {}
    numbers = count()

    def alias(name: str) -> str:
        return names.setdefault(name, f"#n{len(names)}")

    def value() -> str:
        return f":v{next(numbers)}"

    setting = [f"{alias(name)} = {value()}" for name in sets]
    setting += [f"{alias(name)} = if_not_exists({alias(name)}, {value()})" for name in first]
    for name in appends:
        known = f"if_not_exists({alias(name)}, {value()})"
        setting.append(f"{alias(name)} = list_append({known}, {value()})")
    removing = [alias(name) for name in removes]
    adding = [f"{alias(name)} {value()}" for name in adds]
    parts = [("SET", setting), ("REMOVE", removing), ("ADD", adding)]
    return " ".join(f"{word} {', '.join(clauses)}" for word, clauses in parts if clauses), names


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", (), [], {})


class Table:
    """One table through one botocore-shaped client."""

    def __init__(self, client: Any, name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._pause = pause

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Return an item as it is now (a consistent read), or None."""
        if not _may_be(pk, sk):
            return None
        with calling("DynamoDB GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return decode_item(answer["Item"]) if answer.get("Item") else None

    def get_many(self, keys: Sequence[tuple[str, str]], *, only: str = "") -> list[dict[str, Any]]:
        """Return the items that exist of up to any number of keys, in no particular order; ``only`` one attribute."""
        names = {"#o": only, "#f": FORMAT_NAME}
        shown = {"ProjectionExpression": "#o, #f", "ExpressionAttributeNames": names} if only else {}
        found: list[dict[str, Any]] = []
        possible = [key for key in keys if _may_be(*key)]
        for start in range(0, len(possible), _BATCH):
            wanted: list[dict[str, Any]] = [_key(pk, sk) for pk, sk in possible[start : start + _BATCH]]
            while wanted:
                request = {self._name: {"Keys": wanted, "ConsistentRead": True, **shown}}
                with calling("DynamoDB BatchGetItem"):
                    answer = self._client.batch_get_item(RequestItems=request)
                found += [decode_item(item) for item in answer["Responses"].get(self._name, [])]
                wanted = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
        return found

    def query(
        self,
        pk: str,
        *,
        begins: str = "",
        between: tuple[str, str] | None = None,
        index: str = "",
        up_to: str = "",
        newest_first: bool = False,
        limit: int | None = None,
        page: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return the items of one partition (of an index), in key order, read page by page as they are asked for.

        Args:
            pk: The partition.
            begins: Only sort keys that begin so.
            between: Only sort keys in this closed range.
            index: ``GSI1`` or ``GSI2``; their reads are eventually consistent, those of the table are not.
            up_to: Only sort keys not above this one.
            newest_first: From the highest sort key down.
            limit: At most so many items.
            page: So many items at a time, instead of a megabyte of them.
        """
        if not _may_be(pk, begins):
            return iter(())
        partition, sort = _KEYS[index]
        clause, bounds = _sort_clause(begins, between, up_to)
        names, values = {"#p": partition}, {":p": {"S": pk}}
        if clause:
            names["#s"] = sort
        for alias, text in zip(_BOUNDS, bounds, strict=False):
            values[alias] = {"S": text}
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": f"#p = :p{clause}",
            "ScanIndexForward": not newest_first,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        if limit or page:
            request["Limit"] = limit or page
        return self._pages(request, limit)

    def _pages(self, request: dict[str, Any], limit: int | None) -> Iterator[dict[str, Any]]:
        left = limit
        while True:
            with calling("DynamoDB Query"):
                answer = self._client.query(**request)
            for item in answer["Items"]:
                yield decode_item(item)
                if left is not None:
                    left -= 1
                    if left <= 0:
                        return
            if not answer.get("LastEvaluatedKey"):
                return
            request = request | {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def put(self, put: Put) -> None:
        """Write an item.

        Raises:
            Conflict: The condition does not hold.
        """
        with calling("DynamoDB PutItem"):
            self._client.put_item(TableName=self._name, **_put_arguments(put))

    def has_put(self, put: Put) -> bool:
        """Write an item whose condition may rightly fail; False when it did."""
        try:
            self.put(put)
        except Conflict:
            return False
        return True

    def change(self, change: Change) -> dict[str, Any]:
        """Change an item and return it as it is after the change.

        Raises:
            Conflict: The condition does not hold.
        """
        if not _may_be(change.pk, change.sk):
            raise Conflict("DynamoDB UpdateItem: nothing is under a key so long")
        arguments = _change_arguments(change)
        with calling("DynamoDB UpdateItem"):
            answer = self._client.update_item(TableName=self._name, ReturnValues="ALL_NEW", **arguments)
        return decode_item(answer["Attributes"])

    def has_changed(self, change: Change) -> bool:
        """Do a change whose condition may rightly fail; False when it did."""
        try:
            self.change(change)
        except Conflict:
            return False
        return True

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none, trying again while other transactions are in the way.

        Raises:
            Conflict: A condition does not hold.
            Unavailable: Other writers were in the way each time.
        """
        items = [_transaction_item(self._name, write) for write in writes]
        for attempt in range(_TRIES):
            with calling("DynamoDB TransactWriteItems"):
                if self._transacted(items):
                    return
            self._pause(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret
        raise Unavailable(f"DynamoDB TransactWriteItems: other writers were in the way {_TRIES} times")

    def _transacted(self, items: list[dict[str, Any]]) -> bool:
        """Return whether the writes are done: False when others were in the way, Conflict when a condition fails."""
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reason = _cancelled_by(error)
            if reason == "ConditionalCheckFailed":
                raise Conflict(f"DynamoDB TransactWriteItems: {error}") from error
            if reason not in {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise
            return False
        return True


def _sort_clause(begins: str, between: tuple[str, str] | None, up_to: str) -> tuple[str, tuple[str, ...]]:
    """Return the part of a key condition that is about the sort key, and its values."""
    if begins:
        return " AND begins_with(#s, :s0)", (begins,)
    if between:
        return " AND #s BETWEEN :s0 AND :s1", between
    return (" AND #s <= :s0", (up_to,)) if up_to else ("", ())


def _cancelled_by(error: ClientError) -> str:
    if code_of(error) != "TransactionCanceledException":
        return ""
    codes = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
    if "ConditionalCheckFailed" in codes:
        return "ConditionalCheckFailed"
    return next((code for code in codes if code != "None"), "")


def _may_be(pk: str, sk: str) -> bool:
    """Say whether an item may be under a key: one that callers sent may be of any length."""
    most_of_partition, most_of_sort = _LONGEST_BYTES
    if len(pk) * 4 <= most_of_partition and len(sk) * 4 <= most_of_sort:
        return True
    return len(pk.encode()) <= most_of_partition and len(sk.encode()) <= most_of_sort


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _put_arguments(put: Put) -> dict[str, Any]:
    expression = _Expression()
    found: dict[str, Any] = {"Item": encode_item(put.item)}
    if put.only_if is not None:
        found["ConditionExpression"] = expression.condition(put.only_if)
    return found | expression.arguments()


def _change_arguments(change: Change) -> dict[str, Any]:
    """Return the request of a change; one that may make its item names the item's format, unless it has one."""
    if not needs_an_item(change.only_if):
        change = change._replace(first=_FORMAT if change.first is _NOTHING else {**change.first, **_FORMAT})
    expression = _Expression()
    found: dict[str, Any] = {"Key": _key(change.pk, change.sk), "UpdateExpression": expression.update(change)}
    if change.only_if is not None:
        found["ConditionExpression"] = expression.condition(change.only_if)
    return found | expression.arguments()


def _check_arguments(check: Check) -> dict[str, Any]:
    expression = _Expression()
    found: dict[str, Any] = {
        "Key": _key(check.pk, check.sk),
        "ConditionExpression": expression.condition(check.only_if),
    }
    return found | expression.arguments()


def _transaction_item(table: str, write: Write) -> dict[str, Any]:
    if isinstance(write, Put):
        return {"Put": {"TableName": table, **_put_arguments(write)}}
    if isinstance(write, Check):
        return {"ConditionCheck": {"TableName": table, **_check_arguments(write)}}
    return {"Update": {"TableName": table, **_change_arguments(write)}}
