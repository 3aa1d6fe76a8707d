"""One write, in three steps that a transaction can interleave: prepare (refuse bad requests), decide, commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from buildgate.adapters.memory.dynamodb.conditions import Condition, compile_condition
from buildgate.adapters.memory.dynamodb.projections import picked
from buildgate.adapters.memory.dynamodb.requests import Values, check_placeholders, taken_names, taken_values
from buildgate.adapters.memory.dynamodb.tables import Key, Row, Table, sized
from buildgate.adapters.memory.dynamodb.units import Spent, write_units
from buildgate.adapters.memory.dynamodb.updates import Update, compile_update
from buildgate.adapters.memory.dynamodb.values import Item, copy_item, item_size, take_item, value_size
from buildgate.adapters.memory.errors import AwsError, invalid

FindTable = Callable[[str], Table]
UPDATE_RETURNS = ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
MUTATING = ("put", "update", "delete")


@dataclass(slots=True)
class Write:
    """A checked write of one item: `action` is put, update, delete or check (a condition alone)."""

    action: str
    table: Table
    key: Key
    key_item: Item
    item: Item | None
    update: Update | None
    condition: Condition | None
    values: Values
    returns_on_failure: str

    def decide(self, old: Row | None) -> Row | None:
        """Return the row that should stand after this write, or raise why it may not happen. Changes nothing."""
        before = old.item if old else {}
        if self.condition is not None and not self.condition.test(before, self.values):
            raise self._refused(old)
        if self.action == "put":
            return sized(self.item or {})
        if self.action == "delete":
            return None
        if self.action == "check":
            return old
        return self._updated(old)

    def _updated(self, old: Row | None) -> Row:
        before = old.item if old else self.key_item
        if self.update is None:
            return old or sized(dict(self.key_item))
        after = self.update.apply(before, self.values)
        self.table.check_index_keys(after)
        if old is None:
            return sized(after, "Item size to update")
        size = old.size
        for name in self.update.attributes:
            length = len(name.encode())
            size -= length + value_size(before[name]) if name in before else 0
            size += length + value_size(after[name]) if name in after else 0
        return sized(after, "Item size to update") if size > 300_000 else Row(after, size)

    def _refused(self, old: Row | None) -> AwsError:
        error = AwsError("ConditionalCheckFailedException", "The conditional request failed")
        if old is not None and self.returns_on_failure == "ALL_OLD":
            error.extra["Item"] = copy_item(old.item)
        return error

    def commit(self, old: Row | None, new: Row | None, operation: str, factor: int = 1) -> Spent:
        """Store what `decide` returned; `factor` is 2 in a transaction. Return what it cost."""
        index_units: dict[str, float] = {}
        if self.action != "check":
            touched = self.update.attributes if self.update is not None and old is not None else None
            index_units = self.table.write(self.key, new, touched)
        size = max(old.size if old else 0, new.size if new else 0)
        return Spent(operation, self.table.name, True, write_units(size) * factor, index_units)


def prepare(action: str, request: dict[str, Any], find_table: FindTable) -> Write:
    """Check one write as DynamoDB does before looking at any item."""
    condition_text = request.get("ConditionExpression")
    update_text = request.get("UpdateExpression")
    names = taken_names(
        request.get("ExpressionAttributeNames"), has_expression=condition_text is not None or update_text is not None
    )
    values = taken_values(request.get("ExpressionAttributeValues"), _absent(action, condition_text, update_text))
    update = compile_update(update_text, names) if update_text is not None else None
    condition = compile_condition(condition_text, names) if condition_text is not None else None
    check_placeholders(names, values, update, condition)
    table = find_table(request["TableName"])
    item = take_item(request["Item"]) if action == "put" else None
    if item is not None:
        table.check_item(item)
        key_item = table.key_item(item)
        key = table.key_of(key_item)
    else:
        key, key_item = table.taken_key(request["Key"])
    if update is not None:
        _check_key_untouched(update, table)
    failure = request.get("ReturnValuesOnConditionCheckFailure", "NONE")
    return Write(action, table, key, key_item, item, update, condition, values, failure)


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
    return item_size(write.item) if write.item is not None else item_size(write.key_item) + item_size(write.values)
