"""Projection expressions, and the part of an item that an update touched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from buildgate.adapters.memory.dynamodb.syntax import Names, Parser, Path, find, refuse_overlaps

if TYPE_CHECKING:
    from buildgate.adapters.memory.dynamodb.values import Item, Value


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A compiled ProjectionExpression; it reads no values."""

    label: ClassVar[str] = "ProjectionExpression"
    values_used: ClassVar[frozenset[str]] = frozenset()
    checks: ClassVar[tuple[()]] = ()
    paths: tuple[Path, ...]
    names_used: frozenset[str]

    def of(self, item: Item) -> Item:
        """Return the parts of the item that the paths name; list elements close up."""
        return picked(item, self.paths)


@lru_cache(maxsize=4096)
def compile_projection(text: str, names: Names) -> Projection:
    """Compile a ProjectionExpression; the same text and names compile once."""
    parser = Parser(text, names, "ProjectionExpression")
    paths = [parser.path()]
    while parser.accept(","):
        paths.append(parser.path())
    parser.finish()
    refuse_overlaps(paths, "ProjectionExpression")
    return Projection(tuple(paths), frozenset(parser.names_used))


def picked(item: Item, paths: tuple[Path, ...]) -> Item:
    """Return the named parts of an item in the item's own shape."""
    if all(len(path) == 1 for path in paths):
        return {path[0]: item[path[0]] for path in paths if path[0] in item}
    tree: dict[Any, Any] = {}
    for path in paths:
        value = find(item, path)
        if value is not None:
            _plant(tree, item[path[0]], path, value)  # type: ignore[index]
    return {name: _value(node) for name, node in tree.items()}


class _Branch:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.children: dict[Any, Any] = {}


def _plant(tree: dict[Any, Any], root: Value, path: Path, value: Value) -> None:
    children, node = tree, root
    for step, following in pairwise(path):
        kind = "M" if isinstance(following, str) else "L"
        branch = children.setdefault(step, _Branch(kind))
        children, node = branch.children, node[kind][following]
    children[path[-1]] = value


def _value(node: Any) -> Value:
    if not isinstance(node, _Branch):
        return node  # type: ignore[no-any-return]
    if node.kind == "M":
        return {"M": {name: _value(child) for name, child in node.children.items()}}
    return {"L": [_value(node.children[index]) for index in sorted(node.children)]}
