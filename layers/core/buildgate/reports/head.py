"""What the beginning of a file says about its format: readers recognise their own by this, never by the name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from buildgate.reports.refusal import Refuse
from buildgate.reports.source import encoding_of, head_text
from buildgate.reports.xml_stream import local_name, new_parser

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELEMENTS_KEPT: Final = 400
_PATHS_KEPT: Final = 4000
_PATH_DEPTH: Final = 8
_HTML: Final = re.compile(r"\s*+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)
_TOKEN: Final = re.compile(r'\s*+(?:"((?:[^"\\]++|\\.)*+)("?)|([{}\[\]:,])|([^\s"{}\[\]:,]++))', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Element:
    """One element near the start of an XML document."""

    name: str
    parent: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, taken apart.

    `kind` is `xml`, `json` (one value), `jsonlines` (several) or `text`. For XML: the elements seen, the root first.
    For JSON: the paths seen (`runs[].results`, array items without an index) and the scalars at them.
    """

    kind: str
    text: str
    elements: tuple[Element, ...] = ()
    paths: frozenset[str] = frozenset()
    scalars: Mapping[str, str] = field(default_factory=dict)
    is_array: bool = False
    is_html: bool = False

    @property
    def root(self) -> Element:
        """The root element of an XML document; an element without a name if there is none."""
        return self.elements[0] if self.elements else Element("", "", {})

    def has(self, *paths: str) -> bool:
        """Return whether all these JSON paths were seen."""
        return all(path in self.paths for path in paths)

    def has_element(self, name: str, parent: str | None = None) -> bool:
        """Return whether such an element was seen."""
        return any(e.name == name and (parent is None or e.parent == parent) for e in self.elements)


def head_of(start: bytes) -> Head:
    """Return what the first bytes of a file say; an empty file is refused."""
    text = head_text(start)
    begins = text.lstrip("\ufeff \t\r\n")
    if not begins.strip("\0"):
        raise Refuse("empty" if not begins else "nul_byte")
    if _HTML.match(begins):
        return Head("text", text, is_html=True)
    if begins.startswith("<"):
        elements = _elements(begins)
        if elements and elements[0].name.lower() == "html":
            return Head("text", text, is_html=True)
        return Head("xml", text, elements=elements)
    if begins.startswith(("{", "[")):
        return _json_head(text, begins)
    return Head("text", text)


def _elements(text: str) -> tuple[Element, ...]:
    """Return the first elements; what follows a fault is not looked at, the reader will meet it."""
    found: list[Element] = []
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        name = local_name(name)
        if len(found) < _ELEMENTS_KEPT:
            found.append(Element(name, path[-1] if path else "", attributes))
        path.append(name)

    parser = new_parser("utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    try:
        parser.Parse(_controls_out(text).encode("utf-8", errors="replace"), False)
    except expat.ExpatError:
        return tuple(found)
    return tuple(found)


_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bcBC]|1?[0-9a-fA-F])|[0-9]{1,2});")


def _controls_out(text: str) -> str:
    return _CONTROLS.sub("?", text)


class _Scan:
    """The paths of the JSON at the start of a text that may end anywhere."""

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.scalars: dict[str, str] = {}
        self.values = 0
        self._stack: list[list[str | bool | None]] = []  # per open container: prefix, is it an object, key just read

    def run(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            if len(self.paths) >= _PATHS_KEPT:
                return
            string, closing, mark, word = token.groups()
            if string is not None and not closing:
                return  # the text ends within this string
            if mark is None:
                self._scalar(string if string is not None else word, is_string=string is not None)
            elif mark in "{[":
                self._open(is_object=mark == "{")
            elif mark in "}]":
                self._close()

    def _here(self) -> str | None:
        """Return the path of the value that begins now; None deep down."""
        if not self._stack:
            return ""
        prefix, is_object, key = self._stack[-1]
        if prefix is None:
            return None
        path = f"{prefix}[]" if not is_object else f"{prefix}.{key}" if prefix else str(key)
        return path if path.count(".") + path.count("[]") <= _PATH_DEPTH else None

    def _note(self, path: str | None) -> None:
        if path:
            self.paths.setdefault(path)
        if self._stack:
            self._stack[-1][2] = None

    def _open(self, *, is_object: bool) -> None:
        path = self._here()
        self._note(path)
        self._stack.append([path, is_object, None])

    def _close(self) -> None:
        if self._stack:
            self._stack.pop()
        if not self._stack:
            self.values += 1

    def _scalar(self, value: str, *, is_string: bool) -> None:
        if not self._stack:
            return
        _, is_object, key = self._stack[-1]
        if is_object and key is None and is_string:
            self._stack[-1][2] = value
            return
        path = self._here()
        self._note(path)
        if path:
            self.scalars.setdefault(path, value[:200])


def _json_head(text: str, begins: str) -> Head:
    scan = _Scan()
    scan.run(begins)
    first_line, _, rest = begins.partition("\n")
    is_lines = begins[0] == "{" and first_line.rstrip().endswith("}") and rest.lstrip().startswith("{")
    return Head(
        kind="jsonlines" if is_lines else "json",
        text=text,
        paths=frozenset(scan.paths),
        scalars=scan.scalars,
        is_array=begins[0] == "[",
    )


def is_utf16(start: bytes) -> bool:
    """Return whether the bytes are UTF-16."""
    return (encoding_of(start)[0] or "").startswith("utf-16")
