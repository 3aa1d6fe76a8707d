"""Plain data checked against botocore's own model of an operation: every problem with its path.

Unlike the SDK's own check this one also knows enumerations, lengths and patterns, and says which known name is nearest
to an unknown one. Limits and enumerations follow the installed model.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Path = tuple[str | int, ...]
_NAMES: Final = {
    "structure": "a mapping",
    "map": "a mapping",
    "list": "a list",
    "string": "text",
    "integer": "a whole number",
    "long": "a whole number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class ShapeProblem:
    """One value that does not fit its shape."""

    path: Path
    message: str
    expected: str = ""
    nearest: str = ""
    fix: str = ""
    is_key: bool = False

    @property
    def field(self) -> str:
        """The path as people write it."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")


def check(shape: Any, value: Any, path: Path = ()) -> Iterator[ShapeProblem]:
    """Yield what in `value` does not fit a botocore shape."""
    kind = shape.type_name
    if not _fits(kind, value):
        yield ShapeProblem(path, f"found {_found(value)}", _NAMES.get(kind, kind), fix=_quote(kind, value))
    elif kind == "structure":
        yield from _check_structure(shape, value, path)
    elif kind == "map":
        for key, inner in value.items():
            yield from check(shape.value, inner, (*path, key))
    elif kind == "list":
        yield from _check_length(shape, len(value), "entries", path)
        for index, inner in enumerate(value):
            yield from check(shape.member, inner, (*path, index))
    elif kind == "string":
        yield from _check_text(shape, value, path)
    elif kind in {"integer", "long"}:
        yield from _check_range(shape, value, path)


def _check_structure(shape: Any, value: dict[str, Any], path: Path) -> Iterator[ShapeProblem]:
    known = list(shape.members)
    misspelt = set()
    for key in value:
        if key not in shape.members:
            nearest = near(key, known)
            misspelt.add(nearest)
            message, expected = f"unknown key {key!r}", ", ".join(known)
            yield ShapeProblem((*path, key), message, expected, nearest, is_key=True)
    for key in shape.required_members:
        if key not in value and key not in misspelt:
            yield ShapeProblem((*path, key), f"{key!r} is missing", fix=f"add {key}: ...")
    for key, inner in value.items():
        if key in shape.members:
            yield from check(shape.members[key], inner, (*path, key))


def _check_text(shape: Any, value: str, path: Path) -> Iterator[ShapeProblem]:
    if shape.enum and value not in shape.enum:
        yield ShapeProblem(
            path, f"{value[:60]!r} is not allowed", f"one of {', '.join(shape.enum)}", near(value, shape.enum)
        )
        return
    wrong_length = list(_check_length(shape, len(value), "characters", path))
    yield from wrong_length
    pattern = shape.metadata.get("pattern")
    if pattern and not wrong_length and not _matches(pattern, value):
        yield ShapeProblem(path, f"{value[:60]!r} does not fit", f"text like {pattern}")


def _matches(pattern: str, value: str) -> bool:
    """Compare with a pattern of the model; one that Python cannot read (another dialect) allows everything."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


def _check_length(shape: Any, length: int, what: str, path: Path) -> Iterator[ShapeProblem]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if length < least:
        yield ShapeProblem(path, f"{length} {what} are too few", f"at least {least}")
    if most is not None and length > most:
        yield ShapeProblem(path, f"{length} {what} are too many", f"at most {most}")


def _check_range(shape: Any, value: int, path: Path) -> Iterator[ShapeProblem]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield ShapeProblem(path, f"{value} is too small", f"at least {least}")
    if most is not None and value > most:
        yield ShapeProblem(path, f"{value} is too large", f"at most {most}")


def _fits(kind: str, value: Any) -> bool:
    if kind in {"structure", "map"}:
        return isinstance(value, dict)
    if kind == "list":
        return isinstance(value, list)
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "long"}:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, int | float | str)


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return "a list" if isinstance(value, list) else "a mapping"


def _quote(kind: str, value: Any) -> str:
    if kind != "string" or not isinstance(value, int | float):
        return ""
    return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'


def near(word: str, known: Sequence[str]) -> str:
    """Return the known word most like `word`, letter case aside, or an empty text."""
    plain = {name.lower(): name for name in known}
    match = difflib.get_close_matches(word.lower(), list(plain), n=1, cutoff=0.6)
    return plain[match[0]] if match else ""
