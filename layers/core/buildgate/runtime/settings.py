"""Settings of a function: a named tuple whose fields are environment variables in capitals."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from buildgate.domain.errors import Corrupt

S = TypeVar("S")


def read(kind: type[S], environ: Mapping[str, str]) -> S:
    """Return the settings of an environment: field ``buildgate_table`` is variable ``BUILDGATE_TABLE``.

    Raises:
        Corrupt: A variable without a default is missing or empty, or its value has the wrong form.
    """
    named_tuple = cast("Any", kind)
    values: dict[str, Any] = {}
    for field, form in _hints(named_tuple).items():
        name = field.upper()
        text = environ.get(name, "")
        if text:
            values[field] = _convert(name, text, form)
        elif field not in named_tuple._field_defaults:
            raise Corrupt(f"environment variable {name} is not set", field=name, fix="deploy the template again")
    found: S = named_tuple(**values)
    return found


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _convert(name: str, text: str, kind: Any) -> Any:
    if kind is str:
        return text
    try:
        return kind(text)
    except ValueError as error:
        raise Corrupt(f"environment variable {name} is {text!r}, which is no {kind.__name__}", field=name) from error
