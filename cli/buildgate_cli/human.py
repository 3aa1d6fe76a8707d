"""Figures as people read them: durations, dollars, moments. Machines get the raw values through `--json`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

MICROS_PER_USD: Final = 1_000_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def safe(text: object) -> str:
    """Return text fit for a terminal: one line, control and direction-changing characters replaced by a space.

    Commit messages, branch and file names come from strangers; escape sequences in them must not act.
    """
    return _CONTROL.sub(" ", str(text))


def duration(seconds: float | None) -> str:
    """Return `850ms`, `7.2s`, `3m 05s`, `2h 14m` or `3d 4h`; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60:02d}m"
    return f"{minutes // 1440}d {minutes % 1440 // 60}h"


def dollars(micro_usd: float | None) -> str:
    """Return an amount given in millionths of a dollar; a dash when the price is unknown, which is not zero."""
    if micro_usd is None:
        return "-"
    usd = micro_usd / MICROS_PER_USD
    if usd == 0 or abs(usd) >= 100:
        return f"${usd:,.2f}"
    return f"${usd:,.4f}" if abs(usd) < 1 else f"${usd:,.3f}"


def percent(ratio: float | None) -> str:
    """Return a ratio in [0, 1] as a percentage with one decimal; a dash for None."""
    return "-" if ratio is None else f"{ratio * 100:.1f}%"


def moment(value: object) -> datetime | None:
    """Return an aware UTC time from ISO 8601 text, or None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def ago(value: object, now: datetime) -> str:
    """Return how long before or after `now` an ISO 8601 time lies: `just now`, `4m ago`, `in 2h 10m`."""
    at = moment(value)
    if at is None:
        return "-"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    words = duration(float(round(abs(seconds))))
    coarse = words.rsplit(" ", 1)[0] if " " in words and words.endswith("s") else words
    return f"{coarse} ago" if seconds > 0 else f"in {coarse}"


def elapsed(started: object, finished: object, now: datetime) -> float | None:
    """Return the seconds between two ISO 8601 times, up to `now` while the second is missing; None before the first."""
    begin = moment(started)
    if begin is None:
        return None
    return max(0.0, ((moment(finished) or now) - begin).total_seconds())
