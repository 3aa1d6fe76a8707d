"""Capacity units by AWS's published rules, metered for every operation.

Source: "DynamoDB on-demand capacity" and "Provisioned throughput considerations for global secondary indexes" in the
developer guide: a write costs one unit per KiB of the larger of the old and new item (two in a transaction); an index
costs one unit per KiB of each entry put or deleted, and nothing when no projected attribute changed; a read costs half
a unit per 4 KiB (one when consistent, two in a transaction).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITE_BYTES = 1024
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Spent:
    """What one operation cost on one table; `index_units` by index name."""

    operation: str
    table: str
    is_write: bool
    table_units: float
    index_units: dict[str, float] = field(default_factory=dict)

    @property
    def units(self) -> float:
        """All units, the table's and its indexes'."""
        return self.table_units + sum(self.index_units.values())


class Meter:
    """A record of what each operation cost, in order. Recording is off until `is_on` is set."""

    def __init__(self) -> None:
        self.is_on = False
        self.spent: list[Spent] = []

    def __iter__(self) -> Iterator[Spent]:
        return iter(self.spent)

    def record(self, spent: Spent) -> None:
        """Remember one cost."""
        if self.is_on:
            self.spent.append(spent)

    @property
    def write_units(self) -> float:
        """Write units of everything recorded."""
        return sum(spent.units for spent in self.spent if spent.is_write)

    @property
    def read_units(self) -> float:
        """Read units of everything recorded."""
        return sum(spent.units for spent in self.spent if not spent.is_write)


def write_units(size: int) -> int:
    """Units of one plain write of an item of this size in bytes."""
    return max(1, -(-size // WRITE_BYTES))


def read_units(size: int, factor: float) -> float:
    """Units of reading this many bytes at 0.5 (eventually consistent), 1 (consistent) or 2 (transaction) a block."""
    return max(1, -(-size // READ_BYTES)) * factor


def capacity(spent: Spent, wanted: str) -> dict[str, object]:
    """Return the `ConsumedCapacity` member for ReturnConsumedCapacity TOTAL or INDEXES."""
    shown: dict[str, object] = {"TableName": spent.table, "CapacityUnits": float(spent.units)}
    if wanted == "INDEXES":
        shown["Table"] = {"CapacityUnits": float(spent.table_units)}
        if spent.index_units:
            shown["GlobalSecondaryIndexes"] = {
                name: {"CapacityUnits": float(units)} for name, units in spent.index_units.items()
            }
    return shown
