"""YAML as people write it, with the line and column of every value, bounded against hostile files.

Plain scalars follow YAML 1.2's core schema: only `true` and `false` are booleans, `on` and `no` are text, whole numbers
are decimal, dates and `12:30` stay text. Repeated keys are errors. Anchors, aliases and merge keys (`<<`) work; what
they expand to counts against the bound, so that a small file cannot become a large value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

Path = tuple[str | int, ...]

SIZE_LIMIT_BYTES: Final = 1024 * 1024
DEPTH_LIMIT: Final = 40
NODE_LIMIT: Final = 50_000
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MERGE: Final = "<<"


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text file, both counted from 1."""

    line: int
    column: int


class YamlError(Exception):
    """Why a text is not the YAML we read: what, where, and the way out."""

    def __init__(self, message: str, position: Position, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.fix = fix


@dataclass(frozen=True)
class Document:
    """Plain data with the places it was written at.

    `keys` holds where each mapping's key stands, `values` where each value begins; paths are tuples of keys and indices.
    """

    data: Any
    keys: Mapping[Path, Position]
    values: Mapping[Path, Position]

    def locate(self, path: Path, *, at_key: bool = False) -> Position:
        """Return where `path` stands, or the nearest thing around it that the file does hold.

        With `at_key` the key is meant, as for an unknown or misspelt key; otherwise the value.
        """
        for end in range(len(path), -1, -1):
            here = path[:end]
            found = (self.keys.get(here) or self.values.get(here)) if at_key else self.values.get(here)
            if found is not None:
                return found
        return Position(1, 1)


def read_text(path: FilePath) -> str:
    """Return a file's text; YamlError when it is too large or not UTF-8, OSError as usual. No more than the limit is read."""
    with path.open("rb") as stream:
        return decode(stream.read(SIZE_LIMIT_BYTES + 1))


def decode(raw: bytes) -> str:
    """Return the text of bytes read up to one byte beyond the limit; YamlError when too large or not UTF-8."""
    if len(raw) > SIZE_LIMIT_BYTES:
        raise YamlError("the file is larger than 1 MiB", Position(1, 1), "a file of this kind is a few kilobytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise YamlError("the file is not UTF-8 text", Position(line, column), "save it as UTF-8") from error


def load(text: str) -> Document:
    """Return the only document of a text; an empty text is a document whose data is None."""
    try:
        return _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        where = Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise YamlError("a control character is not allowed in YAML", where, "remove it") from error


@dataclass(frozen=True)
class _Node:
    """A value with its place; `keys` is set on mappings, `size` counts the values inside, itself included."""

    data: Any
    position: Position
    size: int
    children: tuple[tuple[str | int, _Node], ...] = ()
    keys: tuple[Position, ...] = ()


class _Composer:
    """Builds plain data from parser events; holds the anchors and the bounds of one text."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, _Node] = {}
        self._count = 0

    def document(self) -> Document:
        root: _Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise YamlError("the file holds more than one YAML document", _position(event), "keep one")
                root = self._node(next(self._events), 1)
        keys: dict[Path, Position] = {}
        values: dict[Path, Position] = {}
        if root is None:
            return Document(None, keys, values)
        _index(root, (), keys, values)
        return Document(root.data, keys, values)

    def _node(self, event: Any, depth: int) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(event)
        elif depth > DEPTH_LIMIT:
            raise YamlError(f"values are nested deeper than {DEPTH_LIMIT} levels", _position(event))
        elif isinstance(event, yaml.ScalarEvent):
            node = _Node(_scalar(event), _position(event), 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._mapping(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[anchor] = node
        self._count += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self._count > NODE_LIMIT:
            raise YamlError(f"the file holds, or expands to, more than {NODE_LIMIT} values", _position(event))
        return node

    def _alias(self, event: Any) -> _Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise YamlError(f"the alias *{event.anchor} has no anchor &{event.anchor} before it", _position(event))
        return node

    def _sequence(self, start: Any, depth: int) -> _Node:
        items: list[_Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return _Node([item.data for item in items], _position(start), _size(items), tuple(enumerate(items)))

    def _mapping(self, start: Any, depth: int) -> _Node:
        own: dict[str, tuple[_Node, Position]] = {}
        merged: dict[str, tuple[_Node, Position]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            where = _position(event)
            key = _key(event, where)
            value = self._node(next(self._events), depth + 1)
            if key == _MERGE and not event.style:
                for name, pair in _merge(value, where).items():
                    merged.setdefault(name, pair)
                continue
            if key in own:
                raise YamlError(f"the key {key!r} is written twice; first in line {own[key][1].line}", where)
            own[key] = (value, where)
        pairs = {**{name: pair for name, pair in merged.items() if name not in own}, **own}
        return _Node(
            {name: node.data for name, (node, _) in pairs.items()},
            _position(start),
            _size([node for node, _ in pairs.values()]),
            tuple((name, node) for name, (node, _) in pairs.items()),
            tuple(position for _, position in pairs.values()),
        )


def _key(event: Any, where: Position) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise YamlError("a key must be plain text", where)
    return str(event.value)


def _merge(value: _Node, where: Position) -> dict[str, tuple[_Node, Position]]:
    """Return the pairs a merge key brings in; of several sources the first wins."""
    sources = [node for _, node in value.children] if isinstance(value.data, list) else [value]
    found: dict[str, tuple[_Node, Position]] = {}
    for source in sources:
        if not isinstance(source.data, dict):
            raise YamlError("a merge key `<<` takes a mapping, or a list of them", where)
        for (name, node), position in zip(source.children, source.keys, strict=True):
            found.setdefault(str(name), (node, position))
    return found


def _size(nodes: list[_Node]) -> int:
    return 1 + sum(node.size for node in nodes)


def _scalar(event: Any) -> Any:
    """Return the value of a scalar: text when quoted or tagged as text, else by YAML 1.2's core schema."""
    text: str = event.value
    if event.tag not in {None, "!", "tag:yaml.org,2002:str"}:
        raise YamlError(f"the tag {event.tag} is not supported", _position(event), "write the plain value")
    if event.tag or event.style:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _index(node: _Node, path: Path, keys: dict[Path, Position], values: dict[Path, Position]) -> None:
    values[path] = node.position
    for position, (name, _) in zip(node.keys, node.children, strict=False):
        keys[*path, name] = position
    for name, child in node.children:
        _index(child, (*path, name), keys, values)


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _explained(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    """Return the parser's complaint in words that name the usual cause."""
    mark = error.problem_mark or error.context_mark
    where = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
    lines = text.splitlines()
    line = lines[where.line - 1] if where.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return YamlError("a tab is used for indentation", Position(where.line, indent.index("\t") + 1), "use spaces")
    problem = str(error.problem or error).strip()
    fix = None
    if "could not find expected ':'" in problem:
        fix = "a colon may be missing after a key, here or in the line before"
    elif "mapping values are not allowed" in problem:
        fix = "quote text that holds a colon and a space, or check the indentation"
    elif "character that cannot start any token" in problem:
        fix = "quote text that begins with @, ` or %"
    return YamlError(f"not valid YAML: {problem}", where, fix)
