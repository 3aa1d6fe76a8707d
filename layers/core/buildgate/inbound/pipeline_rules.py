"""What must fit together in a pipeline whose values are each valid: names, triggers, approval rules, size."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from buildgate.domain.approvals import ENTRY
from buildgate.domain.pipelines import TASKS_LIMIT
from buildgate.inbound.pipeline_problems import Path, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from buildgate.domain.gates import Gate
    from buildgate.inbound.pipeline_models import ApprovalModel, PipelineModel, StageModel, TriggerModel


def check(model: PipelineModel, parsed: Mapping[int, Sequence[Gate]]) -> Iterator[Problem]:
    """Yield what does not fit together; `parsed` holds the gates by index of their stage."""
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
        if gate.manual and gate.manual.when == "warn" and all(one.manual for one in parsed):
            message = "nothing in this stage can warn, so nobody would ever be asked"
            yield Problem((*path, "gates", index, "manual", "when"), message, fix="add a gate with objectives")
    yield from _lane_problems(stage, path)
    if stage.approval is not None:
        yield from _approval_problems(stage.approval, (*path, "approval"))


def _lane_problems(stage: StageModel, path: Path) -> Iterator[Problem]:
    if stage.lock is not None and stage.mode == "parallel":
        message = f"a stage that runs in parallel with itself cannot hold the lock {stage.lock!r}"
        yield Problem((*path, "mode"), message, "queued or superseded", fix="set mode: queued, or leave mode out")
    if stage.wait is not None and stage.lock is None and stage.mode in {None, "parallel"}:
        message = "nothing is waited for: every run enters this stage at once"
        yield Problem((*path, "wait"), message, fix="add mode: queued (or superseded), or leave wait out")


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
