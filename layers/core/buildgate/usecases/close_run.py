"""Ends a run: judges it from the table, stops what still runs, tells people; also when its execution died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from buildgate.domain.approvals import ApprovalStatus
from buildgate.domain.errors import Conflict, NotFound
from buildgate.domain.gates.people import said_of
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.redaction import redact
from buildgate.domain.run_notices import is_news, run_ended
from buildgate.domain.runs import MAX_RESUMES, Run, RunRecord, RunStatus
from buildgate.domain.steps import Outcome, judge_run
from buildgate.ports import Approvals, Clock, Executions, Launcher, Pipelines, Runs
from buildgate.usecases.send_notice import SendNotice
from buildgate.usecases.take_turns import TakeTurns

_LOOKED_BACK = 50


@dataclass(frozen=True, slots=True)
class CloseRun:
    """Closes runs. Safe to repeat: the first final status stands, and cleaning up twice changes nothing."""

    pipelines: Pipelines
    runs: Runs
    approvals: Approvals
    launcher: Launcher
    executions: Executions
    turns: TakeTurns
    send: SendNotice
    clock: Clock

    def __call__(self, run_id: str, *, error: str = "") -> Run:
        """Judge and close a run, then stop its builds, end its approvals and send its notice.

        Raises:
            NotFound: There is no such run.
        """
        record, pipeline = self._load(run_id)
        if not record.run.status.is_final:
            now = self.clock.now()
            outcome = _gone() if pipeline is None else judge_run(record, pipeline, now=now, error=redact(error))
            return self._end(record, pipeline, outcome)
        self._finish(record, pipeline)
        return record.run

    def execution_died(
        self, run_id: str, *, execution_name: str, status: str, is_interrupted: bool = False
    ) -> tuple[Run, str]:
        """Answer the news that an execution failed, timed out or was aborted; returns the run, and what was done.

        An aborted one was somebody's wish: the run is stopped. Another one is resumed, three times at the most; one that
        was interrupted, because the service that ran it restarted, is resumed however often that happens.
        """
        record, pipeline = self._load(run_id)
        run = record.run
        if run.status.is_final:
            self._finish(record, pipeline)
            return run, "the run had ended"
        if execution_name != run.execution_name:
            return run, f"{run.execution_name} has taken over"
        if status == "ABORTED":
            return self._end(record, pipeline, Outcome(RunStatus.STOPPED, "its execution was aborted")), "stopped"
        if run.resumes >= MAX_RESUMES and not is_interrupted:
            outcome = Outcome(RunStatus.FAILED, f"its execution ended as {status} {run.resumes + 1} times")
            return self._end(record, pipeline, outcome), "given up"
        try:
            self.executions.start(self.runs.begin_execution(run, is_resume=not is_interrupted))
        except Conflict:
            return run, "someone else resumed it"
        return run, "resumed"

    def _load(self, run_id: str) -> tuple[RunRecord, Pipeline | None]:
        record = self.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}")
        return record, self.pipelines.version(record.run.pipeline, record.run.version)

    def _end(self, record: RunRecord, pipeline: Pipeline | None, outcome: Outcome) -> Run:
        ended = replace(record.run, status=outcome.status, reason=outcome.reason, finished_at=self.clock.now())
        if not self.runs.close(ended):
            record, pipeline = self._load(record.run.run_id)
            ended = record.run
        self._finish(replace(record, run=ended), pipeline)
        return ended

    def _finish(self, record: RunRecord, pipeline: Pipeline | None) -> None:
        """Do what a run's end entails. The notice comes last: while it is owed, ``reconcile`` does all of this again."""
        self.runs.note_end(record.run)
        self._clean_up(record)
        self._leave_lanes(record, pipeline)
        self._tell(record, pipeline)

    def _clean_up(self, record: RunRecord) -> None:
        for slot in record.open_slots:
            if slot.build_id:
                self.launcher.stop(slot.build_id)
            if slot.token:
                self.executions.fail(slot.token, error="Closed", cause="the run has ended")
        for approval in record.approvals:
            if not approval.is_decided:
                self.approvals.end(approval.ref, ApprovalStatus.CANCELLED)
                if approval.token:
                    self.executions.fail(approval.token, error="Closed", cause="the run has ended")

        for ticket in record.tickets:
            if not ticket.is_delivered:
                self.executions.fail(ticket.token, error="Closed", cause="the run has ended")

    def _leave_lanes(self, record: RunRecord, pipeline: Pipeline | None) -> None:
        """Leave every lane. What the run's builds do is looked at anew: a start that came before its end is seen so."""
        if pipeline is not None and any(stage.mode != "parallel" for stage in pipeline.stages):
            self.turns.leave(self.runs.record(record.run.run_id) or record, pipeline)

    def _tell(self, record: RunRecord, pipeline: Pipeline | None) -> None:
        good = record.run.status is RunStatus.SUCCEEDED
        topic = (pipeline.topics.get("success" if good else "failure", "")) if pipeline else ""
        notice = run_ended(record.run, _stage_lines(record), topic, gates=gate_lines(record))
        if pipeline is not None and pipeline.notify == "on-change" and not self._is_news(record.run):
            self.send.leave_out(notice)
        else:
            self.send(notice)

    def _is_news(self, run: Run) -> bool:
        return is_news(run, self.runs.recent(run.pipeline, limit=_LOOKED_BACK))


def _stage_lines(record: RunRecord) -> Sequence[str]:
    return [f"{stage.name} {stage.status}" for stage in sorted(record.stages, key=lambda stage: stage.index)]


def gate_lines(record: RunRecord) -> Sequence[str]:
    """Return each verdict of a run in a line, in the order of the stages; what does not stop the run is noted too."""
    return [said_of(one) for one in sorted(record.gates, key=lambda one: (one.stage, one.attempt, one.evaluated_at))]


def _gone() -> Outcome:
    return Outcome(RunStatus.FAILED, "the pipeline version it is pinned to is gone")
