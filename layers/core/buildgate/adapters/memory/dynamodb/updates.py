"""Update expressions, compiled once to a function from an item to the changed item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from buildgate.adapters.memory.dynamodb.plain_updates import Plain, added, plainly, wrong_type
from buildgate.adapters.memory.dynamodb.syntax import Names, Parser, Path, find, refuse_overlaps
from buildgate.adapters.memory.dynamodb.values import (
    KIND_WORDS,
    Item,
    Value,
    add,
    value_size,
)
from buildgate.adapters.memory.errors import AwsError, invalid

Values = dict[str, Value]
Operand = Callable[[Item, Values], Value]
Check = Callable[[Values], None]
Change = Callable[[Value | None], Value | None]

_LABEL = "UpdateExpression"
_SECTIONS = ("SET", "ADD", "DELETE", "REMOVE")


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """A compiled expression; `paths` are those it writes, `attributes` the attributes that those are in."""

    label: ClassVar[str] = _LABEL
    sets: tuple[tuple[Path, Operand], ...]
    adds: tuple[tuple[Path, str], ...]
    deletes: tuple[tuple[Path, str], ...]
    removes: tuple[Path, ...]
    names_used: frozenset[str]
    values_used: frozenset[str]
    checks: tuple[Check, ...]
    paths: tuple[Path, ...]
    attributes: frozenset[str]
    plain: Plain | None

    def apply(self, item: Item, values: Values) -> tuple[Item, int]:
        """Return the changed item, and by how many bytes at most it is larger.

        Every operand is read from the item as it was before.
        """
        if self.plain is not None:
            return self.plain.apply(item, values)
        changed, more = self._applied(item, values), 0
        for name in self.attributes:
            more += len(name.encode()) + value_size(changed[name]) if name in changed else 0
        return changed, more

    def _applied(self, item: Item, values: Values) -> Item:
        changed = dict(item)
        for path, value in [(path, operand(item, values)) for path, operand in self.sets]:
            _change(changed, path, lambda _, value=value: value)  # type: ignore[misc]
        for path, name in self.adds:
            _change(changed, path, lambda old, more=values[name]: added(old, more))  # type: ignore[misc]
        for path, name in self.deletes:
            _change(changed, path, lambda old, less=values[name]: _deleted(old, less))  # type: ignore[misc]
        for path in self.removes:
            _change(changed, path, lambda _: None)
        return changed


@lru_cache(maxsize=4096)
def compile_update(text: str, names: Names) -> Update:
    """Compile an UpdateExpression; the same text and names compile once."""
    known = _of_any_names(text, tuple(placeholder for placeholder, _ in names))
    return _update(known or _parsed(text, names), dict(names) if known else {})


@lru_cache(maxsize=4096)
def _of_any_names(text: str, placeholders: tuple[str, ...]) -> _UpdateParser | None:
    """Return a plain expression as read with placeholders for names, which it is quickly given: None for any other."""
    try:
        parser = _parsed(text, tuple((one, one) for one in placeholders))
    except AwsError:
        return None
    return parser if parser.is_plain() else None


def _parsed(text: str, names: Names) -> _UpdateParser:
    parser = _UpdateParser(text, names, _LABEL)
    parser.sections()
    return parser


def _update(parser: _UpdateParser, names: dict[str, str]) -> Update:
    """Return what was read, with these names in the place of their placeholders."""
    sets = tuple((_named(path, names), operand) for path, operand in parser.sets)
    adds = tuple((_named(path, names), value) for path, value in parser.adds)
    deletes = tuple((_named(path, names), value) for path, value in parser.deletes)
    removes = [_named(path, names) for path in parser.removes]
    paths = [path for path, *_ in (*sets, *adds, *deletes)] + removes
    refuse_overlaps(paths, _LABEL)
    return Update(
        sets,
        adds,
        deletes,
        tuple(sorted(removes, key=_removal_order, reverse=True)),
        frozenset(parser.names_used),
        frozenset(parser.values_used),
        tuple(parser.checks),
        tuple(paths),
        frozenset(str(path[0]) for path in paths),
        plainly(_renamed(parser.given, names), _renamed(parser.firsts, names), adds, removes)
        if parser.is_plain()
        else None,
    )


def _named(path: Path, names: dict[str, str]) -> Path:
    return (names.get(str(path[0]), path[0]), *path[1:]) if names else path


def _renamed(given: list[tuple[Path, str]], names: dict[str, str]) -> list[tuple[Path, str]]:
    return [(_named(path, names), value) for path, value in given]


def _removal_order(path: Path) -> tuple[tuple[int, str], ...]:
    """Order removals so that, reversed, higher list indexes go first and the lower ones keep their meaning."""
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


class _UpdateParser(Parser):
    def __init__(self, text: str, names: Names, label: str) -> None:
        super().__init__(text, names, label)
        self.sets: list[tuple[Path, Operand]] = []
        self.adds: list[tuple[Path, str]] = []
        self.deletes: list[tuple[Path, str]] = []
        self.removes: list[Path] = []
        self.checks: list[Check] = []
        self._checked: set[tuple[str, str]] = set()
        self.given: list[tuple[Path, str]] = []
        self.firsts: list[tuple[Path, str]] = []
        self._default: tuple[Path, str] | None = None

    def is_plain(self) -> bool:
        """Return whether what was read writes whole attributes, with values as they are given, or where none is yet."""
        paths = [*(path for path, _ in (*self.sets, *self.adds)), *self.removes]
        return (
            not self.deletes
            and len(self.given) + len(self.firsts) == len(self.sets)
            and all(len(path) == 1 for path in paths)
        )

    def sections(self) -> None:
        seen: set[str] = set()
        readers = {"SET": self._set, "ADD": self._add, "DELETE": self._delete, "REMOVE": self._remove}
        while self._tokens[self._at :]:
            section = self.word()
            if section not in _SECTIONS:
                self.syntax_error()
            if section in seen:
                self.refuse(f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            self.take()
            readers[section]()
            while self.accept(","):
                readers[section]()

    def _set(self) -> None:
        path = self.path()
        self.expect("=")
        left, name = self._operand()
        operator, default = self.peek(), self._taken_default()
        if operator not in ("+", "-"):
            if name is not None:
                self.given.append((path, name))
            elif default is not None and default[0] == path:
                self.firsts.append(default)
            self.sets.append((path, left))
            return
        self.take()
        right, other = self._operand()
        self._default = None
        for value in (name, other):
            if value:
                self._check_kind(value, ("N",), f"operator or function: {operator}")
        sign = 1 if operator == "+" else -1
        self.sets.append((path, lambda item, values: _sum(left(item, values), right(item, values), sign)))

    def _operand(self) -> tuple[Operand, str | None]:
        if self.peek().startswith(":"):
            name = self.value_name()
            return (lambda _, values: values[name]), name
        if self.peek(1) == "(":
            return self._function(), None
        path = self.path()
        return (lambda item, _: _present(find(item, path))), None

    def _function(self) -> Operand:
        name = self.take()
        if name not in ("if_not_exists", "list_append"):
            self.refuse(f"Invalid function name; function: {name}")
        self.expect("(")
        path = None if self.peek().startswith(":") or self.peek(1) == "(" else self._peek_path()
        left, first = self._operand()
        self.expect(",")
        right, second = self._operand()
        self.expect(")")
        if name == "if_not_exists":
            if path is None:
                self.refuse("Operator or function requires a document path; operator or function: if_not_exists")
            wanted: Path = path
            self._default = (path, second) if second else None
            return lambda item, values: found if (found := find(item, wanted)) else right(item, values)
        self._default = None
        for value in (first, second):
            if value:
                self._check_kind(value, ("L",), "operator or function: list_append")
        return lambda item, values: _joined(left(item, values), right(item, values))

    def _taken_default(self) -> tuple[Path, str] | None:
        """Return the path and value of the `if_not_exists` that was just read, if it was the whole of an operand."""
        default, self._default = self._default, None
        return default

    def _peek_path(self) -> Path:
        start = self._at
        path = self.path()
        self._at = start
        return path

    def _check_kind(self, name: str, kinds: tuple[str, ...], what: str) -> None:
        def check(values: Values) -> None:
            (kind,) = values[name]
            if kind not in kinds:
                raise _wrong_operand(what, kind)

        self.checks.append(check)

    def _add(self) -> None:
        path, name = self.path(), self.value_name()
        self._check_word(name, ("N", "SS", "NS", "BS"), "ADD")
        self.adds.append((path, name))

    def _delete(self) -> None:
        path, name = self.path(), self.value_name()
        self._check_word(name, ("SS", "NS", "BS"), "DELETE")
        self.deletes.append((path, name))

    def _check_word(self, name: str, kinds: tuple[str, ...], operator: str) -> None:
        if (name, operator) in self._checked:
            return
        self._checked.add((name, operator))

        def check(values: Values) -> None:
            (kind,) = values[name]
            if kind not in kinds:
                raise invalid(
                    "Invalid UpdateExpression: Incorrect operand type for operator or function; "
                    f"operator: {operator}, operand type: {KIND_WORDS[kind]}, "
                    f"typeSet: ALLOWED_FOR_{operator}_OPERAND"
                )

        self.checks.append(check)

    def _remove(self) -> None:
        self.removes.append(self.path())


def _wrong_operand(what: str, kind: str) -> AwsError:
    return invalid(
        f"Invalid UpdateExpression: Incorrect operand type for operator or function; {what}, operand type: {kind}"
    )


def _present(value: Value | None) -> Value:
    if value is None:
        raise invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


def _sum(left: Value, right: Value, sign: int) -> Value:
    if "N" not in left or "N" not in right:
        raise wrong_type()
    return {"N": add(left["N"], right["N"], sign)}


def _joined(left: Value, right: Value) -> Value:
    if "L" not in left or "L" not in right:
        raise wrong_type()
    return {"L": [*left["L"], *right["L"]]}


def _deleted(old: Value | None, less: Value) -> Value | None:
    if old is None:
        return None
    ((kind, content),) = old.items()
    if kind not in less:
        raise wrong_type()
    gone = set(less[kind])
    left = [member for member in content if member not in gone]
    return {kind: left} if left else None


def _change(item: Item, path: Path, change: Change) -> None:
    """Apply a change at a path, building new containers on the way; `change` returns None to remove."""
    name = path[0]
    value = _changed(item.get(name), path, 1, change)  # type: ignore[arg-type]
    if value is None:
        item.pop(name, None)  # type: ignore[arg-type]
    else:
        item[name] = value  # type: ignore[index]


def _changed(node: Value | None, path: Path, depth: int, change: Change) -> Value | None:
    if depth == len(path):
        return change(node)
    step = path[depth]
    container = None if node is None else node.get("M" if isinstance(step, str) else "L")
    if container is None:
        raise invalid("The document path provided in the update expression is invalid for update")
    if isinstance(step, str):
        return {"M": _map_changed(container, step, path, depth, change)}
    return {"L": _list_changed(container, step, path, depth, change)}


def _map_changed(old: dict[str, Value], step: str, path: Path, depth: int, change: Change) -> dict[str, Value]:
    value = _changed(old.get(step), path, depth + 1, change)
    new = dict(old)
    if value is None:
        new.pop(step, None)
    else:
        new[step] = value
    return new


def _list_changed(old: list[Value], step: int, path: Path, depth: int, change: Change) -> list[Value]:
    inside = step < len(old)
    value = _changed(old[step] if inside else None, path, depth + 1, change)
    if not inside:
        return old if value is None else [*old, value]
    return old[:step] + ([] if value is None else [value]) + old[step + 1 :]
