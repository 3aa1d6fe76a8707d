"""JSON read as a stream: a window slides over the text, and the standard library's decoder takes one value at a time.

A reader walks: `members()` over the keys of an object, `items()` over an array, and at each takes the whole `value()`,
walks into it, or leaves it, in which case it is skipped. So memory holds one record, whatever the file's size.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.reports.document import Document

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_STRUCTURE: Final = re.compile(r'["{}\[\]]')
_STRING_END: Final = re.compile(r'["\\]')
_WINDOW_CHARS: Final = 256 * 1024
_NEAR_END: Final = 24
_KEYS_WATCHED: Final = 10_000
_decode: Final = json.JSONDecoder(strict=False).raw_decode


class JsonStream:
    """A cursor over one JSON text."""

    def __init__(self, pieces: Iterator[str], *, record_chars: int, depth: int) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._is_whole = False
        self._record_chars = record_chars
        self._depth_limit = depth
        self._depth = 0
        self._taken = 0
        self._more()

    def _more(self, least: int = 0) -> bool:
        """Drop what was read and append at least `least` further characters; return whether there were any."""
        if self._is_whole:
            return False
        parts, length = [self._text[self._at :]], 0
        while length <= least:
            piece = next(self._pieces, None)
            if piece is None:
                self._is_whole = True
                break
            parts.append(piece)
            length += len(piece)
        self._taken += self._at
        self._text, self._at = "".join(parts), 0
        return length > 0

    def peek(self) -> str:
        """Return the next character that is not blank; "" at the end."""
        while True:
            end = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches always
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._more():
                return ""

    def value(self) -> Any:
        """Return the next value, decoded whole.

        Raises:
            Refuse: It is broken, cut off, or larger than one record may be.
        """
        if not self.peek():
            self._cut_off()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._widen(error)
                continue
            except (RecursionError, ValueError) as error:
                raise Refuse("too_deep" if isinstance(error, RecursionError) else "bad_value", str(error)) from error
            if end == len(self._text) and isinstance(value, int | float) and self._more(_WINDOW_CHARS):
                continue  # a number may go on in the next piece
            self._at = end
            return value

    def _widen(self, error: json.JSONDecodeError) -> None:
        """Read on if the value may only be cut off by the window; else refuse it."""
        is_cut = error.pos >= len(self._text) - _NEAR_END or error.msg.startswith("Unterminated string")
        held = len(self._text) - self._at
        if is_cut and not self._is_whole:
            if held > self._record_chars:
                raise Refuse(
                    "record_too_large", f"one record is longer than {self._record_chars} characters"
                ) from error
            self._more(max(_WINDOW_CHARS, held))
            return
        if is_cut:
            raise Refuse("truncated", f"the JSON ends in the middle: {error.msg}") from error
        self._broken(error.msg, error.pos)

    def _broken(self, what: str, position: int | None = None) -> NoReturn:
        at = self._taken + (self._at if position is None else position)
        raise Refuse("malformed", f"the JSON is broken at character {at + 1}: {what}")

    def _cut_off(self) -> NoReturn:
        raise Refuse("truncated", "the JSON ends in the middle")

    def _expect(self, wanted: str) -> str:
        found = self.peek()
        if not found:
            self._cut_off()
        if found not in wanted:
            self._broken(f"{found!r} where one of {wanted!r} must be")
        self._at += 1
        return found

    def is_object(self) -> bool:
        """Return whether the next value is an object."""
        return self.peek() == "{"

    def is_array(self) -> bool:
        """Return whether the next value is an array."""
        return self.peek() == "["

    def members(self) -> Iterator[str]:
        """Yield the keys of the next value, an object; a value the caller does not take is skipped.

        Anything but an object has no members: it is skipped whole. A key that comes twice is refused, as tools
        disagree about which one counts.
        """
        if not self.is_object():
            self.skip()
            return
        self._enter()
        keys: set[str] = set()
        if self._ended("}"):
            return
        while True:
            key = self._key()
            if key in keys:
                raise Refuse("malformed", f"the JSON has the key {key[:60]!r} twice in one object")
            if len(keys) < _KEYS_WATCHED:
                keys.add(key)
            depth, before = self._depth, self._taken + self._at
            yield key
            self._settle(depth, before)
            if self._expect(",}") == "}":
                self._depth -= 1
                return

    def _key(self) -> str:
        if self.peek() != '"':
            self._broken("a key must be a string") if self.peek() else self._cut_off()
        key = self.value()
        self._expect(":")
        self.peek()
        return str(key)

    def items(self) -> Iterator[int]:
        """Yield the positions of the next value, an array; anything else is skipped whole."""
        if not self.is_array():
            self.skip()
            return
        self._enter()
        if self._ended("]"):
            return
        index = 0
        while True:
            self.peek()
            depth, before = self._depth, self._taken + self._at
            yield index
            self._settle(depth, before)
            index += 1
            if self._expect(",]") == "]":
                self._depth -= 1
                return

    def values(self) -> Iterator[Any]:
        """Yield each value of the next value, an array, decoded whole. The fast way through long arrays."""
        if not self.is_array():
            self.skip()
            return
        self._enter()
        if self._ended("]"):
            return
        while True:
            yield self.value()
            text, at = self._text, self._at
            mark = text[at : at + 1]
            if mark == ",":
                self._at = at + 1
            elif self._expect(",]") == "]":
                self._depth -= 1
                return

    def _enter(self) -> None:
        self._at += 1
        self._depth += 1
        if self._depth > self._depth_limit:
            raise Refuse("too_deep")

    def _ended(self, mark: str) -> bool:
        if self.peek() == mark:
            self._at += 1
            self._depth -= 1
            return True
        return False

    def _settle(self, depth: int, before: int) -> None:
        """Skip the value at hand if the caller did not take it."""
        if self._depth != depth:
            raise Refuse("reader_failed", "a reader left a value half read")
        if self._taken + self._at == before:
            self.skip()

    def skip(self) -> None:
        """Pass over the next value without decoding it, of whatever size."""
        first = self.peek()
        if not first:
            self._cut_off()
        if first == '"':
            self._at += 1
            self._skip_string()
        elif first in "{[":
            self._skip_container()
        else:
            self.value()

    def _skip_container(self) -> None:
        depth = 0
        while True:
            found = _STRUCTURE.search(self._text, self._at)
            if found is None:
                self._at = len(self._text)
                if not self._more(_WINDOW_CHARS):
                    self._cut_off()
                continue
            self._at = found.end()
            mark = found.group()
            if mark == '"':
                self._skip_string()
                continue
            depth += 1 if mark in "{[" else -1
            if depth + self._depth > self._depth_limit:
                raise Refuse("too_deep")
            if depth == 0:
                return

    def _skip_string(self) -> None:
        while True:
            found = _STRING_END.search(self._text, self._at)
            if found is None or (found.group() == "\\" and found.end() == len(self._text)):
                self._at = len(self._text) if found is None else found.start()
                if not self._more(_WINDOW_CHARS):
                    self._cut_off()
            elif found.group() == '"':
                self._at = found.end()
                return
            else:
                self._at = found.end() + 1

    def finish(self) -> None:
        """Refuse anything that follows the value."""
        if self.peek():
            self._broken("something follows the value")


def stream(document: Document) -> JsonStream:
    """Return a cursor at the start of a document."""
    limits = document.limits
    return JsonStream(document.texts(), record_chars=limits.record_chars, depth=limits.depth)


def small(document: Document) -> Any:
    """Return a document that is one record, decoded whole: for formats that are small by nature."""
    cursor = stream(document)
    value = cursor.value()
    cursor.finish()
    return value
