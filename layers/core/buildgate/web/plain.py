"""Values of the domain as plain JSON: dataclasses and named tuples as objects, moments as text, tuples as lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from buildgate.domain.times import to_text


def plain(value: Any) -> Any:
    """Return what ``json.dumps`` takes; what is plain already comes back as it is."""
    if type(value) in _PLAIN:
        return value
    kind = type(value)
    names = _NAMES[kind] if kind in _NAMES else _NAMES.setdefault(kind, _names(kind))
    if names:
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


_PLAIN = frozenset({str, int, float, bool, type(None)})


_NAMES: dict[type, tuple[str, ...]] = {}
"""Fields of the types met so far: a process meets a few dozen."""


def _names(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of a dataclass or a named tuple, none for anything else."""
    if is_dataclass(kind):
        return tuple(one.name for one in fields(kind))
    return tuple(getattr(kind, "_fields", ())) if issubclass(kind, tuple) else ()
