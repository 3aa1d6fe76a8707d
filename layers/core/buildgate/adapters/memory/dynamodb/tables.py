"""Tables: their rows, their keys, and what they refuse to hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildgate.adapters.memory.dynamodb.stores import Index, Key, KeySchema, Moved, Row, Store, comparable
from buildgate.adapters.memory.dynamodb.values import Item, Value, copy_item, take_item
from buildgate.adapters.memory.errors import AwsError, invalid

Defer = Callable[[Callable[[], object]], object]
Watch = Callable[[Row | None, Row | None], object]

MAX_ITEM_BYTES = 400 * 1024
MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024
_SURELY_SHORT = MAX_SORT_KEY_BYTES // 4


class Table(Store[Row]):
    """A table. `defer`, when set, is handed the work of bringing indexes up to date, to be done later.

    `watch`, when set, is told of every write: the row before and the row after. `shares` hands items out uncopied, which
    is quicker, to callers that change none of them.
    """

    def __init__(self, name: str, schema: KeySchema, indexes: dict[str, Index], definition: dict[str, Any]) -> None:
        super().__init__(schema)
        self.name = name
        self.indexes = indexes
        self.definition = definition
        self.defer: Defer | None = None
        self.watch: Watch | None = None
        self.ttl_attribute: str | None = None
        self.shares = False
        self._indexed = [
            (index.name, name, index.schema.kinds[name])
            for index in indexes.values()
            for name in index.schema.attributes
        ]
        self._all_indexes = tuple(indexes.values())
        self._followers: dict[frozenset[str], tuple[Index, ...]] = {}
        self.key_names = frozenset(schema.attributes)
        self.index_key_names = frozenset(name for _, name, _ in self._indexed)

    def shown(self, item: Item) -> Item:
        """Return what a caller is given of an item: a copy to change freely, or the item itself where it is shared."""
        return item if self.shares else copy_item(item)

    def key_of(self, item: Item) -> Key:
        """Return the key of an item or key that was checked."""
        schema = self.schema
        return comparable(item[schema.partition]), (comparable(item[schema.sort]) if schema.sort else "")

    def taken_key(self, given: dict[str, Any]) -> Key:
        """Check a key that a caller sent, and return it."""
        schema = self.schema
        if schema.is_of_texts and len(given) == 2:
            one, two = given.get(schema.attributes[0]), given.get(schema.attributes[1])
            if type(one) is dict and type(two) is dict and len(one) == len(two) == 1:
                partition, sort = one.get("S"), two.get("S")
                if _are_plain(partition, sort):
                    return partition, sort
        key_item = take_item(given)
        self._check_key(key_item)
        return self.key_of(key_item)

    def key_of_new(self, item: Item) -> Key:
        """Check the key and the index keys of a new item, and return its key."""
        schema = self.schema
        if schema.is_of_texts:
            one, two = item.get(schema.attributes[0]), item.get(schema.attributes[1])
            if one is not None and two is not None:
                partition, sort = one.get("S"), two.get("S")
                if _are_plain(partition, sort):
                    self.check_index_keys(item)
                    return partition, sort
        self._check_item(item)
        return self.key_of(item)

    def get(self, key: Key) -> Row | None:
        """Return the row of a key, None if absent."""
        partition = self.partitions.get(key[0])
        return None if partition is None else partition.rows.get((key[1],))

    def write(self, key: Key, new: Row | None, touched: frozenset[str] | None = None) -> dict[str, Moved]:
        """Put (or, with None, delete) the row of a key; return what changed in the indexes, by their names.

        `touched` names the only attributes that may differ from before: indexes that project none are left alone.
        """
        if self.watch is not None:
            self.watch(self.get(key), new)
        if new is not None:
            self.put(key[0], (key[1],), new)
        elif self.get(key) is not None:
            self.drop(key[0], (key[1],))
        if self.defer is None:
            return self._refreshed(key, new, touched)
        followers = self._all_indexes if touched is None else self._following(touched)
        if any(index.may_move(key, new) for index in followers):
            self.defer(lambda: self._refreshed(key, self.get(key), None))
        return {}

    def _refreshed(self, key: Key, row: Row | None, touched: frozenset[str] | None) -> dict[str, Moved]:
        changed: dict[str, Moved] = {}
        for index in self._all_indexes if touched is None else self._following(touched):
            moved = index.refresh(key, row)
            if moved is not None:
                changed[index.name] = moved
        return changed

    def _following(self, touched: frozenset[str]) -> tuple[Index, ...]:
        """Return the indexes that show any of these attributes."""
        found = self._followers.get(touched)
        if found is None:
            found = self._followers[touched] = tuple(one for one in self._all_indexes if one.shows(touched))
        return found

    def expired(self, now: float) -> list[Key]:
        """Return the keys of rows past their time to live, which is a number of seconds since the epoch."""
        name = self.ttl_attribute
        if name is None:
            return []
        values = ((row, row.item.get(name, {}).get("N")) for row in self.rows())
        return [self.key_of(row.item) for row, text in values if text is not None and float(text) < now]

    def _check_key(self, key: Item) -> None:
        """Refuse a key that does not match the schema."""
        attributes = self.schema.attributes
        if len(key) != len(attributes) or any(name not in key for name in attributes):
            raise invalid("The provided key element does not match the schema")
        for name in attributes:
            if self.schema.kinds[name] not in key[name]:
                raise invalid("The provided key element does not match the schema")
        self._check_key_values(key)

    def _check_item(self, item: Item) -> None:
        """Refuse a new item whose key or index key attributes are missing, empty or of another kind."""
        for name in self.schema.attributes:
            value = item.get(name)
            if value is None:
                raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            wanted = self.schema.kinds[name]
            if wanted not in value:
                (actual,) = value
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {name} expected: {wanted} "
                    f"actual: {actual}"
                )
        self._check_key_values(item)
        self.check_index_keys(item)

    def _check_key_values(self, item: Item) -> None:
        for name in self.schema.attributes:
            ((kind, content),) = item[name].items()
            if not content and kind != "N":
                word = "string" if kind == "S" else "binary"
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                    f"an empty {word} value. Key: {name}"
                )
        _check_key_sizes(item[self.schema.partition], item[self.schema.sort] if self.schema.sort else None)

    def check_index_keys(self, item: Item) -> None:
        """Refuse index key attributes of another kind, or empty."""
        for index, name, wanted in self._indexed:
            value = item.get(name)
            if value is None or (wanted == "S" and value.get("S")):
                continue
            ((actual, content),) = value.items()
            if actual != wanted:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {wanted} "
                    f"Actual: {actual} IndexName: {index}"
                )
            if not content:
                raise _empty_index_key(index, name, actual)


def _are_plain(one: object, two: object) -> bool:
    """Return whether the contents of a key are texts that are surely not too long."""
    return type(one) is str and type(two) is str and 0 < len(one) <= _SURELY_SHORT and 0 < len(two) <= _SURELY_SHORT


def _check_key_sizes(partition: Value, sort: Value | None) -> None:
    if _length(partition) > MAX_PARTITION_KEY_BYTES:
        raise invalid(
            "One or more parameter values were invalid: "
            f"Size of hashkey has exceeded the maximum size limit of{MAX_PARTITION_KEY_BYTES} bytes"
        )
    if sort is not None and _length(sort) > MAX_SORT_KEY_BYTES:
        raise invalid(
            "One or more parameter values were invalid: "
            f"Aggregated size of all range keys has exceeded the size limit of {MAX_SORT_KEY_BYTES} bytes"
        )


def _length(value: Value) -> int:
    (content,) = value.values()
    return len(content.encode()) if isinstance(content, str) else len(content)


def _empty_index_key(index: str, name: str, kind: str) -> AwsError:
    word = "string" if kind == "S" else "binary"
    return invalid(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
        f"The AttributeValue for a key attribute cannot contain an empty {word} value. "
        f"IndexName: {index}, IndexKey: {name}"
    )
