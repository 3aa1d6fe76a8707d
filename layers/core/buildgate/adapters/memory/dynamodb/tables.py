"""Tables and their global secondary indexes: ordered partitions of immutable rows."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from buildgate.adapters.memory.dynamodb.units import write_units
from buildgate.adapters.memory.dynamodb.values import Item, Value, copy_item, item_size, ordering, take_item
from buildgate.adapters.memory.errors import AwsError, invalid

Key = tuple[Any, Any]
Order = tuple[Any, ...]
Defer = Callable[[Callable[[], object]], object]
Watch = Callable[["Row | None", "Row | None"], object]

MAX_ITEM_BYTES = 400 * 1024
MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A stored item and its size in bytes."""

    item: Item
    size: int


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The key attributes of a table or index; `kinds` maps each to S, N or B."""

    partition: str
    sort: str | None
    kinds: dict[str, str]

    attributes: tuple[str, ...] = field(init=False)
    is_of_texts: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note the names of the key attributes, and whether there are two, both texts."""
        names = (self.partition,) if self.sort is None else (self.partition, self.sort)
        object.__setattr__(self, "attributes", names)
        object.__setattr__(self, "is_of_texts", [self.kinds[name] for name in names] == ["S", "S"])


@dataclass(slots=True)
class Partition:
    """Rows in sort order. The first member of an order is the sort key; an index adds the table's key."""

    orders: list[Order] = field(default_factory=list)
    rows: dict[Order, Row] = field(default_factory=dict)

    def put(self, order: Order, row: Row) -> None:
        """Add or replace a row."""
        if order not in self.rows:
            insort(self.orders, order)
        self.rows[order] = row

    def drop(self, order: Order) -> None:
        """Remove a row that is there."""
        del self.rows[order]
        del self.orders[bisect_left(self.orders, order)]


class Store:
    """Partitions by partition key."""

    def __init__(self, schema: KeySchema) -> None:
        self.schema = schema
        self.partitions: dict[Any, Partition] = {}

    def put(self, partition_key: Any, order: Order, row: Row) -> None:
        """Add or replace a row."""
        partition = self.partitions.get(partition_key)
        if partition is None:
            partition = self.partitions[partition_key] = Partition()
        partition.put(order, row)

    def drop(self, partition_key: Any, order: Order) -> None:
        """Remove a row that is there, and its partition when that was the last."""
        partition = self.partitions[partition_key]
        partition.drop(order)
        if not partition.rows:
            del self.partitions[partition_key]

    def rows(self) -> Iterator[Row]:
        """Every row, by partition key and then in sort order: the same order in every run."""
        for key in sorted(self.partitions):
            partition = self.partitions[key]
            for order in partition.orders:
                yield partition.rows[order]


class Index(Store):
    """A global secondary index: sparse, holding what it projects of each row that has its key attributes."""

    def __init__(self, name: str, schema: KeySchema, projection: str, projected: frozenset[str]) -> None:
        super().__init__(schema)
        self.name = name
        self.projection = projection
        self.projected = projected
        self.entries: dict[Key, tuple[Any, Order]] = {}

    def entry(self, item: Item) -> Item | None:
        """Return what the index holds of an item; None if it lacks a key attribute."""
        for name in self.schema.attributes:
            if name not in item:
                return None
        if self.projection == "ALL":
            return item
        return {name: item[name] for name in self.projected if name in item}

    def refresh(self, key: Key, row: Row | None) -> int:
        """Bring the entry of one table row up to date; return the write units of doing so."""
        entry = self.entry(row.item) if row else None
        place = self.entries.get(key)
        if entry is None and place is None:
            return 0
        old = self.partitions[place[0]].rows[place[1]] if place else None
        if old is not None and entry == old.item:
            return 0
        new = Row(entry, item_size(entry)) if entry is not None else None
        where = self._place(key, new.item) if new else None
        if place is not None and place != where:
            self.drop(*place)
            del self.entries[key]
        if new is not None and where is not None:
            self.put(*where, new)
            self.entries[key] = where
        return _index_units(old, new, is_moved=place != where)

    def _place(self, key: Key, item: Item) -> tuple[Any, Order]:
        schema = self.schema
        sort = comparable(item[schema.sort]) if schema.sort else ""
        return comparable(item[schema.partition]), (sort, *key)


class Table(Store):
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

    def shown(self, item: Item) -> Item:
        """Return what a caller is given of an item: a copy to change freely, or the item itself where it is shared."""
        return item if self.shares else copy_item(item)

    def key_of(self, item: Item) -> Key:
        """Return the key of an item or key that was checked."""
        schema = self.schema
        return comparable(item[schema.partition]), (comparable(item[schema.sort]) if schema.sort else "")

    def taken_key(self, given: dict[str, Any]) -> tuple[Key, Item]:
        """Check a key that a caller sent, and return it as a key and as an item of its own."""
        schema = self.schema
        if schema.is_of_texts and len(given) == 2:
            try:
                one, two = given[schema.partition], given[schema.sort or ""]
                partition, sort = one["S"], two["S"]
            except (KeyError, TypeError):
                partition = sort = None
            if _is_plain(partition) and _is_plain(sort) and len(one) == len(two) == 1:
                return (partition, sort), {schema.partition: {"S": partition}, schema.sort or "": {"S": sort}}
        key_item = take_item(given)
        self.check_key(key_item)
        return self.key_of(key_item), key_item

    def key_item(self, item: Item) -> Item:
        """Return the key attributes of an item."""
        return {name: item[name] for name in self.schema.attributes}

    def get(self, key: Key) -> Row | None:
        """Return the row of a key, None if absent."""
        partition = self.partitions.get(key[0])
        return partition.rows.get((key[1],)) if partition else None

    def write(self, key: Key, new: Row | None, touched: frozenset[str] | None = None) -> dict[str, float]:
        """Put (or, with None, delete) the row of a key; return the write units of the indexes that changed.

        `touched` names the only attributes that may differ from before: indexes that project none are left alone.
        """
        if self.watch is not None:
            self.watch(self.get(key), new)
        if new is not None:
            self.put(key[0], (key[1],), new)
        elif self.get(key) is not None:
            self.drop(key[0], (key[1],))
        if self.defer is not None:
            self.defer(lambda: self._refresh(key, None))
            return {}
        return self._refresh(key, touched)

    def _refresh(self, key: Key, touched: frozenset[str] | None) -> dict[str, float]:
        row = self.get(key)
        spent: dict[str, float] = {}
        for index in self.indexes.values():
            if touched is not None and index.projection != "ALL" and touched.isdisjoint(index.projected):
                continue
            units = index.refresh(key, row)
            if units:
                spent[index.name] = units
        return spent

    def expired(self, now: float) -> list[Key]:
        """Return the keys of rows past their time to live, which is a number of seconds since the epoch."""
        name = self.ttl_attribute
        if name is None:
            return []
        values = ((row, row.item.get(name, {}).get("N")) for row in self.rows())
        return [self.key_of(row.item) for row, text in values if text is not None and float(text) < now]

    def check_key(self, key: Item) -> None:
        """Refuse a key that does not match the schema."""
        attributes = self.schema.attributes
        if len(key) != len(attributes) or any(name not in key for name in attributes):
            raise invalid("The provided key element does not match the schema")
        for name in attributes:
            if self.schema.kinds[name] not in key[name]:
                raise invalid("The provided key element does not match the schema")
        self._check_key_values(key)

    def check_item(self, item: Item) -> None:
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
            if value is None:
                continue
            ((actual, content),) = value.items()
            if actual != wanted:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {wanted} "
                    f"Actual: {actual} IndexName: {index}"
                )
            if not content:
                raise _empty_index_key(index, name, actual)


def _is_plain(text: object) -> bool:
    """Return whether a key's content is a text that is surely not too long."""
    return type(text) is str and 0 < len(text) <= MAX_SORT_KEY_BYTES // 4


def comparable(value: Value) -> Any:
    """Return the part of a key value that sorts as DynamoDB sorts it."""
    if "S" in value:
        return value["S"]
    order = ordering(value)
    return order[1] if order else None


def sized(item: Item, what: str = "Item size") -> Row:
    """Return the row of an item, refusing one that is too large."""
    size = item_size(item)
    if size > MAX_ITEM_BYTES:
        raise invalid(f"{what} has exceeded the maximum allowed size")
    return Row(item, size)


def _index_units(old: Row | None, new: Row | None, *, is_moved: bool) -> int:
    if old is None or new is None or not is_moved:
        return write_units(max(old.size if old else 0, new.size if new else 0))
    return write_units(old.size) + write_units(new.size)


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
