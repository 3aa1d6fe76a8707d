"""What a window's answers are read from: days as they are stored, and builds one by one as they are listed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from buildgate.domain.builds import BuildHead
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.metrics.windows import Window, filled
from buildgate.domain.times import to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate.ports import BuildRecords
    from buildgate.usecases.analysis_ports import Totals

_LEAST_PAGE = 25


class StoredDays:
    """The days of a scope, each stretch of them read once."""

    def __init__(self, records: BuildRecords, scope: Scope) -> None:
        self._records = records
        self._scope = scope
        self._first = self._last = ""
        self._days: Sequence[DayTotals] = ()

    def of(self, window: Window, *, beside: Window | None = None) -> list[DayTotals]:
        """Return a window's days, one entry each.

        Args:
            window: The days that are asked for.
            beside: Days that will be asked for next: both are read in one query where they touch.
        """
        days = window.days
        if not (self._first <= days[0] and days[-1] <= self._last):
            touches = beside is not None and beside.first <= window.last and window.first <= beside.last
            other = beside.days if beside is not None and touches else days
            self._first, self._last = min(days[0], other[0]), max(days[-1], other[-1])
            self._days = self._records.days(self._scope, [self._first, self._last])
        return filled(days, self._days)


def place_of(head: BuildHead) -> str:
    """Return where a build stands in lists: by its start, then by its id."""
    return f"{to_text(head.started_at)}#{head.build_id.rsplit(':', 1)[-1]}"


class ListedBuilds:
    """The finished builds of several projects, the newest start first, read page by page as far as they are asked for."""

    def __init__(self, totals: Totals, projects: Sequence[str], has: Callable[[BuildHead], bool]) -> None:
        self._totals = totals
        self._projects = projects
        self._has = has

    def of(self, window: Window, *, after: str = "", page: int | None = None) -> Iterator[BuildHead]:
        """Yield the builds that ended in a window.

        Args:
            window: When they ended.
            after: Only builds that stand after this place.
            page: About so many will be asked for: no more is read at a time than they need.
        """
        each = None if page is None else max(_LEAST_PAGE, page // max(1, len(self._projects)))
        found = [
            self._totals.finished_between(name, window.first, window.last, after=after, page=each)
            for name in self._projects
        ]
        merged = found[0] if len(found) == 1 else heapq.merge(*found, key=place_of, reverse=True)
        return filter(self._has, merged)
