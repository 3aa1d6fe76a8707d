"""Runs take turns in the lanes of their stages: they come, wait with a ticket, go in, leave, and hand the lane on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildgate.domain.approvals import ENTRY, ApprovalRef, ApprovalStatus
from buildgate.domain.errors import Conflict, Stopped
from buildgate.domain.lanes import Lane, Turn, TurnRef, Where, arrive, lane_of, leave, stage_key, standing, to_tell
from buildgate.domain.pipelines import Pipeline, Stage
from buildgate.domain.runs import RunRecord, StageAttempt, StageStatus
from buildgate.domain.slots import Slot
from buildgate.domain.steps import turn_ref
from buildgate.ports import Approvals, Clock, Executions, Pipelines, Runs
from buildgate.usecases.lane_ports import Lanes

LOOK_AGAIN = timedelta(minutes=1)
_TRIES = 20


@dataclass(frozen=True, slots=True)
class TakeTurns:
    """Every change of a lane is one conditional write; whoever is told of it afterwards is told again by ``reconcile``.

    Safe to repeat: coming twice, leaving twice and telling twice change nothing.
    """

    lanes: Lanes
    pipelines: Pipelines
    runs: Runs
    approvals: Approvals
    executions: Executions
    clock: Clock

    def lane(self, record: RunRecord, stage: Stage) -> Lane | None:
        """Return the lane of a stage, or None for a stage without."""
        key = lane_of(record.run.pipeline, stage)
        return self.lanes.lane(key) if key else None

    def arrive(self, record: RunRecord, stage: Stage, attempt: StageAttempt, *, is_ready: bool) -> None:
        """Let a run come to its stage's lane, and tell those who lose their turn to it.

        Raises:
            Rejected: Too many wait already.
            Conflict: Others kept changing the lane.
        """
        pipeline = record.run.pipeline
        ref, since = turn_ref(record, attempt), self.clock.now()
        turn = Turn(ref, stage_key(pipeline, stage.name), stage.mode, since, is_ready)
        self.change(lane_of(pipeline, stage), lambda lane: arrive(lane, turn), by=ref)

    def park(self, ref: TurnRef, token: str) -> str:
        """Keep the token of a run that waits for its turn; returns what happened, in words.

        The token is stored first and the lane read then, while whoever hands the lane on does it the other way round.

        Raises:
            Stopped: The run is being stopped or has ended.
        """
        self.lanes.park(ref, token)
        record = self.runs.record(ref.run_id)
        if record is None or record.run.is_ending:
            raise Stopped(f"run {ref.run_id} is being stopped or has ended: it waits for no turn")
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version)
        lane = self.lane(record, pipeline.stages[ref.stage]) if pipeline else None
        stands = standing(lane, ref) if lane else None
        if stands is None or stands.where is not Where.WAITING:
            self._answer(ref)
            return "the wait is over"
        return f"waits behind {stands.behind}" if stands.behind else "waits"

    def leave(self, record: RunRecord, pipeline: Pipeline) -> None:
        """Let a run leave the lanes of stages that it has ended, or all when it has ended itself.

        A lane is kept while a build of its stage may still run: ``reconcile`` sees to that, and hands it on then.
        """
        for index, stage in enumerate(pipeline.stages):
            attempt = record.latest(index)
            if stage.mode == "parallel" or attempt is None or attempt.status is StageStatus.CARRIED:
                continue
            if record.run.status.is_final or attempt.status is not StageStatus.RUNNING:
                self.leave_stage(record, stage, attempt)

    def leave_stage(self, record: RunRecord, stage: Stage, attempt: StageAttempt) -> None:
        """Let a run leave the lane of one stage, unless a build of it may still run."""
        ref = turn_ref(record, attempt)
        has_open = any(is_open(slot) for slot in record.slots_of(attempt))
        self.change(lane_of(record.run.pipeline, stage), lambda lane: left(lane, ref, has_open=has_open), by=ref)

    def change(self, key: str, change: Callable[[Lane], Lane], *, by: TurnRef | None = None) -> None:
        """Change a lane, trying again when others change it meanwhile, and tell whom it concerns but the changer."""
        for _ in range(_TRIES):
            before = self.lanes.lane(key)
            after = change(before)
            if after is before:
                return
            told = to_tell(before, after)
            try:
                self.lanes.store(after, look_at=self._soon(), lost=[turn for turn in told if turn.superseded_by])
            except Conflict:
                continue
            for turn in told:
                if turn.ref != by:
                    self.tell(turn)
            return
        raise Conflict(f"lane {key}: others changed it {_TRIES} times")

    def tell(self, turn: Turn) -> bool:
        """Let a run go on whose wait is over; False when it was told before. Safe to repeat."""
        if not turn.superseded_by:
            return self._answer(turn.ref)
        ref = ApprovalRef(turn.ref.run_id, turn.ref.stage, turn.ref.attempt, ENTRY)
        self.approvals.end(ref, ApprovalStatus.SUPERSEDED, superseded_by=turn.superseded_by)
        approval = self.approvals.get(ref)
        if approval is not None and approval.token and not approval.is_delivered:
            self.executions.succeed(approval.token)
            self.approvals.mark_delivered(ref, token=approval.token)
            return True
        return self._answer(turn.ref)

    def _answer(self, ref: TurnRef) -> bool:
        ticket = self.lanes.ticket(ref)
        if ticket is None or ticket.is_delivered:
            return False
        self.executions.succeed(ticket.token)
        self.lanes.mark_delivered(ticket)
        return True

    def _soon(self) -> datetime:
        return self.clock.now() + LOOK_AGAIN


def left(lane: Lane, ref: TurnRef, *, has_open: bool) -> Lane:
    """Return the lane without a run; its holder stays while a build of its stage may still run."""
    if has_open and lane.holder is not None and lane.holder.ref == ref:
        return lane
    return leave(lane, ref)


def is_open(slot: Slot) -> bool:
    """Return whether the build of a slot may still run: it was asked for, and its end is not known."""
    if slot.parked_at is None and not slot.build_id:
        return False
    return not slot.is_settled or not slot.build_id
