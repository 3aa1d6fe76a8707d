"""One write, in three steps that a transaction can interleave: prepare (refuse bad requests), decide, commit."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from buildgate.adapters.memory.dynamodb.conditions import Condition, compile_condition
from buildgate.adapters.memory.dynamodb.projections import picked
from buildgate.adapters.memory.dynamodb.requests import Check, Values, check_placeholders, taken_names, taken_values
from buildgate.adapters.memory.dynamodb.stores import Key, Moved, Row
from buildgate.adapters.memory.dynamodb.syntax import Names
from buildgate.adapters.memory.dynamodb.tables import MAX_ITEM_BYTES, Table
from buildgate.adapters.memory.dynamodb.units import Spent, write_units
from buildgate.adapters.memory.dynamodb.updates import Update, compile_update
from buildgate.adapters.memory.dynamodb.values import Item, copy_item, item_size, take_item, take_sized
from buildgate.adapters.memory.errors import AwsError, invalid

FindTable = Callable[[str], Table]
UPDATE_RETURNS = ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
MUTATING = ("put", "update", "delete")
_NOTHING: Item = {}
_NO_NAMES: dict[str, str] = {}
MOST_RECENT = 1024


class Texts(NamedTuple):
    """The expressions of a write, compiled, with the placeholders of values they read and what they ask of those."""

    update: Update | None
    condition: Condition | None
    values_used: frozenset[str]
    checks: tuple[Check, ...]


_RECENT: dict[tuple[str | None, str | None], tuple[dict[str, str], Texts]] = {}


class Write(NamedTuple):
    """A checked write of one item: `action` is put, update, delete or check (a condition alone).

    `row` is what a put puts; `given_key` is the key as the caller gave it.
    """

    action: str
    table: Table
    key: Key
    given_key: dict[str, Any]
    row: Row | None
    update: Update | None
    condition: Condition | None
    values: Values
    returns_on_failure: str

    def decide(self, old: Row | None) -> Row | None:
        """Return the row that should stand after this write, or raise why it may not happen. Changes nothing."""
        condition = self.condition
        if condition is not None and not condition.test(_NOTHING if old is None else old.item, self.values):
            raise self._refused(old)
        action = self.action
        if action == "update":
            return self._updated(old)
        if action == "check":
            return old
        row = self.row
        if row is not None and row.bound > MAX_ITEM_BYTES:
            raise _too_large("Item size")
        return row

    def _updated(self, old: Row | None) -> Row:
        update = self.update
        if old is None:
            before, bound = take_sized(self.given_key)
        else:
            before, bound = old.item, old.bound
        if update is None:
            return old or Row(before, bound)
        after, more = update.apply(before, self.values)
        if not update.attributes.isdisjoint(self.table.index_key_names):
            self.table.check_index_keys(after)
        bound += more
        if bound > MAX_ITEM_BYTES:
            bound = item_size(after)
            if bound > MAX_ITEM_BYTES:
                raise _too_large("Item size to update")
        return Row(after, bound)

    def _refused(self, old: Row | None) -> AwsError:
        error = AwsError("ConditionalCheckFailedException", "The conditional request failed")
        if old is not None and self.returns_on_failure == "ALL_OLD":
            error.extra["Item"] = copy_item(old.item)
        return error

    def commit(self, old: Row | None, new: Row | None) -> dict[str, Moved]:
        """Store what `decide` returned; return what changed in the indexes."""
        if self.action == "check":
            return {}
        touched = None if self.update is None or old is None else self.update.attributes
        return self.table.write(self.key, new, touched)

    def spent(self, rows: tuple[Row | None, Row | None], moved: dict[str, Moved], operation: str) -> Spent:
        """Return what the write cost, from the row before and after; in a transaction the table's part is double."""
        factor = 2 if operation == "TransactWriteItems" else 1
        size = max(0 if row is None else row.size for row in rows)
        index_units: dict[str, float] = {name: one.units for name, one in moved.items()}
        return Spent(operation, self.table.name, True, write_units(size) * factor, index_units)


def _too_large(what: str) -> AwsError:
    return invalid(f"{what} has exceeded the maximum allowed size")


def prepare(action: str, request: dict[str, Any], find_table: FindTable) -> Write:
    """Check one write as DynamoDB does before looking at any item."""
    texts, values = _understood(action, request)
    table, update, row = find_table(request["TableName"]), texts.update, None
    if action == "put":
        item, size = take_sized(request["Item"])
        key, row = table.key_of_new(item), Row(item, size, size)
    else:
        key = table.taken_key(request["Key"])
    if update is not None and not update.attributes.isdisjoint(table.key_names):
        _check_key_untouched(update, table)
    failure = request.get("ReturnValuesOnConditionCheckFailure", "NONE")
    return Write(action, table, key, request.get("Key", _NOTHING), row, update, texts.condition, values, failure)


def _understood(action: str, request: dict[str, Any]) -> tuple[Texts, Values]:
    """Return the expressions of a request and its values; what is not in order is looked at again, piece by piece."""
    given, names = request.get("ExpressionAttributeValues"), request.get("ExpressionAttributeNames")
    try:
        texts = _known(request.get("UpdateExpression"), request.get("ConditionExpression"), names or _NO_NAMES)
    except AwsError:
        return _looked_at(action, request)
    if names == {} or (texts.values_used if given is None else not given or given.keys() != texts.values_used):
        return _looked_at(action, request)
    values = take_item(given) if given else {}
    for check in texts.checks:
        check(values)
    return texts, values


def _known(update_text: str | None, condition_text: str | None, names: dict[str, str]) -> Texts:
    """Return the expressions of a write, at once where the same texts came with the same names last time."""
    recent = _RECENT.get((update_text, condition_text))
    if recent is not None and recent[0] == names:
        return recent[1]
    texts = _compiled(update_text, condition_text, tuple(names.items()))
    if len(_RECENT) >= MOST_RECENT:
        _RECENT.clear()
    _RECENT[update_text, condition_text] = dict(names), texts
    return texts


@lru_cache(maxsize=4096)
def _compiled(update_text: str | None, condition_text: str | None, names: Names) -> Texts:
    """Return the expressions of a write; the same texts and names, of which none is unused, compile once."""
    update = compile_update(update_text, names) if update_text is not None else None
    condition = compile_condition(condition_text, names) if condition_text is not None else None
    given = [one for one in (update, condition) if one is not None]
    if frozenset().union(*(one.names_used for one in given)) != dict(names).keys():
        raise invalid("Names and expressions do not fit together")
    used = frozenset[str]().union(*(one.values_used for one in given))
    return Texts(update, condition, used, tuple(check for one in given for check in one.checks))


def _looked_at(action: str, request: dict[str, Any]) -> tuple[Texts, Values]:
    """Check a request's expressions, names and values in DynamoDB's order, and refuse the first that is not right."""
    update_text, condition_text = request.get("UpdateExpression"), request.get("ConditionExpression")
    names = taken_names(
        request.get("ExpressionAttributeNames"), has_expression=condition_text is not None or update_text is not None
    )
    values = taken_values(request.get("ExpressionAttributeValues"), _absent(action, condition_text, update_text))
    update = compile_update(update_text, names) if update_text is not None else None
    condition = compile_condition(condition_text, names) if condition_text is not None else None
    check_placeholders(names, values, update, condition)
    return Texts(update, condition, frozenset(values), ()), values


def _absent(action: str, condition: str | None, update: str | None) -> str:
    if condition is not None or update is not None:
        return ""
    if action == "update":
        return "UpdateExpression is null and ConditionExpression is null"
    return "ConditionExpression is null"


def _check_key_untouched(update: Update, table: Table) -> None:
    for path in update.paths:
        if path[0] in table.schema.attributes:
            raise invalid(
                f"One or more parameter values were invalid: Cannot update attribute {path[0]}. "
                "This attribute is part of the key"
            )


def returned(write: Write, wanted: str, old: Row | None, new: Row | None) -> Item | None:
    """Return the `Attributes` member of an answer, None if the caller asked for none."""
    if wanted == "NONE":
        return None
    if write.action != "update" and wanted != "ALL_OLD":
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    row = old if wanted.endswith("OLD") else new
    if row is None:
        return None
    if wanted.startswith("ALL"):
        return write.table.shown(row.item)
    part = picked(row.item, write.update.paths if write.update else ())
    return copy_item(part) if part else None


def size_of(write: Write) -> int:
    """Return the bytes a write brings to a transaction's 4 MB limit."""
    return write.row.size if write.row is not None else take_sized(write.given_key)[1] + item_size(write.values)
