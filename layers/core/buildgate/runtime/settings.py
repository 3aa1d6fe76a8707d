"""Settings of a function: a frozen dataclass whose fields are environment variables in capitals."""

from __future__ import annotations

import dataclasses
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
    hints = _hints(cast("Any", kind))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = field.name.upper()
        text = environ.get(name, "")
        if not text:
            if field.default is dataclasses.MISSING:
                raise Corrupt(f"environment variable {name} is not set", field=name, fix="deploy the template again")
            continue
        values[field.name] = _convert(name, text, hints[field.name])
    return kind(**values)


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
