"""The door for pipelines that people or programs wrote: plain data in, a `Pipeline` out, or everything that is wrong.

Each problem has the path of the value it is about, so that the command line can point at line and column and the API
at a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from buildgate.domain import gates
from buildgate.domain.durations import minutes_of
from buildgate.domain.gates import Gate, GateFileError
from buildgate.domain.pipelines import (
    DATA_LIMIT_BYTES,
    WAIT_MINUTES,
    ApprovalRule,
    BuildStep,
    Pipeline,
    Stage,
    Trigger,
)
from buildgate.inbound.pipeline_models import (
    ApprovalModel,
    PipelineModel,
    StageModel,
    TriggerModel,
)
from buildgate.inbound.pipeline_problems import (
    Path,
    PipelineFileError,
    Problem,
    kind_of,
    problem_of,
    problem_of_gate,
    without_consequences,
)
from buildgate.inbound.pipeline_rules import check


def parse(data: Any) -> Pipeline:
    """Return the pipeline that plain data (of YAML or JSON) describes.

    Raises:
        PipelineFileError: With every problem, in the order of the file's structure.
    """
    if not isinstance(data, Mapping):
        found = "nothing" if data is None else kind_of(data)
        raise PipelineFileError([Problem((), f"the file holds {found}", "a mapping with name and stages")])
    problems: list[Problem] = []
    parsed_gates = _gates(data, problems)
    model = _model(data, problems)
    if model is not None and not problems:
        problems += check(model, parsed_gates)
    if model is None or problems:
        raise PipelineFileError(problems)
    pipeline = _pipeline(model, parsed_gates)
    size = len(pipeline.to_text().encode())
    if size > DATA_LIMIT_BYTES:
        raise PipelineFileError([Problem((), f"the pipeline has {size} bytes", f"at most {DATA_LIMIT_BYTES}")])
    return pipeline


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pipeline file, for editors; a gate's part is that of a gate file."""
    from buildgate.inbound import gate_file  # noqa: PLC0415  # only the schema needs it, never a function

    schema = PipelineModel.model_json_schema(mode="validation")
    definitions = {**schema.pop("$defs"), **gate_file.json_schema()["$defs"]}
    stage, approval = definitions["StageModel"]["properties"], definitions["ApprovalModel"]["properties"]
    stage["gates"]["items"] = {"$ref": "#/$defs/gate"}
    for properties, name in ((stage, "on-failure"), (approval, "allow-self")):
        properties[name.replace("-", "_")] = {**properties[name], "description": f"The same as {name}."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


# ---------------------------------------------------------------------------------------------- shape


def _model(data: Mapping[str, Any], problems: list[Problem]) -> PipelineModel | None:
    try:
        return PipelineModel.model_validate(data)
    except ValidationError as error:
        found = [problem_of(detail, data) for detail in error.errors(include_url=False)]
        problems += without_consequences(found)
        return None


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
                problems += [problem_of_gate(at, *problem) for problem in error.problems]
    return found


# ---------------------------------------------------------------------------------------------- into the domain


def _pipeline(model: PipelineModel, parsed: Mapping[int, Sequence[Gate]]) -> Pipeline:
    return Pipeline(
        name=model.name,
        description=model.description,
        tags=model.tags,
        topics={kind: arn for kind, arn in model.topics if arn is not None},
        notify=model.notify,
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
        mode=model.mode or ("parallel" if model.lock is None else "queued"),
        lock=model.lock or "",
        wait_minutes=WAIT_MINUTES if model.wait is None else minutes_of(model.wait) or 1,
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


__all__ = ["PipelineFileError", "Problem", "json_schema", "parse"]
