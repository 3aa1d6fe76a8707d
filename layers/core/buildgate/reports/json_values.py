"""What lies in decoded JSON, taken without trusting its shape: a value of the wrong kind is as if it were absent."""

from __future__ import annotations

import math
from typing import Any


def number(value: object) -> float | None:
    """Return a JSON number, or a string that is one, as a finite float; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            return None
        return found if math.isfinite(found) else None
    return None


def whole(value: object) -> int | None:
    """Return a line number or count as an int; None for anything else."""
    found = number(value)
    return int(found) if found is not None and abs(found) < 1e15 else None


def mapping(value: object) -> dict[str, Any]:
    """Return an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """Return an array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a scalar as text; None, objects and arrays are ""."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def at(value: object, *path: str | int) -> Any:
    """Return what lies at a path of keys and indexes; None where it leads nowhere."""
    for step in path:
        if isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value
