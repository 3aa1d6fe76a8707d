"""The door for pipelines that people or programs wrote: plain data in, a `Pipeline` out, or everything that is wrong.

Each problem has the path of the value it is about, so that the command line can point at line and column and the API
at a field.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from buildgate.domain import gates
from buildgate.domain.approvals import ENTRY
from buildgate.domain.durations import minutes_of
from buildgate.domain.errors import Rejected
from buildgate.domain.gates import Gate, GateFileError
from buildgate.domain.pipelines import (
    DATA_LIMIT_BYTES,
    TASKS_LIMIT,
    ApprovalRule,
    BuildStep,
    Pipeline,
    Stage,
    Trigger,
)
from buildgate.inbound.pipeline_models import (
    MODELS,
    ApprovalModel,
    PipelineModel,
    StageModel,
    TriggerModel,
    keys_of,
)

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


def parse(data: Any) -> Pipeline:
    """Return the pipeline that plain data (of YAML or JSON) describes.

    Raises:
        PipelineFileError: With every problem, in the order of the file's structure.
    """
    if not isinstance(data, Mapping):
        found = "nothing" if data is None else _kind(data)
        raise PipelineFileError([Problem((), f"the file holds {found}", "a mapping with name and stages")])
    problems: list[Problem] = []
    parsed_gates = _gates(data, problems)
    model = _model(data, problems)
    if model is not None and not problems:
        problems += _across(model, parsed_gates)
    if model is None or problems:
        raise PipelineFileError(problems)
    pipeline = _pipeline(model, parsed_gates)
    size = len(pipeline.to_text().encode())
    if size > DATA_LIMIT_BYTES:
        raise PipelineFileError([Problem((), f"the pipeline has {size} bytes", f"at most {DATA_LIMIT_BYTES}")])
    return pipeline


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pipeline file, for editors."""
    schema = PipelineModel.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


# ---------------------------------------------------------------------------------------------- shape


def _model(data: Mapping[str, Any], problems: list[Problem]) -> PipelineModel | None:
    try:
        return PipelineModel.model_validate(data)
    except ValidationError as error:
        found = [_problem(detail, data) for detail in error.errors(include_url=False)]
        problems += _without_consequences(found)
        return None


def _problem(detail: ErrorDetails, data: Mapping[str, Any]) -> Problem:
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
        return Problem(path, f"found {_kind(value)}", _KINDS[kind], fix=_quoted(kind, value))
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


def _without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """Leave out `missing` where a misspelling of that key is reported beside it."""
    explained = {(*problem.path[:-1], problem.nearest) for problem in problems if problem.is_key and problem.nearest}
    return [problem for problem in problems if problem.is_key or problem.path not in explained]


def _gates(data: Mapping[str, Any], problems: list[Problem]) -> dict[int, list[Gate]]:
    """Return the gates by index of their stage; what is not even a list is left to the model."""
    found: dict[int, list[Gate]] = {}
    stages = data.get("stages")
    for index, stage in enumerate(stages if isinstance(stages, list) else ()):
        listed = stage.get("gates") if isinstance(stage, Mapping) else None
        for place, gate in enumerate(listed if isinstance(listed, list) else ()):
            try:
                found.setdefault(index, []).append(gates.parse(gate))
            except GateFileError as error:
                at: Path = ("stages", index, "gates", place)
                problems += [_gate_problem(at, *problem) for problem in error.problems]
    return found


def _gate_problem(at: Path, path: Path, message: str, fix: str) -> Problem:
    near = _DID_YOU_MEAN.fullmatch(fix or "")
    is_key = message.startswith("unknown key")
    if near:
        return Problem((*at, *path), message, nearest=near[1], is_key=is_key)
    return Problem((*at, *path), message, fix=fix or "", is_key=is_key)


# ---------------------------------------------------------------------------------------------- what fits together


def _across(model: PipelineModel, parsed: Mapping[int, Sequence[Gate]]) -> Iterator[Problem]:
    yield from _doubles([stage.name for stage in model.stages], ("stages",), "stage")
    for index, trigger in enumerate(model.triggers):
        yield from _trigger_problems(trigger, ("triggers", index))
    for index, stage in enumerate(model.stages):
        yield from _stage_problems(stage, parsed.get(index, ()), ("stages", index))
    tasks = sum(len(one.builds) + len(one.gates) + (one.approval is not None) for one in model.stages)
    if tasks > TASKS_LIMIT:
        message = f"the pipeline has {tasks} builds, gates and approvals"
        yield Problem(("stages",), message, f"at most {TASKS_LIMIT}", fix="split it into several pipelines")


def _doubles(names: Sequence[str], path: Path, what: str) -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] == 2:
            yield Problem((*path, index, "name"), f"a second {what} is named {name!r}", fix="give it another name")


def _trigger_problems(trigger: TriggerModel, path: Path) -> Iterator[Problem]:
    if not trigger.branches and not trigger.tags:
        yield Problem(path, "the trigger names neither branches nor tags", fix="add branches: [main]")
    elif (trigger.paths.include or trigger.paths.exclude) and not trigger.branches:
        fix = "add branches, or leave out paths"
        yield Problem((*path, "paths"), "paths filter pushes to branches, and none is named", fix=fix)


def _stage_problems(stage: StageModel, parsed: Sequence[Gate], path: Path) -> Iterator[Problem]:
    if not stage.builds and not stage.gates and stage.approval is None:
        yield Problem(path, f"the stage {stage.name!r} does nothing", "builds, gates or an approval")
    yield from _doubles([build.name for build in stage.builds], (*path, "builds"), "build of this stage")
    yield from _doubles([gate.name for gate in parsed], (*path, "gates"), "gate of this stage")
    for index, gate in enumerate(parsed):
        if gate.name == ENTRY:
            yield Problem((*path, "gates", index, "name"), f"{ENTRY!r} is the name of a stage's own approval")
    if stage.approval is not None:
        yield from _approval_problems(stage.approval, (*path, "approval"))


def _approval_problems(rule: ApprovalModel, path: Path) -> Iterator[Problem]:
    cure = "set channel: iam (or mailbox, oidc)"
    if rule.channel == "link" and not rule.allow_self:
        message = "a broadcast link cannot prove who decides, so it cannot keep authors out"
        yield Problem((*path, "allow-self"), message, fix=cure)
    if rule.channel == "link" and rule.required > 1:
        message = f"a broadcast link cannot prove that {rule.required} different people decided"
        yield Problem((*path, "required"), message, fix=cure)
    if rule.channel == "mailbox" and not rule.approvers:
        yield Problem(path, "the channel mailbox writes to each approver, and none is named", fix="add approvers")
    for index, approver in enumerate(rule.approvers):
        if rule.channel == "mailbox" and "@" not in approver:
            yield Problem((*path, "approvers", index), f"{approver!r} is not a mailbox", "an e-mail address")
        if approver.casefold() in {earlier.casefold() for earlier in rule.approvers[:index]}:
            yield Problem((*path, "approvers", index), f"{approver!r} is named twice", fix="remove one")
    if rule.approvers and rule.required > len(rule.approvers):
        message = f"{rule.required} approvals are required and {len(rule.approvers)} approvers are named"
        yield Problem((*path, "required"), message, f"at most {len(rule.approvers)}")


# ---------------------------------------------------------------------------------------------- into the domain


def _pipeline(model: PipelineModel, parsed: Mapping[int, Sequence[Gate]]) -> Pipeline:
    return Pipeline(
        name=model.name,
        description=model.description,
        tags=model.tags,
        topics={kind: arn for kind, arn in model.topics if arn is not None},
        triggers=tuple(_trigger(trigger) for trigger in model.triggers),
        stages=tuple(_stage(stage, parsed.get(index, ())) for index, stage in enumerate(model.stages)),
    )


def _trigger(model: TriggerModel) -> Trigger:
    return Trigger(
        repository=model.repository,
        provider=model.provider,
        branches=tuple(model.branches),
        tags=tuple(model.tags),
        include=tuple(model.paths.include),
        exclude=tuple(model.paths.exclude),
    )


def _stage(model: StageModel, parsed: Sequence[Gate]) -> Stage:
    return Stage(
        name=model.name,
        approval=None if model.approval is None else _approval(model.approval),
        builds=tuple(BuildStep(build.name, build.project, build.variables) for build in model.builds),
        variables=model.variables,
        concurrency=model.concurrency,
        timeout_minutes=None if model.timeout is None else minutes_of(model.timeout),
        gates=tuple(parsed),
        on_failure=model.on_failure,
    )


def _approval(model: ApprovalModel) -> ApprovalRule:
    return ApprovalRule(
        approvers=tuple(model.approvers),
        required=model.required,
        timeout_minutes=minutes_of(model.timeout) or 1,
        channel=model.channel,
        allow_self=model.allow_self,
        instructions=model.instructions,
    )


# ---------------------------------------------------------------------------------------------- words


def _kind(value: object) -> str:
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
