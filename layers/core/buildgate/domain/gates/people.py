"""What people decided at a manual gate, as a verdict like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.builds import BuildStatus
from buildgate.domain.gates.judge import policy_hash
from buildgate.domain.gates.verdict import Status, Verdict
from buildgate.domain.runs import GateResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from buildgate.domain.approvals import Approval
    from buildgate.domain.gates.model import Gate
    from buildgate.domain.pipelines import Stage
    from buildgate.domain.runs import RunRecord, StageAttempt


def is_tolerated(gate: Gate) -> bool:
    """Return whether the run goes on whatever the gate says."""
    return gate.is_advisory or gate.mode == "observe"


def is_asked(gate: Gate, judged: Sequence[GateResult]) -> bool:
    """Return whether people have to decide a manual gate, after the stage's automated gates have spoken."""
    if gate.manual is None:
        return False
    return gate.manual.when == "always" or not judged or any(one.verdict.status != "pass" for one in judged)


def people_results(record: RunRecord, stage: Stage, attempt: StageAttempt, *, now: datetime) -> list[GateResult]:
    """Return the verdicts of a stage's manual gates that are over and not stored yet, in the gates' order.

    They are dated by the last decision, or by the moment until which nobody decided; one that nobody had to decide by the
    last automated verdict. So asking again gives the same.
    """
    stored = record.gates_of(attempt)
    known, judged = {one.name for one in stored}, automated(stage, stored)
    is_built = all(slot.build_status is BuildStatus.SUCCEEDED for slot in record.slots_of(attempt))
    found = []
    for gate in stage.gates:
        approval = record.approval_of(attempt, gate.name)
        if gate.manual is None or gate.name in known:
            continue
        if is_built and judged and not is_asked(gate, judged):
            at = max(one.evaluated_at for one in judged)
            found.append(GateResult(attempt.index, attempt.attempt, gate.name, _unasked(gate), at))
        if approval is None:
            continue
        if approval.is_decided or now >= approval.due_at:
            at = approval.decisions[-1].at if approval.decisions else approval.due_at
            found.append(GateResult(attempt.index, attempt.attempt, gate.name, verdict_of(gate, approval), at))
    return found


def automated(stage: Stage, results: Sequence[GateResult]) -> list[GateResult]:
    """Return the verdicts of a stage's automated gates."""
    names = {gate.name for gate in stage.gates if gate.manual is None}
    return [one for one in results if one.name in names]


def _unasked(gate: Gate) -> Verdict:
    return Verdict(
        gate=gate.name,
        status="pass",
        is_blocking=False,
        score=None,
        objectives=(),
        reasons=("nobody had to be asked: every automated gate of the stage passed",),
        mode=gate.mode,
        is_advisory=gate.is_advisory,
        policy_hash=policy_hash(gate),
    )


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
