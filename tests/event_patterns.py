"""EventBridge's matching of patterns, as far as the template uses it; a word not known here is an error, not a match."""

import re
from typing import Any


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether an event matches a pattern: every field named must be there and meet one of its conditions."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(alternative, event) for alternative in wanted):
                return False
        elif isinstance(wanted, dict):
            inner = event.get(key) if isinstance(event, dict) else None
            if not matches(wanted, inner if isinstance(inner, dict) else {}):
                return False
        elif not _any_condition(wanted, event, key):
            return False
    return True


def _any_condition(conditions: list[Any], event: Any, key: str) -> bool:
    is_there = isinstance(event, dict) and key in event
    values = event[key] if is_there and isinstance(event[key], list) else [event[key] if is_there else None]
    return any(_meets(condition, value, is_there=is_there) for condition in conditions for value in values)


def _meets(condition: Any, value: Any, *, is_there: bool) -> bool:
    if not isinstance(condition, dict):
        return is_there and value == condition
    ((word, wanted),) = condition.items()
    if word == "exists":
        return is_there is wanted
    if not is_there:
        return False
    match word:
        case "prefix":
            return isinstance(value, str) and value.startswith(wanted)
        case "suffix":
            return isinstance(value, str) and value.endswith(wanted)
        case "equals-ignore-case":
            return isinstance(value, str) and value.lower() == wanted.lower()
        case "wildcard":
            return isinstance(value, str) and _wildcard(wanted).fullmatch(value) is not None
        case "anything-but":
            return _is_other(wanted, value)
    raise AssertionError(f"no rule of ours has used {word} before: teach this matcher")


def _is_other(unwanted: Any, value: Any) -> bool:
    if isinstance(unwanted, dict):
        return not any(
            _meets({word: one}, value, is_there=True) for word, many in unwanted.items() for one in _many(many)
        )
    return value not in _many(unwanted)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _wildcard(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
