"""Times as they are stored and shown: aware, UTC, in one text form that sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)


@lru_cache(maxsize=256)
def to_text(moment: datetime) -> str:
    """Return the moment as ``2026-11-22T10:15:30.123Z``; texts of two moments compare as the moments do."""
    aware = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds")[:23] + "Z"


def to_words(moment: datetime) -> str:
    """Return the moment as sentences for people have it: ``2026-11-22 10:15 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def from_text(text: str) -> datetime:
    """Return the aware UTC moment of an ISO 8601 text; a text without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def whole_second(moment: datetime) -> datetime:
    """Return the moment as events of pushes carry it: without its fraction of a second."""
    return moment.replace(microsecond=0)


def day_of(moment: datetime) -> str:
    """Return the UTC day of a moment as ``2026-11-22``."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()[:10]


def days_until(last: datetime, *, days: int) -> list[str]:
    """Return the ``days`` UTC days that end with the day of ``last``, oldest first."""
    return [day_of(last - timedelta(days=back)) for back in range(days - 1, -1, -1)]


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end, or None when either is unknown or the end comes first."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
