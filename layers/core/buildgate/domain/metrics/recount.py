"""Whether stored totals are what a recount from the builds gives, and where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead
from buildgate.domain.metrics.rollups import DayTotals, Scope, fold
from buildgate.domain.times import from_text


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter of one day that the builds do not bear out."""

    day: str
    counter: str
    stored: int
    recounted: int


def differences(
    scope: Scope, days: Sequence[str], stored: Sequence[DayTotals], heads: Sequence[BuildHead]
) -> tuple[Difference, ...]:
    """Return every counter in which the stored days of a project differ from a recount of its finished builds."""
    wanted = set(days)
    again = {day: counts for (whose, day), counts in fold(heads, seen_at=from_text(days[-1])).items() if whose == scope}
    known: Mapping[str, Mapping[str, int]] = {day.day: day.counters for day in stored}
    found = []
    for day in sorted(wanted):
        old, new = known.get(day, {}), again.get(day, {})
        names = sorted(set(old) | set(new))
        found += [
            Difference(day, name, old.get(name, 0), new.get(name, 0))
            for name in names
            if old.get(name, 0) != new.get(name, 0)
        ]
    return tuple(found)
