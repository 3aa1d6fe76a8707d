"""Reference paths, payload templates and the intrinsic functions that our machines use."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import lru_cache
from typing import Any

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]")
_CALL = re.compile(r"States\.(\w+)\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(r"\s*('(?:[^'\\]|\\.)*'|States\.\w+\((?:[^()]|\([^()]*\))*\)|[^,]+?)\s*(?:,|$)")
MAX_BYTES = 262_144


class Failed(Exception):
    """A state failed with an error name that Retry and Catch may match."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def runtime_failure(problem: str) -> Failed:
    """Return the failure of a path or template: no Retry and no Catch sees it."""
    return Failed("States.Runtime", problem)


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[str | int, ...]:
    """Return the steps of a reference path without its `$` or `$$`."""
    rest = path.lstrip("$")
    found: list[str | int] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise runtime_failure(f"The path '{path}' is not a reference path this interpreter reads")
        name, index, quoted = match.groups()
        found.append(int(index) if index is not None else name or quoted)
        position = match.end()
    return tuple(found)


def is_present(path: str, data: Any, context: Any) -> bool:
    """Whether a path leads to something."""
    try:
        find(path, data, context)
    except Failed:
        return False
    return True


def find(path: str, data: Any, context: Any) -> Any:
    """Return what a path leads to, in the state's data (`$`) or the context object (`$$`)."""
    node = context if path.startswith("$$") else data
    for step in steps(path):
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            raise runtime_failure(f"The JSONPath '{path}' could not be found in the input") from None
    return node


def template(value: Any, data: Any, context: Any) -> Any:
    """Fill a payload template: a member `name.$` takes what its path or intrinsic function gives."""
    if isinstance(value, list):
        return [template(member, data, context) for member in value]
    if not isinstance(value, dict):
        return value
    filled = {}
    for name, member in value.items():
        if name.endswith(".$"):
            filled[name[:-2]] = deepcopy(evaluate(member, data, context))
        else:
            filled[name] = template(member, data, context)
    return filled


def evaluate(expression: str, data: Any, context: Any) -> Any:
    """Return the value of a path or of an intrinsic function."""
    if expression.startswith("$"):
        return find(expression, data, context)
    match = _CALL.fullmatch(expression.strip())
    if match is None:
        raise runtime_failure(f"'{expression}' is neither a path nor an intrinsic function")
    texts = [found.group(1) for found in _ARGUMENT.finditer(match.group(2)) if found.group(1)]
    return _call(match.group(1), [_argument(text, data, context) for text in texts])


def _argument(text: str, data: Any, context: Any) -> Any:
    if text.startswith(("$", "States.")):
        return evaluate(text, data, context)
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return json.loads(text)


def _call(name: str, arguments: list[Any]) -> Any:
    if name == "Format":
        values = iter(arguments[1:])
        return re.sub(r"\{\}", lambda _: _text(next(values)), arguments[0])
    if name == "Array":
        return arguments
    if name == "ArrayLength":
        return len(arguments[0])
    if name == "MathAdd":
        return arguments[0] + arguments[1]
    if name == "JsonToString":
        return json.dumps(arguments[0], separators=(",", ":"))
    if name == "StringToJson":
        return json.loads(arguments[0])
    raise runtime_failure(f"this interpreter has no intrinsic function States.{name}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def placed(data: Any, path: str | None, result: Any) -> Any:
    """Return the state's input with the result at ResultPath; None keeps the input as it was."""
    if path is None:
        return data
    where = steps(path)
    if not where:
        return result
    if not isinstance(data, dict):
        raise Failed("States.ResultPathMatchFailure", f"Unable to apply ResultPath '{path}' to the input")
    whole = deepcopy(data)
    node = whole
    for step in where[:-1]:
        if not isinstance(node, dict):
            raise Failed("States.ResultPathMatchFailure", f"Unable to apply ResultPath '{path}' to the input")
        node = node.setdefault(step, {})
    node[where[-1]] = result
    return whole


def limited(data: Any) -> Any:
    """Refuse data over 256 KiB, which no state may hand on."""
    if len(json.dumps(data).encode()) > MAX_BYTES:
        raise Failed(
            "States.DataLimitExceeded",
            "The state/task returned a result with a size exceeding the maximum number of bytes service limit.",
        )
    return data
