"""The fast lane: long runs of plain elements are taken out of an XML stream before the parser sees them.

Reports are mostly one kind of element, written the same way a million times (`<line number="7" hits="0"/>`). Such a
run is found by one regular expression, and a small element that stands for it is left in its place, so the parser
still decides what is markup and what is a comment, CDATA or broken: a stand-in in a comment is never heard of. The
reader gets the run's attribute values in one list when the parser meets the stand-in. What the expression does not
match takes the ordinary way, so it only ever has to be right about what it does match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

STAND_IN: Final = "buildgate-run"
_LEAST: Final = 4
_FIGURE: Final = rb"(?:0|[1-9][0-9]{0,17}+)"
_VALUE: Final = rb'[^"<&\r\n\t]*+'


class Runs:
    """Runs of one element with the given attributes, in that order; those of `figures` hold a plain whole number."""

    def __init__(self, element: str, attributes: Sequence[str], figures: Collection[str] = ()) -> None:
        values = (_FIGURE if name in figures else _VALUE for name in attributes)
        pairs = zip(attributes, values, strict=True)
        inside = b"".join(rb' %s="%s"' % (re.escape(name.encode()), value) for name, value in pairs)
        name = re.escape(element.encode())
        one = rb"<%s%s ?+(?:/>|>\s*+</%s>)" % (name, inside, name)
        self._pattern = re.compile(rb"%s(?:\s*+%s){%d,}+" % (one, one, _LEAST - 1))
        self._attributes = tuple(attributes)
        self._held: dict[str, bytes] = {}
        self._count = 0

    def rewrite(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the stream with every run replaced."""
        for chunk in chunks:
            yield self._pattern.sub(self._stand_in, chunk)

    def _stand_in(self, found: re.Match[bytes]) -> bytes:
        run = found.group()
        self._count += 1
        key = str(self._count)
        self._held[key] = run
        return b"\n" * run.count(b"\n") + b'<%s n="%s"/>' % (STAND_IN.encode(), key.encode())

    def take(self, attributes: dict[str, str]) -> dict[str, Sequence[str]]:
        """Return, for the stand-in with these attributes, the values of each attribute of the run's elements."""
        run = self._held.pop(attributes.get("n", ""), None)
        if run is None:
            raise Refuse("malformed", f"the document holds <{STAND_IN}>, which no tool writes")
        try:
            parts = run.decode("utf-8").split('"')
        except UnicodeDecodeError as error:
            raise Refuse("wrong_encoding", f"the bytes are not UTF-8 text: {error.reason}") from error
        step = 2 * len(self._attributes)
        return {name: parts[2 * column + 1 :: step] for column, name in enumerate(self._attributes)}
