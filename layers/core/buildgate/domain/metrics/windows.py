"""The stretch of time that a question is about: whole UTC days, or an exact one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from buildgate.domain.builds import BuildHead
from buildgate.domain.errors import Rejected
from buildgate.domain.metrics.rollups import DayTotals, increments
from buildgate.domain.times import day_of, from_text

MOST_DAYS = 400
DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Window:
    """``first <= end of a build < last``; ``is_whole`` when both are midnights, so that day totals answer it."""

    first: datetime
    last: datetime

    @property
    def is_whole(self) -> bool:
        return _is_midnight(self.first) and _is_midnight(self.last)

    @property
    def days(self) -> list[str]:
        """Return the UTC days that the window touches, oldest first."""
        first, last = self.first.toordinal(), (self.last - timedelta(microseconds=1)).toordinal()
        return [date.fromordinal(number).isoformat() for number in range(first, last + 1)]

    @property
    def whole_part(self) -> Window | None:
        """Return the whole UTC days inside the window, or None when it holds none."""
        first = self.first if _is_midnight(self.first) else _midnight(self.first) + timedelta(days=1)
        last = _midnight(self.last)
        return Window(first, last) if first < last else None

    @property
    def edges(self) -> tuple[Window, ...]:
        """Return what is left of the window before and after its whole days; all of it when it holds none."""
        inner = self.whole_part
        if inner is None:
            return (self,)
        outer = (Window(self.first, inner.first), Window(inner.last, self.last))
        return tuple(edge for edge in outer if edge.first < edge.last)

    @property
    def before(self) -> Window:
        """Return the window of the same length that ends where this one begins."""
        return Window(self.first - (self.last - self.first), self.first)

    @classmethod
    def last_days(cls, now: datetime, days: int) -> Window:
        """Return whole UTC days that end with today, which is not over yet."""
        end = _midnight(now) + timedelta(days=1)
        return cls(end - timedelta(days=days), end)

    @classmethod
    def between(cls, first: str, last: str, *, now: datetime) -> Window:
        """Return the window of two ISO 8601 texts; a date as ``last`` includes that day, an empty one means now.

        Raises:
            Rejected: A text is no time, the end is not after the start, or the window is longer than 400 days.
        """
        start = _moment(first, "from")
        end = _moment(last, "to") if last else now
        if last and len(last) == 10:
            end += timedelta(days=1)
        if end <= start:
            raise Rejected("the window ends before it begins", field="to")
        if end - start > timedelta(days=MOST_DAYS):
            raise Rejected(f"a window has at most {MOST_DAYS} days", field="from")
        return cls(start, end)


def _is_midnight(moment: datetime) -> bool:
    return not (moment.hour or moment.minute or moment.second or moment.microsecond)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _moment(text: str, field: str) -> datetime:
    try:
        return from_text(text)
    except ValueError as error:
        raise Rejected(f"{text!r} is no date or time", field=field, fix="2026-11-22 or 2026-11-22T10:00:00Z") from error


def filled(days: Sequence[str], known: Iterable[DayTotals]) -> list[DayTotals]:
    """Return one entry for each day, an empty one where nothing was built."""
    by_day = {day.day: day for day in known}
    return [by_day.get(day) or DayTotals(day) for day in days]


def days_of_builds(days: Sequence[str], heads: Iterable[BuildHead]) -> list[DayTotals]:
    """Return the days of single builds, counted as they come: for hours of a day, and for parts of a project."""
    counted: dict[str, dict[str, int]] = {}
    for head in heads:
        if head.ended_at is None:
            continue
        day = counted.setdefault(day_of(head.ended_at), {})
        for name, value in increments(head).items():
            day[name] = day.get(name, 0) + value
    return [DayTotals(day, counted.get(day)) for day in days]
