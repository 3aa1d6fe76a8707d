"""JSON Schema of types: typed dictionaries, dataclasses and named tuples as objects, as ``plain`` makes them JSON."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

_SIMPLE: Final[Mapping[Any, dict[str, Any]]] = {
    Any: {},
    None: {"type": "null"},
    type(None): {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
}
_LISTS: Final = (list, tuple, set, frozenset, Sequence)


@dataclass(frozen=True, slots=True)
class Format:
    """Marks a text as having one of JSON Schema's formats."""

    name: str


Moment = Annotated[str, Format("date-time")]
"""As ``2026-11-22T10:15:30.123Z``."""

_NAMES: Final = {"Mapping": Mapping, "Sequence": Sequence, "datetime": datetime, "date": date, "Any": Any}
"""What modules import for the type checker only."""


class Schemas:
    """Makes schemas, and collects the named ones for a document's ``components``.

    ``is_closed`` allows no field beyond those that are named: a test's view, not a promise to callers.
    """

    def __init__(self, *, is_closed: bool = False) -> None:
        self.components: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, Any] = {}
        self._is_closed = is_closed

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type; objects are references into ``components``.

        Raises:
            TypeError: It is no type that JSON can carry.
        """
        if kind in _SIMPLE:
            return dict(_SIMPLE[kind])
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._annotated(arguments[0], arguments[1:])
        if origin is NotRequired:
            return self.of(arguments[0])
        if origin in (Union, types.UnionType):
            return _any_of([self.of(one) for one in arguments])
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is not None and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin in _LISTS:
            return self._list(origin, arguments)
        return self._named(kind)

    def _annotated(self, kind: Any, notes: Sequence[Any]) -> dict[str, Any]:
        schema = self.of(kind)
        for note in notes:
            schema |= {"format": note.name} if isinstance(note, Format) else {"description": note}
        return schema

    def _list(self, origin: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if origin is tuple and arguments[-1] is not Ellipsis:
            return {
                "type": "array",
                "prefixItems": [self.of(one) for one in arguments],
                "minItems": len(arguments),
                "maxItems": len(arguments),
            }
        return {"type": "array", "items": self.of(arguments[0])}

    def _named(self, kind: Any) -> dict[str, Any]:
        if not isinstance(kind, type):
            raise TypeError(f"JSON cannot carry {kind!r}")
        if issubclass(kind, Enum):
            return {"type": "string", "enum": [one.value for one in kind]}
        is_known = is_typeddict(kind) or is_dataclass(kind) or hasattr(kind, "_fields")
        if not is_known:
            raise TypeError(f"JSON cannot carry {kind!r}")
        name = self._name(kind)
        if name not in self.components:
            self.components[name] = {}  # a type may hold itself
            self.components[name] = self._object(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _name(self, kind: type) -> str:
        name = kind.__name__
        if self._owners.setdefault(name, kind) is kind:
            return name
        longer = f"{kind.__module__.rsplit('.', 1)[-1].title().replace('_', '')}{name}"
        if self._owners.setdefault(longer, kind) is not kind:
            raise TypeError(f"two types are called {longer}")
        return longer

    def _object(self, kind: type) -> dict[str, Any]:
        names_known = dict(_NAMES)
        for base in reversed(kind.__mro__):
            names_known |= vars(sys.modules[base.__module__])
        hints = get_type_hints(kind, names_known, include_extras=True)
        names = [one.name for one in fields(kind)] if is_dataclass(kind) else list(getattr(kind, "_fields", hints))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self.of(hints[name]) for name in names},
            "required": [name for name in names if get_origin(hints[name]) is not NotRequired],
        }
        if self._is_closed:
            schema["additionalProperties"] = False
        told = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        is_told = told and not told.startswith((f"{kind.__name__}(", "dict("))
        return {"description": told.replace("``", "`"), **schema} if is_told else schema


def _any_of(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one schema for several; simple types share one ``type``."""
    if all(set(one) == {"type"} for one in choices):
        return {"type": [one["type"] for one in choices]}
    return {"anyOf": choices}
