"""EventBridge: event patterns, and input transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

Pattern = Mapping[str, Any]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_ABSENT: Any = object()
_QUOTED = json.JSONEncoder().encode


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern.

    Source: "Amazon EventBridge event patterns" in the user guide. Every key of the pattern must match; a list matches
    if any of its members does; an array in the event matches if any of its elements does.
    """
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(choice, event) for choice in wanted):
                return False
            continue
        found = event.get(key, _ABSENT)
        if isinstance(wanted, dict):
            if not isinstance(found, dict):
                found = {}
            if not matches(wanted, found):
                return False
        elif not _any_matches(wanted, found):
            return False
    return True


def _any_matches(wanted: list[Any], found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    return any(_one_matches(choice, value) for choice in wanted for value in (values or [_ABSENT]))


def _one_matches(choice: Any, value: Any) -> bool:
    if not isinstance(choice, dict):
        return value is not _ABSENT and type(value) is type(choice) and bool(value == choice)
    ((operator, operand),) = choice.items()
    if operator == "exists":
        return (value is not _ABSENT) is operand
    if value is _ABSENT:
        return False
    if operator == "anything-but":
        return not _excluded(operand, value)
    if operator == "numeric":
        return isinstance(value, (int, float)) and _in_range(operand, value)
    return isinstance(value, str) and _text_matches(operator, operand, value)


def _excluded(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return _one_matches(operand, value)
    return value in (operand if isinstance(operand, list) else [operand])


def _in_range(operand: list[Any], value: float) -> bool:
    return all(_COMPARE[sign](value, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True))


def _text_matches(operator: str, operand: Any, value: str) -> bool:
    if isinstance(operand, Mapping):
        return _text_matches(operator, operand["equals-ignore-case"].lower(), value.lower())
    if operator == "prefix":
        return value.startswith(operand)
    if operator == "suffix":
        return value.endswith(operand)
    if operator == "equals-ignore-case":
        return bool(value.lower() == operand.lower())
    if operator == "wildcard":
        return fnmatchcase(value, operand.replace("[", "[[]").replace("?", "[?]"))
    raise ValueError(f"unknown operator in an event pattern: {operator}")


def transformed(paths: Mapping[str, str], template: str, event: Mapping[str, Any]) -> Any:
    """Return what an InputTransformer makes of an event.

    A `<name>` outside quotes becomes the JSON of what its path finds, inside quotes its text; what a path does not
    find is null outside quotes and empty inside, as documented.
    """
    return json.loads(transformed_text(paths, template, event))


def transformed_text(paths: Mapping[str, str], template: str, event: Mapping[str, Any]) -> str:
    """Return the JSON text of what an InputTransformer makes of an event."""
    found = {name: _at(event, path) for name, path in paths.items()}
    pieces = [text if not name else _filled(found.get(name, _ABSENT), kind) for kind, name, text in _pieces(template)]
    return "".join(pieces)


@lru_cache(maxsize=64)
def _pieces(template: str) -> tuple[tuple[str, str, str], ...]:
    """Return a template as (inside or outside quotes, placeholder's name, plain text): either a name or a text."""
    pieces = []
    for part in re.split(r'("(?:[^"\\]|\\.)*")', template):
        kind = "inside" if part.startswith('"') else "outside"
        for position, piece in enumerate(re.split(r"<([\w.-]+)>", part)):
            pieces.append((kind, piece, "") if position % 2 else (kind, "", piece))
    return tuple(pieces)


def _filled(value: Any, kind: str) -> str:
    if type(value) is str:
        text = _QUOTED(value)
        return text if kind == "outside" else text[1:-1]
    if kind == "outside":
        return "null" if value is _ABSENT else json.dumps(value)
    return "" if value is _ABSENT else json.dumps(json.dumps(value))[1:-1]


def _at(event: Any, path: str) -> Any:
    node = event
    for name, indexes in _steps(path):
        if not isinstance(node, Mapping) or name not in node:
            return _ABSENT
        node = node[name]
        for index in indexes:
            node = node[index] if isinstance(node, list) and index < len(node) else _ABSENT
    return node


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return a path as names, each with the list positions that follow it."""
    parts = [re.split(r"[\[\]]+", step.rstrip("]")) for step in path.removeprefix("$").split(".") if step]
    return tuple((name, tuple(int(index) for index in indexes)) for name, *indexes in parts)
