"""What a run does next: a pure decision from what the table holds.

The order inside a stage: entry, builds in parallel, automated gates, then the stage's end. The gates judge failed
builds too, so that a failure comes with a reason that names the measured value and its report. A queued stage waits for
its turn and then for its approval, a superseded one the other way round: what waits for people keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildgate.domain.approvals import ENTRY, Approval, ApprovalStatus
from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.durations import text_of
from buildgate.domain.gates.people import automated, is_asked, is_tolerated, people_results
from buildgate.domain.gates.people import said_of as said_of_gate
from buildgate.domain.lanes import Lane, Standing, TurnRef, Where, lane_of, said_of, standing
from buildgate.domain.pipelines import ApprovalRule, Pipeline, Stage
from buildgate.domain.runs import (
    EXECUTION_EVENTS_LIMIT,
    GateResult,
    RunRecord,
    RunStatus,
    StageAttempt,
    StageStatus,
    wait_seconds,
)
from buildgate.domain.slots import Slot
from buildgate.domain.times import to_words

_GATE_SECONDS = 900
_RUN_MARGIN_SECONDS = 3600
_EVENTS_PER_BUILD = 14
_EVENTS_PER_STEP = 12


@dataclass(frozen=True, slots=True)
class Begin:
    """Open a stage: write its attempt and a slot for each of its builds, then decide again."""

    index: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class Finish:
    """Close a stage with a status and a reason, then decide again."""

    stage: StageAttempt
    status: StageStatus
    reason: str
    is_allowed: bool = False
    superseded_by: str = ""


@dataclass(frozen=True, slots=True)
class RunBuilds:
    """Start, or go on waiting for, the builds of a stage."""

    slots: Sequence[Slot]
    max_concurrency: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class JudgeGates:
    """Evaluate the gates of a stage that have no verdict yet."""

    stage: StageAttempt
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Park:
    """Wait for people: one approval of a stage."""

    stage: StageAttempt
    name: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Arrive:
    """Take a turn in the stage's lane, or say that nothing but the lane is waited for now; then decide again."""

    stage: StageAttempt
    is_ready: bool


@dataclass(frozen=True, slots=True)
class AwaitTurn:
    """Wait for other runs: the lane of a stage is taken."""

    ref: TurnRef
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """The execution's history grows long: a new execution continues."""


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing is left to do: the run is judged and closed."""

    reason: str


Step = Begin | Finish | Arrive | RunBuilds | JudgeGates | Park | AwaitTurn | HandOver | Close


@dataclass(frozen=True, slots=True)
class Moment:
    """When a decision is made: the time, how many times faster than written it runs, and the lane of the stage."""

    now: datetime
    time_scale: float = 1.0
    lane: Lane | None = None

    def seconds(self, minutes: float) -> float:
        """Return how many seconds a wait of so many written minutes takes."""
        return minutes * 60 / self.time_scale


def stage_at_work(record: RunRecord, pipeline: Pipeline) -> tuple[Stage, StageAttempt] | None:
    """Return the stage that a run is in, if it is in one."""
    found = ((stage, record.latest(index)) for index, stage in enumerate(pipeline.stages))
    return next(((s, a) for s, a in found if a is not None and a.status is StageStatus.RUNNING), None)


def turn_ref(record: RunRecord, attempt: StageAttempt) -> TurnRef:
    """Return the name of a stage attempt's turn in its lane."""
    return TurnRef(record.run.run_id, attempt.index, attempt.attempt)


def decide(
    record: RunRecord, pipeline: Pipeline, *, now: datetime, time_scale: float = 1.0, lane: Lane | None = None
) -> Step:
    """Return the next step of a run. Pure: the same record, lane and time give the same step.

    Args:
        record: Everything known of the run.
        pipeline: The version the run is pinned to.
        now: The moment of the decision.
        time_scale: How many times faster than written approvals expire (a local cloud's ``--speed``).
        lane: The lane of the stage that the run is in, where that stage has one.
    """
    run = record.run
    if run.status.is_final:
        return Close(f"the run is {run.status}")
    if run.stop is not None:
        return Close(f"stopped by {run.stop.actor}")
    if now >= run.due_at:
        return Close("the run's deadline has passed")
    for index, stage in enumerate(pipeline.stages):
        attempt = record.latest(index)
        if attempt is None:
            return Begin(index, stage)
        if attempt.status is StageStatus.RUNNING:
            step = _decide_stage(record, stage, attempt, Moment(now, time_scale, lane))
            return HandOver() if _is_long(record, step) else step
        if not may_continue(attempt):
            return Close(f"stage {stage.name} is {attempt.status}")
    return Close("every stage is done")


def may_continue(attempt: StageAttempt) -> bool:
    """Return whether the run goes on after this stage attempt."""
    return attempt.status in {StageStatus.SUCCEEDED, StageStatus.CARRIED} or attempt.is_allowed


def _is_long(record: RunRecord, step: Step) -> bool:
    return (
        isinstance(step, RunBuilds | JudgeGates | Park | AwaitTurn) and record.run.spent_events > EXECUTION_EVENTS_LIMIT
    )


def spent_events(step: Step) -> int:
    """Return about how many history events a step adds to its execution (25,000 are the platform's limit)."""
    if isinstance(step, RunBuilds):
        return _EVENTS_PER_STEP + _EVENTS_PER_BUILD * len(step.slots)
    if isinstance(step, JudgeGates):
        return _EVENTS_PER_STEP + _EVENTS_PER_BUILD * len(step.names)
    return _EVENTS_PER_STEP


def _decide_stage(record: RunRecord, stage: Stage, attempt: StageAttempt, at: Moment) -> Step:
    entering = _decide_entry(record, stage, attempt, at)
    if entering is not None:
        return entering
    slots = record.slots_of(attempt)
    if any(not slot.is_settled for slot in slots):
        still = [slot for slot in slots if not slot.is_settled]
        return RunBuilds(still, stage.concurrency, wait_seconds(stage.timeout_minutes))
    judged = record.gates_of(attempt)
    known = {one.name for one in judged}
    unjudged = [gate.name for gate in stage.gates if gate.manual is None and gate.name not in known]
    if unjudged:
        return JudgeGates(attempt, unjudged)
    ended = judge_stage(stage, attempt, slots, judged)
    if ended.status is not StageStatus.SUCCEEDED:
        return ended
    waiting = _decide_manual_gates(record, stage, attempt, at)
    return waiting or judge_stage(stage, attempt, slots, [*judged, *people_results(record, stage, attempt, now=at.now)])


def _decide_entry(record: RunRecord, stage: Stage, attempt: StageAttempt, at: Moment) -> Step | None:
    """Return what keeps a run from entering its stage; None when it is in."""
    if stage.mode == "parallel":
        return _decide_entry_approval(record, stage, attempt, at)
    lane = at.lane or Lane(lane_of(record.run.pipeline, stage))
    stands = standing(lane, turn_ref(record, attempt))
    is_ready_at_once = stage.mode == "queued" or stage.approval is None
    if stands.where is Where.SUPERSEDED:
        return _superseded(attempt, stands.behind)
    if stands.turn is None:
        return Arrive(attempt, is_ready_at_once)
    if stands.where is Where.WAITING and is_ready_at_once:
        return _await_turn(stage, attempt, stands, at)
    asking = _decide_entry_approval(record, stage, attempt, at)
    if asking is not None or stands.where is Where.HOLDING:
        return asking
    return _await_turn(stage, attempt, stands, at) if stands.turn.is_ready else Arrive(attempt, is_ready=True)


def _superseded(attempt: StageAttempt, run_id: str) -> Finish:
    return Finish(attempt, StageStatus.SUPERSEDED, f"superseded by run {run_id}", superseded_by=run_id)


def _await_turn(stage: Stage, attempt: StageAttempt, stands: Standing, at: Moment) -> Step:
    """Wait on, or end the stage of a run that has waited for too long."""
    if stands.turn is None:
        return Arrive(attempt, is_ready=True)
    ends_at = stands.turn.since + timedelta(seconds=at.seconds(stage.wait_minutes))
    if at.now >= ends_at:
        behind = f" behind run {stands.behind}" if stands.behind else ""
        waited = f"waited {text_of(stage.wait_minutes)} for {said_of(at.lane.key) if at.lane else 'its turn'}"
        return Finish(attempt, StageStatus.EXPIRED, f"{waited}{behind}")
    return AwaitTurn(stands.turn.ref, max(1, round((ends_at - at.now).total_seconds())))


def _decide_entry_approval(record: RunRecord, stage: Stage, attempt: StageAttempt, at: Moment) -> Step | None:
    if stage.approval is None:
        return None
    full = at.seconds(stage.approval.timeout_minutes)
    return _decide_approval(record.approval_of(attempt, ENTRY), attempt, ENTRY, full, at.now)


def _decide_manual_gates(record: RunRecord, stage: Stage, attempt: StageAttempt, at: Moment) -> Step | None:
    """Ask people only about what the machine let pass; one gate after another."""
    judged = automated(stage, record.gates_of(attempt))
    for gate in stage.gates:
        if gate.manual is None or not is_asked(gate, judged):
            continue
        full = at.seconds(gate.manual.timeout_minutes)
        waiting = _decide_approval(record.approval_of(attempt, gate.name), attempt, gate.name, full, at.now)
        if waiting is not None and not (isinstance(waiting, Finish) and is_tolerated(gate)):
            return waiting
    return None


def approval_rule(stage: Stage, name: str) -> ApprovalRule | None:
    """Return who decides an approval of a stage: its entry's rule, or the rule of its manual gate of that name."""
    if name == ENTRY:
        return stage.approval
    manual = next((gate.manual for gate in stage.gates if gate.name == name), None)
    if manual is None:
        return None
    checks = "".join(f"\n- {check}" for check in manual.checklist)
    return ApprovalRule(
        approvers=manual.approvers,
        required=manual.required,
        timeout_minutes=manual.timeout_minutes,
        channel="mailbox" if manual.required > 1 else "link",
        instructions=f"{manual.instructions}{checks}".strip(),
    )


def _decide_approval(
    approval: Approval | None, attempt: StageAttempt, name: str, full_seconds: float, now: datetime
) -> Step | None:
    """Return what an approval makes the stage do; None lets it go on."""
    if approval is None:
        return Park(attempt, name, max(1, round(full_seconds)))
    if approval.status is ApprovalStatus.APPROVED:
        return None
    if approval.status is ApprovalStatus.REJECTED:
        last = approval.decisions[-1]
        said = f": {last.comment}" if last.comment else ""
        return Finish(attempt, StageStatus.REJECTED, f"rejected by {last.actor}{said}")
    if approval.status is ApprovalStatus.SUPERSEDED:
        return _superseded(attempt, approval.superseded_by)
    if approval.status in {ApprovalStatus.EXPIRED, ApprovalStatus.CANCELLED} or now >= approval.due_at:
        return Finish(attempt, StageStatus.EXPIRED, f"nobody decided before {to_words(approval.due_at)}")
    return Park(attempt, name, max(1, round((approval.due_at - now).total_seconds())))


def judge_stage(stage: Stage, attempt: StageAttempt, slots: Sequence[Slot], gates: Sequence[GateResult]) -> Finish:
    """Return how a stage ended whose builds are settled and whose gates have spoken."""
    failed = [slot for slot in slots if slot.build_status is not BuildStatus.SUCCEEDED]
    blocked = [gate for gate in gates if gate.verdict.is_blocking]
    reasons = [f"gate {gate.name}: {reason}" for gate in blocked for reason in gate.verdict.reasons]
    reasons += [f"build {slot.ref.name} {slot.build_status or 'FAULT'}{_because(slot)}" for slot in failed]
    if not reasons:
        done = [f"{len(slots)} {'build' if len(slots) == 1 else 'builds'} succeeded"] if slots else []
        passed = [said_of_gate(gate) for gate in gates]
        return Finish(attempt, StageStatus.SUCCEEDED, ", ".join(done + passed) or "nothing to build")
    return Finish(attempt, StageStatus.FAILED, "; ".join(reasons), is_allowed=stage.on_failure == "continue")


def _because(slot: Slot) -> str:
    return f" ({slot.reason})" if slot.reason else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ends, and why."""

    status: RunStatus
    reason: str


def judge_run(record: RunRecord, pipeline: Pipeline, *, now: datetime, error: str = "") -> Outcome:
    """Return how a run ends, from what the table holds and not from what the state machine believes.

    Args:
        record: Everything known of the run.
        pipeline: The version it is pinned to.
        now: The moment of closing.
        error: What made the state machine give up, when it did.
    """
    run = record.run
    if run.stop is not None:
        said = f": {run.stop.comment}" if run.stop.comment else ""
        return Outcome(RunStatus.STOPPED, f"stopped by {run.stop.actor}{said}")
    attempts = [record.latest(index) for index in range(len(pipeline.stages))]
    for attempt in attempts:
        if attempt is not None and attempt.status is not StageStatus.RUNNING and not may_continue(attempt):
            return Outcome(RunStatus(attempt.status), f"stage {attempt.name}: {attempt.reason}")
    if all(attempt is not None and may_continue(attempt) for attempt in attempts):
        allowed = [attempt for attempt in attempts if attempt is not None and attempt.is_allowed]
        noted = "".join(f"; stage {attempt.name} failed and may: {attempt.reason}" for attempt in allowed)
        noted += "".join(f"; {said_of_gate(one)}" for one in record.gates if one.verdict.status not in {"pass", "warn"})
        return Outcome(RunStatus.SUCCEEDED, f"{len(attempts)} stages done{noted}")
    if now >= run.due_at:
        return Outcome(RunStatus.TIMED_OUT, f"not done by {to_words(run.due_at)}")
    return Outcome(RunStatus.FAILED, error or "the state machine ended before the stages were done")


def new_slots(run_id: str, step: Begin) -> list[SlotRef]:
    """Return the slots that opening a stage creates."""
    return [SlotRef(run_id, step.index, 1, build.name) for build in step.stage.builds]


def run_due_at(pipeline: Pipeline, opened_at: datetime) -> datetime:
    """Return the moment by which a run must have ended: all its bounded waits one after another, and an hour."""
    seconds = _RUN_MARGIN_SECONDS
    for stage in pipeline.stages:
        seconds += stage.wait_minutes * 60 if stage.mode != "parallel" else 0
        if stage.approval is not None:
            seconds += stage.approval.timeout_minutes * 60
        seconds += sum(gate.manual.timeout_minutes * 60 for gate in stage.gates if gate.manual is not None)
        rounds = -(-len(stage.builds) // max(1, stage.concurrency))
        seconds += rounds * wait_seconds(stage.timeout_minutes)
        seconds += _GATE_SECONDS if stage.gates else 0
    return opened_at + timedelta(seconds=seconds)
