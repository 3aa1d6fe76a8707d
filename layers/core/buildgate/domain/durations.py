"""Lengths of time as people write them: `90s`, `30m`, `24h`, `2d`, `1h30m`."""

from __future__ import annotations

import re
from typing import Final

_PATTERN: Final = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
_SECONDS: Final = (86_400, 3_600, 60, 1)
_UNITS: Final = ("d", "h", "m", "s")


def seconds_of(text: str) -> int | None:
    """Return the seconds a text stands for, or None when it is no duration; units go from days down to seconds."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    return sum(int(count) * unit for count, unit in zip(match.groups(), _SECONDS, strict=True) if count)


def minutes_of(text: str) -> int | None:
    """Return the whole minutes a text stands for, a started minute counting whole; None when it is no duration."""
    seconds = seconds_of(text)
    return None if seconds is None else -(-seconds // 60)


def text_of(minutes: int) -> str:
    """Return minutes as the shortest text that `minutes_of` reads back: `90m` is `1h30m`, `2880m` is `2d`."""
    rest, parts = minutes * 60, []
    for size, unit in zip(_SECONDS, _UNITS, strict=True):
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0m"
