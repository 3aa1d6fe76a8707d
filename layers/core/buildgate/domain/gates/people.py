"""What people decided at a manual gate, as a verdict like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.gates.judge import policy_hash
from buildgate.domain.gates.verdict import Status, Verdict
from buildgate.domain.runs import GateResult

if TYPE_CHECKING:
    from datetime import datetime

    from buildgate.domain.approvals import Approval
    from buildgate.domain.gates.model import Gate
    from buildgate.domain.pipelines import Stage
    from buildgate.domain.runs import RunRecord, StageAttempt


def is_tolerated(gate: Gate) -> bool:
    """Return whether the run goes on whatever the gate says."""
    return gate.is_advisory or gate.mode == "observe"


def people_results(record: RunRecord, stage: Stage, attempt: StageAttempt, *, now: datetime) -> list[GateResult]:
    """Return the verdicts of a stage's manual gates that are over and not stored yet, in the gates' order.

    They are dated by the last decision, or by the moment until which nobody decided: asking again gives the same.
    """
    known = {one.name for one in record.gates_of(attempt)}
    found = []
    for gate in stage.gates:
        approval = record.approval_of(attempt, gate.name)
        if gate.manual is None or gate.name in known or approval is None:
            continue
        if approval.is_decided or now >= approval.due_at:
            at = approval.decisions[-1].at if approval.decisions else approval.due_at
            found.append(GateResult(attempt.index, attempt.attempt, gate.name, verdict_of(gate, approval), at))
    return found


def verdict_of(gate: Gate, approval: Approval) -> Verdict:
    """Return pass for the full quorum, fail for a rejection, and inconclusive where nobody decided in time."""
    status, reason = _said(approval)
    checklist = gate.manual.checklist if gate.manual else ()
    asked = f"they were asked to check: {'; '.join(checklist)}"
    notes = [asked] if checklist and status == "pass" else []
    if status != "pass" and is_tolerated(gate):
        mode = "observe mode: this verdict would have stopped the run"
        notes.append("the gate is advisory: the run goes on" if gate.is_advisory else mode)
    return Verdict(
        gate=gate.name,
        status=status,
        is_blocking=status != "pass" and not is_tolerated(gate),
        score=None,
        objectives=(),
        reasons=(reason,),
        notes=tuple(notes),
        mode=gate.mode,
        is_advisory=gate.is_advisory,
        policy_hash=policy_hash(gate),
    )


def _said(approval: Approval) -> tuple[Status, str]:
    voices = [f"{one.actor} ({one.identity})" for one in approval.decisions if one.approve]
    if approval.status is ApprovalStatus.APPROVED:
        return "pass", f"approved by {', '.join(voices)}"
    if approval.status is ApprovalStatus.REJECTED:
        last = approval.decisions[-1]
        said = f": {last.comment}" if last.comment else ""
        return "fail", f"rejected by {last.actor} ({last.identity}){said}"
    had = f"{len(voices)} of {approval.required} approvals" if voices else "nobody decided"
    return "inconclusive", f"{had} before {approval.due_at.isoformat(timespec='seconds')}"


def said_of(result: GateResult) -> str:
    """Return a verdict in one line: what did not pass says why, and why the run goes on all the same."""
    verdict = result.verdict
    if verdict.status == "pass":
        return f"gate {result.name} pass"
    why = "" if verdict.is_blocking or verdict.status == "warn" else f" ({_leave(verdict)})"
    return f"gate {result.name} {verdict.status}{why}" + (f": {verdict.reasons[0]}" if verdict.reasons else "")


def _leave(verdict: Verdict) -> str:
    if verdict.is_advisory:
        return "advisory"
    return "observed" if verdict.mode == "observe" else "tolerated"
