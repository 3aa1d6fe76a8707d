"""Notices about runs and approvals: their wording, and whether the end of a run is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildgate.domain.notices import Notice, NoticeRef, Topic, clip
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.runs import Run, RunStatus

_GATES_LIMIT = 1_000


def run_ended(run: Run, stages: Sequence[str], topic_arn: str = "", *, gates: Sequence[str] = ()) -> Notice:
    """Return the notice that a run succeeded, or that it did not and why; each gate says its line."""
    good = run.status is RunStatus.SUCCEEDED
    mark = {"SUCCEEDED": "✅", "FAILED": "❌", "TIMED_OUT": "❌"}.get(run.status, "⚪")
    where = f"{run.source.ref} at {run.source.commit[:10]}" if run.source.commit else run.source.ref
    return Notice(
        ref=NoticeRef(run.run_id, f"run-{run.status}"),
        topic=Topic.SUCCESS if good else Topic.FAILURE,
        title=f"{mark} {run.pipeline}: {run.status} ({where})",
        description=clip(run.reason),
        thread=run.run_id,
        next_steps=(f"buildgate run show {run.run_id}",),
        facts=_run_facts(run) | ({"stages": "; ".join(stages)} if stages else {}) | _gate_facts(gates),
        topic_arn=topic_arn,
        correlation_id=run.correlation_id,
    )


def is_news(run: Run, others: Sequence[Run]) -> bool:
    """Return whether a run turns its branch from good to bad or back; the first verdict on a branch is news.

    Args:
        run: The run that has ended.
        others: Runs of the same pipeline, in any order; those of other branches, later ones, and those that were
            stopped before they said anything are left out. One that a newer run superseded says nothing either.
    """
    silent = {RunStatus.STOPPED, RunStatus.SUPERSEDED}
    if run.status is RunStatus.SUPERSEDED:
        return False
    same = [one for one in others if (one.source.ref_type, one.source.ref) == (run.source.ref_type, run.source.ref)]
    spoke = [one for one in same if one.run_id < run.run_id and one.status.is_final and one.status not in silent]
    if not spoke:
        return True
    before = max(spoke, key=lambda one: one.run_id)
    return (before.status is RunStatus.SUCCEEDED) is not (run.status is RunStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for approval tells the approver."""

    approval_id: str
    stage: str
    due_at: datetime
    instructions: str
    link: str
    approver: str = ""
    topic_arn: str = ""
    gate: str = ""
    gates: tuple[str, ...] = ()


def approval_key(approval_id: str, approver: str) -> str:
    """Return the key of a request for approval: which approval, and who is asked (``all`` for a broadcast)."""
    return f"approval/{approval_id}/{approver or 'all'}"


def approval_of_key(key: str) -> str:
    """Return the approval's id of such a key, and nothing for another one."""
    kind, _, rest = key.partition("/")
    return rest.split("/", 1)[0] if kind == "approval" else ""


def approval_asked(run: Run, asked: Asked, *, now: datetime) -> Notice:
    """Return the message that asks for a decision; without a link it names the command instead."""
    key = approval_key(asked.approval_id, asked.approver)
    decide = asked.link or f"buildgate approval show {asked.approval_id}"
    facts = _run_facts(run) | {"approval": asked.approval_id, "expires in": _span(asked.due_at - now)}
    facts |= _gate_facts(asked.gates)
    what = f"gate {asked.gate} of stage {asked.stage}" if asked.gate else f"stage {asked.stage}"
    if asked.link:
        facts["link"] = asked.link
    said = f" {asked.instructions}" if asked.instructions else ""
    return Notice(
        ref=NoticeRef(run.run_id, key),
        topic=Topic.APPROVAL,
        title=f"⏸ {run.pipeline}: approve {what}?",
        description=clip(f"{what[0].upper()}{what[1:]} of {run.pipeline} waits for a decision.{said}"),
        thread=run.run_id,
        next_steps=(f"Look and decide: {decide}",),
        facts=facts,
        topic_arn=asked.topic_arn,
        approver=asked.approver,
        correlation_id=run.correlation_id,
    )


def _gate_facts(gates: Sequence[str]) -> dict[str, str]:
    return {"gates": shorten(redact("; ".join(gates)), limit=_GATES_LIMIT)} if gates else {}


def _run_facts(run: Run) -> dict[str, str]:
    source = run.source
    facts = {
        "pipeline": run.pipeline,
        "run": run.run_id,
        "repository": source.repository,
        source.ref_type or "ref": source.ref,
        "commit": source.commit[:12],
        "message": shorten(redact((source.message.splitlines() or [""])[0]), limit=120),
        "by": source.actor,
        "correlation": run.correlation_id,
    }
    return {name: redact(value) for name, value in facts.items() if value}


def _span(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
