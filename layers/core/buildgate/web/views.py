"""What the API shows: records as plain JSON, without tokens, nonces or capabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from buildgate.domain.approvals import Approval
from buildgate.domain.builds import BuildHead
from buildgate.domain.runs import Run, RunRecord, StageAttempt, StageStatus
from buildgate.domain.slots import Slot
from buildgate.domain.times import to_text
from buildgate.ports import PipelineHead, PipelineVersion
from buildgate.web.lane_views import said

if TYPE_CHECKING:
    from buildgate.web.answers import (
        ApprovalView,
        BuildView,
        GateView,
        PipelineHeadView,
        PipelineVersionView,
        RunView,
        RunWithStages,
        SlotView,
        StageView,
    )
    from buildgate.web.lane_answers import StandingView


def moment(at: datetime | None) -> str | None:
    return None if at is None else to_text(at)


def pipeline_head(head: PipelineHead) -> PipelineHeadView:
    return {
        "name": head.name,
        "version": head.version,
        "description": head.description,
        "repositories": [key.split(":", 1)[-1] for key in head.repositories],
        "applied_at": moment(head.applied_at),
        "applied_by": head.applied_by,
        "last_run_id": head.last_run_id,
        "last_run_status": head.last_run_status,
    }


def pipeline_version(version: PipelineVersion) -> PipelineVersionView:
    return {"version": version.version, "applied_at": moment(version.applied_at), "applied_by": version.applied_by}


def run(one: Run) -> RunView:
    source = one.source
    return {
        "run_id": one.run_id,
        "pipeline": one.pipeline,
        "version": one.version,
        "status": one.status.value,
        "reason": one.reason,
        "trigger": one.trigger,
        "repository": source.repository,
        "ref_type": source.ref_type,
        "ref": source.ref,
        "commit": source.commit,
        "old_commit": source.old_commit,
        "actor": source.actor,
        "message": source.message,
        "authors": list(source.authors),
        "started_at": moment(one.opened_at),
        "finished_at": moment(one.finished_at),
        "due_at": moment(one.due_at),
        "correlation_id": one.correlation_id,
        "retry_of": one.retry_of,
    }


def run_record(
    record: RunRecord, names: Sequence[str], heads: Mapping[str, BuildHead], lanes: Mapping[int, StandingView]
) -> RunWithStages:
    """Return a run with its stages.

    ``names`` are the pipeline's stages, so that those to come are shown too. ``lanes`` says of stages, by index, how the
    run stands to their lanes.
    """
    stages = []
    for index, name in enumerate(names):
        attempt = record.latest(index)
        shown = _stage_to_come(name) if attempt is None else _stage(record, attempt, heads)
        if index in lanes:
            shown["lane"] = lanes[index]
            shown["reason"] = shown["reason"] or said(lanes[index])
        stages.append(shown)
    return {**run(record.run), "stages": stages}


def _stage_to_come(name: str) -> StageView:
    return {"name": name, "status": "PENDING", "attempt": 0, "reason": "", "approval": None, "builds": [], "gates": []}


def _stage(record: RunRecord, attempt: StageAttempt, heads: Mapping[str, BuildHead]) -> StageView:
    asked = [a for a in record.approvals if (a.ref.stage, a.ref.attempt) == (attempt.index, attempt.attempt)]
    approvals = [approval(one) for one in sorted(asked, key=lambda one: one.asked_at)]
    return {
        "name": attempt.name,
        "status": _shown(record, attempt),
        "attempt": attempt.attempt,
        "reason": attempt.reason,
        "allowed": attempt.is_allowed,
        "started_at": moment(attempt.started_at),
        "finished_at": moment(attempt.finished_at),
        "approval": approvals[-1] if approvals else None,
        "approvals": approvals,
        "builds": [_slot(slot, heads.get(slot.build_id)) for slot in record.slots_of(attempt)],
        "gates": [cast("GateView", {"name": gate.name} | gate.verdict.to_data()) for gate in record.gates_of(attempt)],
    }


def _shown(record: RunRecord, attempt: StageAttempt) -> str:
    """Return a stage's status as people read it: a stage that a run's end cut short ended as the run did."""
    is_cut_short = attempt.status is StageStatus.RUNNING and record.run.status.is_final
    return record.run.status.value if is_cut_short else attempt.status.value


def _slot(slot: Slot, head: BuildHead | None) -> SlotView:
    status = slot.build_status.value if slot.build_status else (head.status.value if head else slot.state.value)
    shown: SlotView = {
        "name": slot.ref.name,
        "project": slot.project,
        "status": status,
        "state": slot.state.value,
        "reason": slot.reason,
        "build_id": slot.build_id,
        "duration_seconds": None,
        "cost_micro_usd": None,
        "phase": "",
        "started_at": None,
    }
    return {**shown, **build(head)} if head else shown


def build(head: BuildHead) -> BuildView:
    return {
        "build_id": head.build_id,
        "project": head.project,
        "duration_seconds": head.duration_seconds,
        "queue_seconds": head.queue_seconds,
        "cost_micro_usd": head.cost_micro_usd,
        "phase": head.current_phase,
        "started_at": moment(head.started_at),
        "finished_at": moment(head.ended_at),
        "log_link": head.log_link,
        "initiator": head.initiator,
        "commit": head.commit,
    }


def approval(one: Approval) -> ApprovalView:
    last = one.decisions[-1] if one.decisions else None
    return {
        "id": one.ref.to_text(),
        "run_id": one.ref.run_id,
        "pipeline": one.pipeline,
        "stage": one.stage_name,
        "name": one.ref.name,
        "status": one.status.value,
        "channel": one.channel.value,
        "approvers": list(one.approvers),
        "required": one.required,
        "instructions": one.instructions,
        "asked_at": moment(one.asked_at),
        "due_at": moment(one.due_at),
        "decided_by": last.actor if last else "",
        "identity": last.identity.value if last else "",
        "comment": last.comment if last else "",
        "superseded_by": one.superseded_by,
        "decisions": [
            {
                "decision": "approve" if one_.approve else "reject",
                "actor": one_.actor,
                "identity": one_.identity.value,
                "comment": one_.comment,
                "at": moment(one_.at),
            }
            for one_ in one.decisions
        ],
    }
