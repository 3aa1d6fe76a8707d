"""Asks the rules what a run does next, writes what that opens or closes, and tells the state machine the move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.errors import Corrupt, NotFound
from buildgate.domain.gates.comparison import head_of
from buildgate.domain.gates.people import people_results
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.runs import RunRecord, RunStatus, StageAttempt, StageStatus
from buildgate.domain.slots import Slot, SlotState
from buildgate.domain.steps import (
    Arrive,
    AwaitTurn,
    Begin,
    Close,
    Finish,
    HandOver,
    JudgeGates,
    Park,
    RunBuilds,
    decide,
    new_slots,
    spent_events,
    stage_at_work,
)
from buildgate.ports import Approvals, Clock, Executions, Pipelines, Runs
from buildgate.usecases.gate_ports import Judgements
from buildgate.usecases.take_turns import TakeTurns

_ROUNDS = 200

Move = RunBuilds | JudgeGates | Park | AwaitTurn | HandOver | Close


@dataclass(frozen=True, slots=True)
class NextStep:
    """One call, one move. Safe to repeat: the record decides, and every write is conditional."""

    pipelines: Pipelines
    runs: Runs
    approvals: Approvals
    executions: Executions
    judgements: Judgements
    turns: TakeTurns
    clock: Clock
    time_scale: float = 1.0

    def __call__(self, run_id: str, *, execution: str = "") -> tuple[RunRecord, Move]:
        """Return the record and the move that the state machine makes next.

        Args:
            run_id: The run.
            execution: The name of the execution that asks; one that was taken over hands over and drives no more.

        Raises:
            NotFound: There is no such run.
            Corrupt: The run's pinned pipeline version is gone, or the rules do not come to an end.
        """
        for _ in range(_ROUNDS):
            record, pipeline = self._load(run_id)
            if execution not in {"", record.run.execution_name} and not record.run.status.is_final:
                self.executions.start(record.run)
                return record, HandOver()
            now = self.clock.now()
            at_work = stage_at_work(record, pipeline)
            lane = self.turns.lane(record, at_work[0]) if at_work else None
            step = decide(record, pipeline, now=now, time_scale=self.time_scale, lane=lane)
            match step:
                case Begin():
                    self._leave_before(record, pipeline, step)
                    self._begin(record, step, now)
                case Arrive():
                    stage = pipeline.stages[step.stage.index]
                    self.turns.arrive(record, stage, step.stage, is_ready=step.is_ready)
                case Finish():
                    self._finish(record, pipeline, step, now)
                case HandOver():
                    return record, self._hand_over(record)
                case _:
                    self.runs.spend_events(run_id, spent_events(step))
                    return record, step
        raise Corrupt(f"run {run_id} does not come to a move")

    def _load(self, run_id: str) -> tuple[RunRecord, Pipeline]:
        record = self.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}")
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version)
        if pipeline is None:
            raise Corrupt(f"version {record.run.version} of pipeline {record.run.pipeline} is gone")
        if record.run.status is RunStatus.QUEUED:
            self.runs.mark_running(run_id, now=self.clock.now())
        return record, pipeline

    def _leave_before(self, record: RunRecord, pipeline: Pipeline, step: Begin) -> None:
        """Leave the lane of the stage before this one, if it has one: again, if a crash came between."""
        before = record.latest(step.index - 1) if step.index else None
        if before is not None and pipeline.stages[before.index].mode != "parallel":
            self.turns.leave_stage(record, pipeline.stages[before.index], before)

    def _begin(self, record: RunRecord, step: Begin, now: datetime) -> None:
        run_id = record.run.run_id
        attempt = StageAttempt(step.index, 1, step.stage.name, StageStatus.RUNNING, now)
        projects = {build.name: build.project for build in step.stage.builds}
        slots = [
            Slot(ref, projects[ref.name], SlotState.WAITING, stage_name=step.stage.name)
            for ref in new_slots(run_id, step)
        ]
        self.runs.begin_stage(run_id, attempt, slots)

    def _finish(self, record: RunRecord, pipeline: Pipeline, step: Finish, now: datetime) -> None:
        for result in people_results(record, pipeline.stages[step.stage.index], step.stage, now=now):
            self.runs.store_gate(record.run.run_id, result)
            self.judgements.note(head_of(record.run, step.stage.name, result.verdict, at=result.evaluated_at, ref=None))
        if step.status in {StageStatus.EXPIRED, StageStatus.SUPERSEDED}:
            by = step.superseded_by
            for approval in record.approvals:
                if approval.ref.stage == step.stage.index and not approval.is_decided:
                    self.approvals.end(approval.ref, ApprovalStatus(step.status), superseded_by=by)
        stage = step.stage
        finished = replace(stage, status=step.status, reason=step.reason, is_allowed=step.is_allowed, finished_at=now)
        self.runs.finish_stage(record.run.run_id, finished)

    def _hand_over(self, record: RunRecord) -> HandOver:
        self.executions.start(self.runs.begin_execution(record.run, is_resume=False))
        return HandOver()
