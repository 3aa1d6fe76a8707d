"""A JSON document taken apart by paths, so that a reader says what it wants and never how to get there.

Paths: `a.b` the value of a key, `a[]` each item of an array, `a{}` each key and value of an object. The function of a
path is called with the value (for `{}` with key and value); everything else in the document is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from buildgate.reports.json_stream import JsonStream, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from buildgate.reports.document import Document

Routes: TypeAlias = "Mapping[str, Callable[..., None]]"


def follow(document: Document, routes: Routes) -> None:
    """Call the functions of `routes` with what lies at their paths, in the order of the file."""
    cursor = stream(document)
    paths = _Paths(routes)
    paths.walk(cursor, "")
    cursor.finish()


def follow_each(document: Document, routes: Routes) -> None:
    """Do the same for every one of several JSON values that follow each other, one a line or not."""
    cursor = stream(document)
    paths = _Paths(routes)
    while cursor.peek():
        paths.walk(cursor, "")


def records(document: Document) -> Iterator[Any]:
    """Yield each of several JSON values that follow each other; an array stands for its items."""
    cursor = stream(document)
    while cursor.peek():
        if cursor.is_array():
            yield from cursor.values()
        else:
            yield cursor.value()


class _Paths:
    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._ways: set[str] = {""}
        for path in routes:
            at = ""
            for step in path.replace("[]", ".[]").replace("{}", ".{}").split("."):
                at = f"{at}{step}" if step in {"[]", "{}"} else f"{at}.{step}" if at else step
                self._ways.add(at)

    def walk(self, cursor: JsonStream, path: str) -> None:
        """Take the value at hand, which lies at `path`."""
        take = self._routes.get(path)
        if take is not None:
            take(cursor.value())
        elif cursor.is_object():
            self._members(cursor, path)
        elif cursor.is_array() and f"{path}[]" in self._ways:
            self._items(cursor, f"{path}[]")
        else:
            cursor.skip()

    def _members(self, cursor: JsonStream, path: str) -> None:
        every = f"{path}{{}}"
        take = self._routes.get(every)
        for key in cursor.members():
            child = f"{path}.{key}" if path else key
            if child in self._ways:
                self.walk(cursor, child)
            elif take is not None:
                take(key, cursor.value())
            elif every in self._ways:
                self.walk(cursor, every)

    def _items(self, cursor: JsonStream, path: str) -> None:
        take = self._routes.get(path)
        if take is not None:
            for value in cursor.values():
                take(value)
            return
        for _ in cursor.items():
            self.walk(cursor, path)
