"""Tokens, document paths and the parser that all four kinds of expression share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from buildgate.adapters.memory.dynamodb.reserved import RESERVED
from buildgate.adapters.memory.errors import AwsError, invalid

if TYPE_CHECKING:
    from buildgate.adapters.memory.dynamodb.values import Item, Value

Path = tuple[str | int, ...]
Names = tuple[tuple[str, str], ...]

MAX_EXPRESSION_BYTES = 4096
_TOKEN = re.compile(r"\s*(?:([#:]?[A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|\d+)|(<=|>=|<>|[<>=()\[\],.+-]))")
_END = "<EOF>"


def tokens(text: str, label: str) -> list[str]:
    """Split an expression into tokens, refusing characters the grammar does not know."""
    if not text.strip():
        raise invalid(f"Invalid {label}: The expression can not be empty;")
    if len(text.encode()) > MAX_EXPRESSION_BYTES:
        raise invalid(
            f"Invalid {label}: Expression size has exceeded the maximum allowed size; expression size: {len(text)}"
        )
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            near = text[position : position + 12].strip()
            raise invalid(f'Invalid {label}: Syntax error; token: "{near[:1]}", near: "{near}"')
        found.append(match.group(1) or match.group(2))
        position = match.end()
    return found


class Parser:
    """A recursive-descent reader of one expression; subclasses add their grammar.

    `names_used` and `values_used` collect the placeholders that were read, for the refusal of unused ones.
    """

    def __init__(self, text: str, names: Names, label: str) -> None:
        self.label = label
        self.names = dict(names)
        self.names_used: set[str] = set()
        self.values_used: set[str] = set()
        self._tokens = tokens(text, label)
        self._at = 0

    def peek(self, ahead: int = 0) -> str:
        """Return the next token without reading it."""
        index = self._at + ahead
        return self._tokens[index] if index < len(self._tokens) else _END

    def word(self) -> str:
        """Return the next token in upper case, for keywords, which ignore case."""
        return self.peek().upper()

    def take(self) -> str:
        """Read the next token."""
        token = self.peek()
        self._at += 1
        return token

    def expect(self, token: str) -> None:
        """Read exactly this token."""
        if self.word() != token:
            self.syntax_error()
        self._at += 1

    def accept(self, token: str) -> bool:
        """Read this token if it is next."""
        if self.word() != token:
            return False
        self._at += 1
        return True

    def finish(self) -> None:
        """Refuse anything left over."""
        if self._at < len(self._tokens):
            self.syntax_error()

    def syntax_error(self) -> NoReturn:
        """Refuse the expression at the next token, quoting its neighbours as DynamoDB does."""
        near = " ".join(self._tokens[max(0, self._at - 1) : self._at + 2])
        raise invalid(f'Invalid {self.label}: Syntax error; token: "{self.peek()}", near: "{near}"')

    def refuse(self, problem: str) -> NoReturn:
        """Refuse the expression for another reason."""
        raise invalid(f"Invalid {self.label}: {problem}")

    def path(self) -> Path:
        """Read a document path: names (or `#placeholders`) joined by dots, with `[n]` for list elements."""
        steps: list[str | int] = [self._name()]
        while True:
            if self.accept("."):
                steps.append(self._name())
            elif self.accept("["):
                index = self.take()
                if not index.isdigit():
                    self._at -= 1
                    self.syntax_error()
                steps.append(int(index))
                self.expect("]")
            else:
                return tuple(steps)

    def _name(self) -> str:
        token = self.peek()
        if token.startswith("#"):
            self._at += 1
            if token not in self.names:
                self.refuse(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            self.names_used.add(token)
            return self.names[token]
        if not (token[0].isalpha() or token[0] == "_") or token == _END:
            self.syntax_error()
        if token.upper() in RESERVED:
            self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._at += 1
        return token

    def value_name(self) -> str:
        """Read a `:placeholder`; whether it is defined is known only with the request's values."""
        token = self.take()
        if not token.startswith(":"):
            self._at -= 1
            self.syntax_error()
        self.values_used.add(token)
        return token


def find(item: Item, path: Path) -> Value | None:
    """Return the value at a path, None if absent."""
    node = item.get(path[0])  # type: ignore[arg-type]
    for step in path[1:]:
        if node is None:
            return None
        node = _child(node, step)
    return node


def _child(node: Value, step: str | int) -> Value | None:
    if isinstance(step, str):
        children: dict[str, Value] | None = node.get("M")
        return children.get(step) if children is not None else None
    elements: list[Value] | None = node.get("L")
    return elements[step] if elements is not None and step < len(elements) else None


def path_text(path: Path) -> str:
    """Return a path as DynamoDB's messages write it: `[a, b, [0]]`."""
    return "[" + ", ".join(step if isinstance(step, str) else f"[{step}]" for step in path) + "]"


def refuse_overlaps(paths: list[Path], label: str) -> None:
    """Refuse two paths of which one contains the other, or which need one value to be a map and a list."""
    if len({path[0] for path in paths}) == len(paths):
        return
    for number, one in enumerate(paths):
        for two in paths[number + 1 :]:
            clash = _clash(one, two)
            if clash:
                raise _two_paths(label, clash, one, two)


def _clash(one: Path, two: Path) -> str | None:
    for left, right in zip(one, two, strict=False):
        if type(left) is not type(right):
            return "conflict"
        if left != right:
            return None
    return "overlap"


def _two_paths(label: str, clash: str, one: Path, two: Path) -> AwsError:
    return invalid(
        f"Invalid {label}: Two document paths {clash} with each other; must remove or rewrite one of these paths; "
        f"path one: {path_text(one)}, path two: {path_text(two)}"
    )
