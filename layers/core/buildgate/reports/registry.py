"""The readers there are: ours by name, and those of users by the entry point group `buildgate.readers`.

Modules are imported when a file could be theirs, so that a function which reads JUnit loads no other reader.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.reports.document import Reader

GROUP: Final = "buildgate.readers"

_XML: Final = ("xml",)
_JSON: Final = ("json",)
BUILT_IN: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "junit": ("tests.junit:Junit", _XML),
    "cobertura": ("coverage.cobertura:Cobertura", _XML),
}
"""Format name -> where its reader is, and the kinds of content it may claim."""


@cache
def _entry_points() -> dict[str, object]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # costs more than all the rest; rarely needed

    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def _load(name: str) -> Reader:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name][0].partition(":")
        reader: Reader = getattr(import_module(f"buildgate.reports.{module}"), attribute)()
        return reader
    point = _entry_points().get(name)
    if point is None:
        raise Refuse("unknown_format", f"there is no reader named {name!r}; `buildgate report formats` lists them")
    made: Reader = point.load()()  # type: ignore[attr-defined]
    return made


def reader(name: str) -> Reader:
    """Return the reader of a format."""
    return _load(name)


def names() -> tuple[str, ...]:
    """Return the names of all formats, ours first."""
    return (*BUILT_IN, *sorted(name for name in _entry_points() if name not in BUILT_IN))


def candidates(kind: str) -> Iterator[Reader]:
    """Yield the readers that may claim content of this kind."""
    for name in names():
        if name not in BUILT_IN or kind in BUILT_IN[name][1]:
            found = _load(name)
            if kind in found.kinds:
                yield found
