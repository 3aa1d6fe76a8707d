"""Ordered partitions of immutable rows: what a table and its global secondary indexes are made of."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from buildgate.adapters.memory.dynamodb.units import write_units
from buildgate.adapters.memory.dynamodb.values import Item, Value, item_size, ordering

Key = tuple[Any, Any]
Order = tuple[Any, ...]


class Row:
    """A stored item. Its size in bytes is worked out when first asked for, and is at most `bound`."""

    __slots__ = ("_size", "bound", "item")

    def __init__(self, item: Item, bound: int, size: int = -1) -> None:
        self.item = item
        self.bound = bound
        self._size = size

    @property
    def size(self) -> int:
        """Return the bytes of the item."""
        if self._size < 0:
            self._size = item_size(self.item)
        return self._size


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


R = TypeVar("R", "Row", "Entry")


class Partition(Generic[R]):
    """Rows in sort order. The first member of an order is the sort key; an index adds the table's key."""

    __slots__ = ("orders", "rows")

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.rows: dict[Order, R] = {}

    def put(self, order: Order, row: R) -> None:
        """Add or replace a row."""
        if order not in self.rows:
            orders = self.orders
            if orders and order < orders[-1]:
                insort(orders, order)
            else:
                orders.append(order)
        self.rows[order] = row

    def drop(self, order: Order) -> None:
        """Remove a row that is there."""
        del self.rows[order]
        del self.orders[bisect_left(self.orders, order)]


class Store(Generic[R]):
    """Partitions by partition key."""

    def __init__(self, schema: KeySchema) -> None:
        self.schema = schema
        self.partitions: dict[Any, Partition[R]] = {}

    def put(self, partition_key: Any, order: Order, row: R) -> None:
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

    def rows(self) -> Iterator[R]:
        """Every row, by partition key and then in sort order: the same order in every run."""
        for key in sorted(self.partitions):
            partition = self.partitions[key]
            for order in partition.orders:
                yield partition.rows[order]


class Entry:
    """What an index holds of a row; its size in bytes is worked out when first asked for."""

    __slots__ = ("_size", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self._size = -1

    @property
    def size(self) -> int:
        """Return the bytes of the attributes that the index holds."""
        if self._size < 0:
            self._size = item_size(self.item)
        return self._size


class Moved(NamedTuple):
    """What a write changed in an index: an entry added, dropped, replaced, or moved to another place."""

    old: Entry | None
    new: Entry | None
    is_elsewhere: bool

    @property
    def units(self) -> int:
        """Return the write units of it."""
        old, new = self.old, self.new
        if old is not None and new is not None and self.is_elsewhere:
            return write_units(old.size) + write_units(new.size)
        return write_units(max(old.size if old else 0, new.size if new else 0))


class Index(Store[Entry]):
    """A global secondary index: sparse, holding what it projects of each row that has its key attributes."""

    def __init__(self, name: str, schema: KeySchema, projection: str, projected: frozenset[str]) -> None:
        super().__init__(schema)
        self.name = name
        self.projection = projection
        self.projected = projected
        self._shown = tuple(sorted(projected))
        self._entries: dict[Key, tuple[Any, Order]] = {}

    def shows(self, attributes: frozenset[str]) -> bool:
        """Return whether the index holds any of these attributes of an item."""
        return self.projection == "ALL" or not attributes.isdisjoint(self.projected)

    def _held(self, item: Item) -> Item | None:
        """Return what the index holds of an item; None if it lacks a key attribute."""
        for name in self.schema.attributes:
            if name not in item:
                return None
        if self.projection == "ALL" or item.keys() <= self.projected:
            return item
        return {name: item[name] for name in self._shown if name in item}

    def may_move(self, key: Key, row: Row | None) -> bool:
        """Return whether a write of this row can change the index: it holds an entry of it, or is to."""
        return key in self._entries or (row is not None and all(name in row.item for name in self.schema.attributes))

    def refresh(self, key: Key, row: Row | None) -> Moved | None:
        """Bring the entry of one table row up to date; return what changed, None if nothing did."""
        item = None if row is None else self._held(row.item)
        place = self._entries.get(key)
        if place is None:
            return None if item is None else Moved(None, self._add(key, item, self._place(key, item)), True)
        old = self.partitions[place[0]].rows[place[1]]
        if item is None:
            self.drop(*place)
            del self._entries[key]
            return Moved(old, None, True)
        if item == old.item:
            return None
        where = self._place(key, item)
        if where != place:
            self.drop(*place)
        return Moved(old, self._add(key, item, where), where != place)

    def _add(self, key: Key, item: Item, where: tuple[Any, Order]) -> Entry:
        entry = Entry(item)
        self._entries[key] = where
        self.put(where[0], where[1], entry)
        return entry

    def _place(self, key: Key, item: Item) -> tuple[Any, Order]:
        schema = self.schema
        if schema.is_of_texts:
            partition, sort = schema.attributes
            return item[partition]["S"], (item[sort]["S"], key[0], key[1])
        sorted_by = comparable(item[schema.sort]) if schema.sort else ""
        return comparable(item[schema.partition]), (sorted_by, key[0], key[1])


def comparable(value: Value) -> Any:
    """Return the part of a key value that sorts as DynamoDB sorts it."""
    if "S" in value:
        return value["S"]
    order = ordering(value)
    return order[1] if order else None
