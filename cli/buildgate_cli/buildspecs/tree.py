"""A buildspec's text as a YAML tree with positions.

CodeBuild's agent reads YAML with a port of libyaml, so libyaml's own messages are CodeBuild's. Only the first document
is read, unknown tags are ignored, merge keys (`<<`) are followed, and the last of two equal keys wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from buildgate_cli.buildspecs.model import BuildspecError

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = yaml.Node
Mapping = yaml.MappingNode
Sequence = yaml.SequenceNode
Scalar = yaml.ScalarNode

EMPTY = "wrong number of container tags, expected 1"  # what CodeBuild says when it finds no phases at all
DEPTH_LIMIT = 500  # no buildspec nests deeper; composing nested nodes recurses in C, without a check
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"yes", "true", "on", "y"})
_FALSE = frozenset({"no", "false", "off", "n"})


class _Composer(yaml.CBaseLoader):
    """libyaml's composer without tag resolution: this package looks at plain scalars itself."""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None: ...

    def ascend_resolver(self) -> None: ...

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Document:
    """The first document of a text; `root` is None when there is none. `more_at` is the line of a second one."""

    root: Node | None
    more_at: int | None = None


def decode(data: bytes) -> str:
    """Return the text of a file as YAML reads it: UTF-8, or UTF-16 with a byte order mark.

    Raises BuildspecError with the line of the first byte that is not UTF-8.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise BuildspecError(f"invalid leading UTF-8 octet at line {line}", line=line, column=column) from error


def parse(text: str) -> Document:
    """Return the first document. Raises BuildspecError when libyaml refuses it."""
    text = text.removeprefix("\ufeff")
    if _may_nest_deeply(text):
        _check_depth(text)
    try:
        composer = _Composer(text)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise BuildspecError(f"invalid Unicode character at line {line}", line=line) from error
    try:
        if not composer.check_node():
            return Document(None)
        root: Any = composer.get_node()
    except yaml.YAMLError as error:
        _refuse(error)
    if "&" in text and "*" in text and _holds_itself(root):
        raise BuildspecError("anchor value contains itself")
    try:
        more = composer.check_node()
    except yaml.YAMLError:
        return Document(root)  # CodeBuild never reads so far
    if not more:
        return Document(root)
    begins: Any = composer.peek_event()
    return Document(root, begins.start_mark.line + 1)


def _may_nest_deeply(text: str) -> bool:
    return sum(map(text.count, ("[", "{", "- ", "? ", ":", "-\n"))) > DEPTH_LIMIT


def _check_depth(text: str) -> None:
    depth = 0
    try:
        events = _Composer(text)
        event: Any
        while (event := events.get_event()) is not None:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEPTH_LIMIT:
                    mark: Any = event.start_mark
                    line = mark.line + 1
                    raise BuildspecError(f"exceeded max depth of {DEPTH_LIMIT} at line {line}", line=line)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.DocumentEndEvent):
                return
    except (yaml.YAMLError, UnicodeEncodeError):
        return  # the composer meets the same error and says so


def _refuse(error: yaml.YAMLError) -> NoReturn:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        raise BuildspecError(str(problem)) from error
    line = mark.line + 1
    raise BuildspecError(f"{problem} at line {line}", line=line, column=mark.column + 1) from error


def _holds_itself(root: Node) -> bool:
    """Whether an alias below the root leads back to a collection that holds it; CodeBuild refuses such a file."""
    open_nodes: set[int] = set()
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, is_leaving = stack.pop()
        if is_leaving:
            open_nodes.discard(id(node))
            done.add(id(node))
        elif id(node) in open_nodes:
            return True
        elif not isinstance(node, Scalar) and id(node) not in done:
            open_nodes.add(id(node))
            stack.append((node, True))
            inner = node.value if isinstance(node, Sequence) else [one for pair in node.value for one in pair]
            stack.extend((one, False) for one in inner if not isinstance(one, Scalar))
    return False


def repeated(root: Node) -> set[int]:
    """Return the ids of the nodes that more than one alias or parent leads to."""
    seen: set[int] = set()
    again: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            again.add(id(node))
        else:
            seen.add(id(node))
            stack.extend(_children(node))
    return again


def holds_any(root: Node, ids: set[int]) -> bool:
    """Whether the node or one below it is among the ids."""
    stack = [root] if ids else []
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in ids:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            stack.extend(_children(node))
    return False


def _children(node: Node) -> list[Node]:
    if isinstance(node, Mapping):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, Sequence) else []


def line_of(node: Node) -> int:
    mark: Any = node.start_mark
    return int(mark.line) + 1


def column_of(node: Node) -> int:
    mark: Any = node.start_mark
    return int(mark.column) + 1


def is_plain(node: Node) -> bool:
    """Whether a scalar is written without quotes and not as a block."""
    return isinstance(node, Scalar) and not node.style


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.style and node.value in _NULLS


def kind_of(node: Node) -> str:
    """Return how a person calls the node: mapping, list, text or nothing."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if is_null(node) else "text"


def text_of(node: Scalar) -> str:
    """Return the scalar's text; nothing (null) is the empty text."""
    return "" if is_null(node) else str(node.value)


def switch_of(text: str) -> bool | None:
    """Read yes/no, true/false, on/off in any case; None for anything else."""
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    return False if lowered in _FALSE else None


def entries(node: Mapping) -> Iterator[tuple[str, Scalar | None, Node, Node]]:
    """Yield (key, key as scalar or None, key node, value) in order, merge keys followed.

    Explicit keys win over merged ones. A key that is itself a list or a mapping is yielded as the empty text.
    """
    merged: list[tuple[Node, Node]] = []
    own: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, Scalar):
            yield "", None, key, value
        elif key.value == "<<" and not key.style:
            merged.extend(_merged(value, {id(node)}))
        else:
            own.add(key.value)
            yield key.value, key, key, value
    for key, value in merged:
        if isinstance(key, Scalar) and key.value not in own:
            own.add(key.value)
            yield key.value, key, key, value


def _merged(value: Node, seen: set[int]) -> Iterator[tuple[Node, Node]]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Sequence):
        for item in value.value:
            yield from _merged(item, seen)
    elif isinstance(value, Mapping):
        deeper = []
        for key, inner in value.value:
            if isinstance(key, Scalar) and key.value == "<<" and not key.style:
                deeper.append(inner)
            else:
                yield key, inner
        for inner in deeper:
            yield from _merged(inner, seen)


def index_of(node: Node) -> int:
    """Return where the node begins, in characters of the parsed text."""
    mark: Any = node.start_mark
    return int(mark.index)


def end_index_of(node: Node) -> int:
    """Return where the node ends, in characters of the parsed text."""
    mark: Any = node.end_mark
    return int(mark.index)
