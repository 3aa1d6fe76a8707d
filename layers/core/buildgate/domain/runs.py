"""Runs: one push, or one person's wish, on its way through the stages of a pinned pipeline version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildgate.domain.approvals import Approval
    from buildgate.domain.gates import Verdict
    from buildgate.domain.gates.record import JudgementRef
    from buildgate.domain.lanes import Ticket
    from buildgate.domain.slots import Slot

DEFAULT_BUILD_MINUTES = 60
QUEUED_MINUTES = 480
WAIT_MARGIN_MINUTES = 10
EXECUTION_EVENTS_LIMIT = 15_000
MAX_RESUMES = 3


class RunStatus(StrEnum):
    """How a run stands; every status but QUEUED and RUNNING is final and never changes."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    STOPPED = "STOPPED"
    TIMED_OUT = "TIMED_OUT"
    SUPERSEDED = "SUPERSEDED"

    @property
    def is_final(self) -> bool:
        return self not in {RunStatus.QUEUED, RunStatus.RUNNING}


OPEN_STATUSES = tuple(status.value for status in RunStatus if not status.is_final)


class StageStatus(StrEnum):
    """How one attempt at a stage stands.

    CARRIED: a retried run took over an earlier run's result. SUPERSEDED: a newer run took its turn before it began.
    """

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CARRIED = "CARRIED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class Source:
    """What a run builds. ``actor`` is the pusher's ARN; authors and the time are free text from the commits."""

    provider: str
    repository: str
    ref_type: str
    ref: str
    commit: str
    old_commit: str = ""
    actor: str = ""
    message: str = ""
    authors: tuple[str, ...] = ()
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Someone's wish to end a run."""

    actor: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """The head of a run. ``executions`` counts started state machine executions; the newest is ``run_id-executions``.

    ``superseded_by`` is the newer run to which it has lost its turn in a stage: it heeds no decision any more.
    """

    run_id: str
    pipeline: str
    version: str
    status: RunStatus
    source: Source
    opened_at: datetime
    due_at: datetime
    trigger: str = "push"
    correlation_id: str = ""
    reason: str = ""
    finished_at: datetime | None = None
    executions: int = 1
    resumes: int = 0
    spent_events: int = 0
    stop: StopRequest | None = None
    retry_of: str = ""
    superseded_by: str = ""

    @property
    def execution_name(self) -> str:
        return f"{self.run_id}-{self.executions}"

    @property
    def is_ending(self) -> bool:
        """Whether nothing more may be begun: it has ended, or someone wants it to."""
        return self.status.is_final or self.stop is not None


@dataclass(frozen=True, slots=True)
class StageAttempt:
    """One attempt at a stage. ``is_allowed`` says that its failure does not stop the run."""

    index: int
    attempt: int
    name: str
    status: StageStatus
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    is_allowed: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate said of one stage attempt, and where all that it rests on is kept."""

    stage: int
    attempt: int
    name: str
    verdict: Verdict
    evaluated_at: datetime
    judgement: JudgementRef | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with everything that happened in it: one consistent Query of the table."""

    run: Run
    stages: Sequence[StageAttempt] = ()
    slots: Sequence[Slot] = ()
    gates: Sequence[GateResult] = ()
    approvals: Sequence[Approval] = ()
    tickets: Sequence[Ticket] = ()

    def latest(self, index: int) -> StageAttempt | None:
        attempts = [stage for stage in self.stages if stage.index == index]
        return max(attempts, key=lambda stage: stage.attempt, default=None)

    def slots_of(self, stage: StageAttempt) -> list[Slot]:
        return [s for s in self.slots if s.ref.stage == stage.index and s.ref.attempt == stage.attempt]

    def gates_of(self, stage: StageAttempt) -> list[GateResult]:
        return [g for g in self.gates if g.stage == stage.index and g.attempt == stage.attempt]

    def approval_of(self, stage: StageAttempt, name: str) -> Approval | None:
        found = (a for a in self.approvals if a.ref.stage == stage.index and a.ref.attempt == stage.attempt)
        return next((approval for approval in found if approval.ref.name == name), None)

    @property
    def open_slots(self) -> list[Slot]:
        return [slot for slot in self.slots if not slot.is_settled]


def wait_seconds(build_minutes: int | None) -> int:
    """Return how long a build may keep its task waiting: the queue, the build itself, and ten minutes."""
    return (QUEUED_MINUTES + (build_minutes or DEFAULT_BUILD_MINUTES) + WAIT_MARGIN_MINUTES) * 60
