"""Runs, stages, slots and gates as items of the table, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buildgate.adapters.table import keys
from buildgate.domain.runs import GateResult, Run, RunStatus, Source, StageAttempt, StageStatus, StopRequest
from buildgate.domain.times import from_text, to_text

if TYPE_CHECKING:
    from buildgate.domain.gates.record import JudgementRef

_VERDICT_BYTES = 250_000
_OBJECTIVES_KEPT = 100
"""An item may have 400 KB; letters beyond ASCII and attribute types take more than they look like."""


def run_item(run: Run) -> dict[str, Any]:
    """Return a run's head item; the list index gets its pipeline and start, the work index its next look."""
    source = run.source
    return {
        "pk": keys.run(run.run_id),
        "sk": keys.RUN,
        "g1p": keys.pipeline(run.pipeline),
        "g1s": place_of(run),
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "version": run.version,
        "status": run.status.value,
        "reason": run.reason,
        "provider": source.provider,
        "repository": source.repository,
        "ref_type": source.ref_type,
        "ref": source.ref,
        "commit": source.commit,
        "old_commit": source.old_commit,
        "actor": source.actor,
        "message": source.message,
        "authors": list(source.authors),
        "started_at": to_text(run.opened_at),
        "due_at": to_text(run.due_at),
        "finished_at": None if run.finished_at is None else to_text(run.finished_at),
        "trigger": run.trigger,
        "correlation_id": run.correlation_id,
        "executions": run.executions,
        "resumes": run.resumes,
        "spent_events": run.spent_events,
        "retry_of": run.retry_of,
        "facts": _facts(run),
    }


def place_of(run: Run) -> str:
    """Return the sort key of a run in its pipeline's list."""
    return f"R#{to_text(run.opened_at)}#{run.run_id}"


def _facts(run: Run) -> dict[str, str]:
    """Return what analyses read beside the list's columns: one attribute, for an index projects twenty at most."""
    committed = run.source.committed_at
    known = {"retry_of": run.retry_of, "committed_at": "" if committed is None else to_text(committed)}
    return {name: value for name, value in known.items() if value}


def run_of(item: dict[str, Any]) -> Run:
    """Return the run of an item; a list index carries only a part of it, the rest is empty then."""
    stop, facts = item.get("stop"), item.get("facts") or {}
    return Run(
        run_id=item["run_id"],
        pipeline=item["pipeline"],
        version=item["version"],
        status=RunStatus(item["status"]),
        source=Source(
            provider=item.get("provider", ""),
            repository=item.get("repository", ""),
            ref_type=item.get("ref_type", ""),
            ref=item.get("ref", ""),
            commit=item.get("commit", ""),
            old_commit=item.get("old_commit", ""),
            actor=item.get("actor", ""),
            message=item.get("message", ""),
            authors=tuple(item.get("authors", ())),
            committed_at=from_text(facts["committed_at"]) if facts.get("committed_at") else None,
        ),
        opened_at=from_text(item["started_at"]),
        due_at=from_text(item.get("due_at", item["started_at"])),
        trigger=item.get("trigger", ""),
        correlation_id=item.get("correlation_id", ""),
        reason=item.get("reason", ""),
        finished_at=from_text(item["finished_at"]) if item.get("finished_at") else None,
        executions=item.get("executions", 1),
        resumes=item.get("resumes", 0),
        spent_events=item.get("spent_events", 0),
        stop=StopRequest(stop["actor"], stop.get("comment", ""), from_text(stop["at"])) if stop else None,
        retry_of=item.get("retry_of") or facts.get("retry_of", ""),
        superseded_by=item.get("superseded_by", ""),
    )


def stage_item(run_id: str, stage: StageAttempt) -> dict[str, Any]:
    return {
        "pk": keys.run(run_id),
        "sk": keys.stage(stage.index, stage.attempt),
        "name": stage.name,
        "status": stage.status.value,
        "started_at": to_text(stage.started_at),
        "finished_at": None if stage.finished_at is None else to_text(stage.finished_at),
        "reason": stage.reason,
        "is_allowed": stage.is_allowed,
    }


def stage_of(item: dict[str, Any]) -> StageAttempt:
    _, index, attempt = item["sk"].split("#")
    return StageAttempt(
        index=int(index),
        attempt=int(attempt[1:]),
        name=item["name"],
        status=StageStatus(item["status"]),
        started_at=from_text(item["started_at"]),
        finished_at=from_text(item["finished_at"]) if item.get("finished_at") else None,
        reason=item.get("reason", ""),
        is_allowed=item.get("is_allowed", False),
    )


def gate_item(run_id: str, result: GateResult) -> dict[str, Any]:
    return {
        "pk": keys.run(run_id),
        "sk": keys.gate(result.stage, result.attempt, result.name),
        "verdict": _fitting(result.verdict.to_data()),
        "evaluated_at": to_text(result.evaluated_at),
        "judgement": judgement_ref_item(result.judgement),
    }


def _fitting(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict that fits an item: of a very large one the objectives that hold are in the judgement alone."""
    if len(json.dumps(verdict)) <= _VERDICT_BYTES:
        return verdict
    held = [one for one in verdict["objectives"] if one["status"] == "pass"]
    rest = [one for one in verdict["objectives"] if one["status"] != "pass"][:_OBJECTIVES_KEPT]
    said = f"{len(verdict['objectives']) - len(rest)} objectives are not shown here, {len(held)} of them hold"
    notes = [*verdict.get("notes", []), f"{said}: the whole judgement has them"]
    return verdict | {"objectives": rest, "reasons": verdict["reasons"][:_OBJECTIVES_KEPT], "notes": notes}


def judgement_ref_item(ref: JudgementRef | None) -> dict[str, str] | None:
    return None if ref is None else {"key": ref.key, "version_id": ref.version_id, "sha256": ref.sha256}


def judgement_ref_of(data: dict[str, str] | None) -> JudgementRef | None:
    from buildgate.domain.gates.record import JudgementRef  # noqa: PLC0415 - most who read runs read no judgement

    return None if data is None else JudgementRef(data["key"], data.get("version_id", ""), data.get("sha256", ""))


def gate_of(item: dict[str, Any]) -> GateResult:
    from buildgate.domain.gates import Verdict  # noqa: PLC0415 - most who read runs read no verdict

    index, attempt, name = keys.parse_stage(item["sk"])
    verdict, at = Verdict.from_data(item["verdict"]), from_text(item["evaluated_at"])
    return GateResult(index, attempt, name, verdict, at, judgement_ref_of(item.get("judgement")))
