"""Typed values of an API's structures: plain data in, plain data out, nothing lost on the way."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Self, get_args, get_origin, get_type_hints

_APART: Final = "apart"
APART: Final = MappingProxyType({_APART: True})
"""Marks a field that is no member of the API's structure."""


class MistypedError(ValueError):
    """Data is not what a structure's member takes; `path` says where, in the API's names."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One structure of the API. A field is named like its member, in Python's way; None is absence.

    `more` keeps the members that this class does not know: those of a later API, or of an answer. Fields with
    the metadata APART are none of the API's.
    """

    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_data(cls, data: Any, path: str = "") -> Self:
        """Return the value of plain data; raises MistypedError where it does not fit. Members that are null are absent."""
        if not isinstance(data, Mapping):
            raise MistypedError(path, f"a mapping is wanted, not {data!r}")
        known = members(cls)
        given = {str(key): value for key, value in data.items() if value is not None}
        for member, (_, is_required, _) in known.items():
            if is_required and member not in given:
                raise MistypedError(path, f"{member!r} is missing")
        values = {
            known[key][0]: _value(known[key][2], value, f"{path}.{key}" if path else key)
            for key, value in given.items()
            if key in known
        }
        more = {key: value for key, value in given.items() if key not in known}
        return cls(**values, more=more)

    @classmethod
    def fitting(cls, data: Any) -> Self:
        """Return what of plain data fits: what does not is absent, and empty where something has to be there.

        For looking at data that may be refused for what does not fit, and has more to be said about.
        """
        given = data if isinstance(data, Mapping) else {}
        values = {
            name: _fitting(wanted, given.get(member), is_required=is_required)
            for member, (name, is_required, wanted) in members(cls).items()
        }
        return cls(**values)

    def to_data(self) -> dict[str, Any]:
        """Return plain data in the API's names; what is absent is left out."""
        data = {member: _plain(getattr(self, name)) for member, (name, _, _) in members(type(self)).items()}
        return {**{key: value for key, value in data.items() if value is not None}, **self.more}


def members(shape: type[Shape]) -> dict[str, tuple[str, bool, Any]]:
    """Return a class's members by the API's names: the field's name, whether it has to be there, its type."""
    hints = get_type_hints(shape)
    own = [one for one in fields(shape) if one.name != "more" and not one.metadata.get(_APART)]
    optional = {one.name: _optional(hints[one.name]) for one in own}
    return {
        _member(one.name): (one.name, optional[one.name] is None, optional[one.name] or hints[one.name]) for one in own
    }


def _member(name: str) -> str:
    """Return the API's name of a field: `git_clone_depth` is gitCloneDepth."""
    first, *others = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def _optional(hint: Any) -> Any:
    """Return the type beside None, None for a type that does not allow it."""
    if get_origin(hint) is types.UnionType:
        return next(one for one in get_args(hint) if one is not types.NoneType)
    return None


def _value(wanted: Any, value: Any, path: str) -> Any:
    if get_origin(wanted) is tuple:
        if not isinstance(value, (list, tuple)):
            raise MistypedError(path, f"a list is wanted, not {value!r}")
        inner = get_args(wanted)[0]
        return tuple(_value(inner, one, f"{path}[{index}]") for index, one in enumerate(value))
    if get_origin(wanted) is Mapping:
        if not isinstance(value, Mapping):
            raise MistypedError(path, f"a mapping is wanted, not {value!r}")
        return value
    if issubclass(wanted, Shape):
        return wanted.from_data(value, path)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise MistypedError(path, f"{wanted.__name__} is wanted, not {value!r}")
    return value


def _fitting(wanted: Any, value: Any, *, is_required: bool) -> Any:
    """Return a value, or the empty one of its type where it does not fit and something has to be there."""
    if value is None and not is_required:
        return None
    if get_origin(wanted) is tuple:
        inner = get_args(wanted)[0]
        return tuple(_fitting(inner, one, is_required=True) for one in value) if isinstance(value, list) else None
    if get_origin(wanted) is Mapping:
        return value if isinstance(value, Mapping) else None
    if issubclass(wanted, Shape):
        return wanted.fitting(value) if is_required or isinstance(value, Mapping) else None
    try:
        return _value(wanted, value, "")
    except MistypedError:
        return wanted() if is_required else None


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return value.to_data()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
