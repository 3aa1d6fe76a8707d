"""Daily totals as items: a growing one to which builds add, and a packed one that it is emptied into when it is full.

A write of an item costs by its whole size, so that the item that each build adds to has to stay below 1 KB. A sketch of
one per cent grows by two buckets a build on a busy day. The packed item holds the same counters with its sketches as
compressed text; both are read in the same query, and a day is their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buildgate.adapters.table.codec import FORMAT_NAME
from buildgate.domain.metrics.rollups import DayTotals, Scope, Sketches, merged
from buildgate.domain.metrics.sketch import coarse, pack, unpack

FULL_BYTES = 600
"""From this size on a growing item is emptied: a third of a KB is left for builds that count before it is."""
_PACKED = "#P"
_FORMAT = 2
_DAY_LENGTH = len("2026-11-22")


def growing_key(day: str) -> str:
    return f"D#{day}"


def packed_key(day: str) -> str:
    return f"D#{day}{_PACKED}"


def span(days: Iterable[str]) -> tuple[str, str]:
    """Return the sort keys between which the items of these days lie, packed ones too."""
    known = list(days)
    return growing_key(min(known)), packed_key(max(known))


def packed_item(scope: Scope, day: DayTotals, key: str) -> dict[str, Any]:
    """Return a day with its sketches as text, under a sort key: what is set as a whole, and never added to."""
    kept = day.sketches
    is_derived = kept.former is None or kept.former == coarse(kept.waits)
    sketches = {"d": kept.durations, "w": kept.waits, "q": {} if is_derived else kept.former or {}}
    texts = {f"sketch_{prefix}": pack(one) for prefix, one in sketches.items()}
    return {"pk": scope.key, FORMAT_NAME: _FORMAT, **day.scalars, **texts, "sk": key}


def folded_item(scope: Scope, day: DayTotals) -> dict[str, Any]:
    """Return a day that is set as a whole: packed when it is large."""
    key = growing_key(day.day)
    plain = {"pk": scope.key, "sk": key, **day.counters}
    return plain if size_bytes(plain) < FULL_BYTES else packed_item(scope, day, key)


def day_of(item: Mapping[str, Any]) -> DayTotals:
    """Return what a day's item counts, growing or packed."""
    counters = {name: value for name, value in item.items() if type(value) is int}
    sketches = None
    if "sketch_d" in item or "sketch_w" in item:
        packed = item.get("sketch_q")
        waits, former = unpack(item.get("sketch_w", "")), unpack(packed) if packed else None
        sketches = Sketches(unpack(item.get("sketch_d", "")), waits, former)
    return DayTotals(item["sk"][2 : 2 + _DAY_LENGTH], counters, sketches)


def days_of(items: Iterable[Mapping[str, Any]]) -> list[DayTotals]:
    """Return the days of a scope's items, in their order: each day once."""
    found: dict[str, DayTotals] = {}
    for item in items:
        one = day_of(item)
        known = found.get(one.day)
        found[one.day] = one if known is None else merged((known, one), one.day)
    return list(found.values())


def size_bytes(item: Mapping[str, Any]) -> int:
    """Return about how much a growing item takes: names, and a byte for two digits and one more for each number."""
    return sum(
        len(name) + (len(str(value)) if type(value) is str else 1 + len(str(value)) // 2)
        for name, value in item.items()
    )
