"""Whether stored totals are what a recount from the builds gives, and where not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead
from buildgate.domain.metrics.rollups import DayTotals, sketches_of
from buildgate.domain.metrics.windows import days_of_builds


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter of one day that the builds do not bear out."""

    day: str
    counter: str
    stored: int
    recounted: int


def differences(days: Sequence[str], stored: Sequence[DayTotals], heads: Iterable[BuildHead]) -> tuple[Difference, ...]:
    """Return every counter in which the stored days of a scope differ from a recount of its finished builds."""
    known: Mapping[str, Mapping[str, int]] = {day.day: day.counters for day in stored}
    found = []
    for day in days_of_builds(sorted(days), heads):
        old, new = comparable(known.get(day.day, {}), day.counters)
        found += [
            Difference(day.day, name, old.get(name, 0), new.get(name, 0))
            for name in sorted(set(old) | set(new))
            if old.get(name, 0) != new.get(name, 0)
        ]
    return tuple(found)


def comparable(stored: Mapping[str, int], again: Mapping[str, int]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return both counts of a day so that they can be compared.

    A day that an earlier release counted has no fine sketch of waits, or only a part of it, and may have put a wait
    beside the coarse bucket that a recount gives: then the number of waits must agree.
    """
    known = sketches_of(stored)
    if sum(known.waits.values()) == sum(known.whole_former.values()):
        return stored, again
    return _without_buckets_of_waits(stored), _without_buckets_of_waits(again)


def _without_buckets_of_waits(counters: Mapping[str, int]) -> Mapping[str, int]:
    day = DayTotals("", counters)
    durations = {f"d{bucket}": count for bucket, count in day.sketches.durations.items()}
    return {**day.scalars, **durations, "waits": sum(day.sketches.whole_former.values())}
