"""The rules of Choice states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from buildgate.adapters.memory.stepfunctions.paths import find, is_present, runtime_failure

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanEquals": lambda left, right: bool(left <= right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanEquals": lambda left, right: bool(left >= right),
}
_KINDS: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Numeric": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "Boolean": lambda value: isinstance(value, bool),
    "Timestamp": lambda value: moment(value) is not None,
    "Null": lambda value: value is None,
}


def moment(value: Any) -> datetime | None:
    """Return the moment that an RFC 3339 text with a zone names, None for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def holds(rule: Mapping[str, Any], data: Any, context: Any) -> bool:
    """Whether a choice rule holds."""
    if "And" in rule:
        return all(holds(part, data, context) for part in rule["And"])
    if "Or" in rule:
        return any(holds(part, data, context) for part in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], data, context)
    path = rule["Variable"]
    operator, operand = next((key, value) for key, value in rule.items() if key not in ("Variable", "Next", "Comment"))
    if operator == "IsPresent":
        return is_present(path, data, context) is operand
    return _compares(operator, find(path, data, context), operand, (data, context))


def _compares(operator: str, value: Any, operand: Any, scope: tuple[Any, Any]) -> bool:
    if operator.startswith("Is"):
        return _KINDS[operator[2:]](value) is operand
    if operator.endswith("Path"):
        operator, operand = operator[: -len("Path")], find(operand, *scope)
    if operator == "StringMatches":
        return isinstance(value, str) and fnmatchcase(value, operand.replace("[", "[[]").replace("?", "[?]"))
    for kind in ("String", "Numeric", "Boolean", "Timestamp"):
        if operator.startswith(kind) and operator[len(kind) :] in _COMPARE:
            is_kind = _KINDS[kind]
            if not is_kind(value) or not is_kind(operand):
                return False
            both = (moment(value), moment(operand)) if kind == "Timestamp" else (value, operand)
            return _COMPARE[operator[len(kind) :]](*both)
    raise runtime_failure(f"unknown comparison in a Choice state: {operator}")
