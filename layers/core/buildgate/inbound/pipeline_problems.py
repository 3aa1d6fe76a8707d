"""What is wrong with a pipeline file, in words: where, what was expected, the nearest valid name, and the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.errors import Rejected
from buildgate.inbound.pipeline_models import MODELS, PipelineModel, keys_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
_DID_YOU_MEAN: Final = re.compile(r"did you mean '?([^'?]+)'?\?")
_KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a pipeline file.

    `path` leads to the value (or, with `is_key`, to the key itself); `expected` says what belongs there, `nearest` is
    the valid name most like what was written, `fix` is what to do. Empty where there is nothing to say.
    """

    path: Path
    message: str
    expected: str = ""
    nearest: str = ""
    fix: str = ""
    is_key: bool = False

    @property
    def field(self) -> str:
        """The path as people write it: `stages[0].builds[1].project`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")


class PipelineFileError(Rejected):
    """A pipeline that cannot be used, with every problem found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        fix = first.fix or (f"did you mean {first.nearest}?" if first.nearest else first.expected)
        super().__init__(f"{first.message}{more}", field=first.field or None, fix=fix or None)
        self.problems = tuple(problems)


def problem_of_gate(at: Path, path: Path, message: str, fix: str) -> Problem:
    near = _DID_YOU_MEAN.fullmatch(fix or "")
    is_key = message.startswith("unknown key")
    if near:
        return Problem((*at, *path), message, nearest=near[1], is_key=is_key)
    return Problem((*at, *path), message, fix=fix or "", is_key=is_key)


def problem_of(detail: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    path, kind, context = _written(detail["loc"], data), detail["type"], detail.get("ctx", {})
    value = detail["input"]
    if kind == "buildgate":
        return Problem(path, context["message"], context["expected"], fix=context["fix"])
    if kind == "extra_forbidden":
        known = keys_of(_model_at(path[:-1]))
        return Problem(path, f"unknown key {path[-1]!r}", _listed(known), _near(path[-1], known), is_key=True)
    if kind == "missing":
        return Problem(path, f"{path[-1]!r} is missing", fix=f"add {path[-1]}: ...")
    if kind == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return Problem(path, f"{_shown(value)} is not allowed", f"one of {_listed(allowed)}", _near(value, allowed))
    if kind in _KINDS:
        return Problem(path, f"found {kind_of(value)}", _KINDS[kind], fix=_quoted(kind, value))
    return _bounded(path, kind, detail["msg"], context, value)


def _bounded(path: Path, kind: str, said: str, context: Mapping[str, Any], value: object) -> Problem:
    """Return the problem of a figure or list outside its bounds; anything unforeseen in pydantic's own words."""
    if kind == "greater_than_equal":
        return Problem(path, f"{value} is too small", f"at least {context['ge']}")
    if kind == "less_than_equal":
        return Problem(path, f"{value} is too large", f"at most {context['le']}")
    if kind == "too_short":
        return Problem(path, "the list is empty", f"at least {context['min_length']}")
    if kind == "too_long":
        return Problem(path, f"the list has {context['actual_length']} entries", f"at most {context['max_length']}")
    return Problem(path, said[:1].lower() + said[1:])


def _written(loc: Sequence[str | int], data: Any) -> Path:
    """Return a path with keys as the file spells them; keys pydantic marks (`[key]`) are left out."""
    path: list[str | int] = []
    for part in loc:
        if part == "[key]":
            continue
        spelt = part
        if isinstance(data, Mapping) and part not in data and str(part).replace("-", "_") in data:
            spelt = str(part).replace("-", "_")
        path.append(spelt)
        inside = isinstance(data, Mapping) or (isinstance(data, list) and isinstance(spelt, int) and spelt < len(data))
        data = (data.get(spelt) if isinstance(data, Mapping) else data[spelt]) if inside else None
    return tuple(path)


def _model_at(path: Path) -> Any:
    return MODELS.get(tuple(part for part in path if isinstance(part, str)), PipelineModel)


def without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """Leave out `missing` where a misspelling of that key is reported beside it."""
    explained = {(*problem.path[:-1], problem.nearest) for problem in problems if problem.is_key and problem.nearest}
    return [problem for problem in problems if problem.is_key or problem.path not in explained]


def kind_of(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    return "a list" if isinstance(value, list) else "a mapping"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _quoted(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f'put it in quotes: "{text}"'
    if kind == "list_type" and isinstance(value, str):
        return f"write [{value}]"
    if kind == "int_type" and isinstance(value, str) and value.strip().isdigit():
        return f"write {value.strip()} without quotes"
    return ""


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)


def _near(word: object, known: Sequence[str]) -> str:
    plain = {name.replace("-", "_"): name for name in known}
    match = difflib.get_close_matches(str(word).lower().replace("-", "_"), list(plain), n=1, cutoff=0.6)
    return plain[match[0]] if match else ""
