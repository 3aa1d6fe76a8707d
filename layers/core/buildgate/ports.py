"""What the use cases need from the world, in the words of the domain.

Every port may raise ``Unavailable`` (try again) and ``Corrupt`` (what is stored makes no sense). Writes are
conditional on what the caller believed: a ``Conflict`` says that someone else was first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from buildgate.domain.approvals import Approval, ApprovalRef, Capability
    from buildgate.domain.builds import Build, BuildHead, Misreported, Owner, SlotRef
    from buildgate.domain.metrics.rollups import DayTotals, Scope
    from buildgate.domain.notices import Notice, NoticeRef
    from buildgate.domain.pipelines import Pipeline
    from buildgate.domain.pushes import Cursor, Push
    from buildgate.domain.runs import GateResult, Run, RunRecord, StageAttempt, StopRequest
    from buildgate.domain.slots import Origin, Slot


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the aware UTC moment."""
        ...


class Randomness(Protocol):
    """Gives random bytes fit for secrets."""

    def random_bytes(self, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PipelineHead:
    """A pipeline as lists show it."""

    name: str
    version: str
    description: str
    repositories: tuple[str, ...]
    applied_at: datetime
    applied_by: str
    last_run_id: str = ""
    last_run_status: str = ""


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """One immutable version of a pipeline."""

    version: str
    applied_at: datetime
    applied_by: str


class Pipelines(Protocol):
    """Pipelines and their versions. The same content is the same version."""

    def apply(self, pipeline: Pipeline, *, actor: str, now: datetime) -> bool:
        """Store a version, make it the current one, and replace its triggers; False when it already was."""
        ...

    def head(self, name: str) -> PipelineHead | None: ...
    def heads(self) -> Sequence[PipelineHead]: ...
    def version(self, name: str, version: str) -> Pipeline | None: ...
    def versions(self, name: str) -> Sequence[PipelineVersion]: ...

    def triggered_by(self, repository_key: str) -> Sequence[tuple[str, str, int]]:
        """Return (pipeline, version, index of the trigger) of every trigger on a repository."""
        ...


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event that was handled, and the runs it opened."""

    event_id: str
    run_ids: tuple[str, ...]
    reason: str


class Pushes(Protocol):
    """Which pushes are known: events by id, branches by cursor, and pushes that opened nothing, with the reason."""

    def event(self, event_id: str) -> SeenEvent | None: ...
    def cursor(self, repository_key: str, ref_type: str, ref: str) -> Cursor | None: ...

    def open_runs(self, push: Push, *, moved: tuple[Cursor | None, Cursor], runs: Sequence[Run], reason: str) -> None:
        """Store the event, the cursor and the runs in one transaction.

        Raises:
            Conflict: The event or another push of the branch was stored meanwhile; nothing is written.
        """
        ...

    def ignore(self, push: Push, reason: str) -> None:
        """Record why a push opened no run, for a few weeks."""
        ...

    def ignored(self, repository_key: str, *, limit: int) -> Sequence[tuple[datetime, str, str, str]]:
        """Return (time, ref, commit, reason) of the newest pushes that opened nothing."""
        ...

    def sight(self, repository: str, branch: str, commit: str, *, due_at: datetime) -> None:
        """Note that a branch has moved without its event, and when to look again; a noted commit is left alone."""
        ...

    def settle_sight(self, repository: str, branch: str) -> None:
        """Forget what was noted: the branch's move is known, or a run was opened for it."""
        ...

    def seed_cursor(self, repository_key: str, ref: str, commit: str, now: datetime) -> None:
        """Note where a branch stands when its pipeline is applied, unless it is known already."""
        ...


class Slots(Protocol):
    """The places of builds in runs."""

    def origin(self, run_id: str) -> Origin | None: ...
    def slot(self, ref: SlotRef) -> Slot | None: ...

    def bind_slot(self, ref: SlotRef, *, nonce: str, build_id: str, now: datetime) -> bool:
        """Bind a build to its slot if the nonce matches and the slot is unbound or bound to this build."""
        ...

    def settle_slot(self, slot: Slot) -> bool:
        """Store how the slot's build ended; False when it was settled before."""
        ...

    def mark_delivered(self, ref: SlotRef, *, token: str) -> None:
        """Clear the due mark, if the token is still the one that was sent."""
        ...


class Runs(Slots, Protocol):
    """Runs with their stages, slots, gates and approvals."""

    def park_slot(self, ref: SlotRef, *, token: str, nonce: str, now: datetime, due_at: datetime) -> Slot:
        """Put the task token into the slot (a new token replaces a parked one) and keep its first nonce.

        Returns:
            The slot after the write.

        Raises:
            Conflict: The slot does not exist.
        """
        ...

    def open(self, run: Run, carried: Sequence[StageAttempt]) -> None:
        """Store a run that no push opened (by hand, or as a retry), with the stages it takes over."""
        ...

    def run(self, run_id: str) -> Run | None: ...
    def record(self, run_id: str) -> RunRecord | None: ...
    def recent(self, pipeline: str, *, limit: int, before: str = "") -> Sequence[Run]:
        """Return the newest runs, newest first; ``before`` goes on behind the ``place`` of a run."""
        ...

    def place(self, run: Run) -> str:
        """Return where a run stands among the others, in the order of time."""
        ...

    def mark_running(self, run_id: str, *, now: datetime) -> None: ...
    def spend_events(self, run_id: str, events: int) -> None: ...

    def begin_execution(self, run: Run, *, is_resume: bool) -> Run:
        """Count one more execution; raises Conflict when someone else did."""
        ...

    def postpone(self, run_id: str, until: datetime) -> None:
        """Note when the run is to be looked at again."""
        ...

    def close(self, run: Run) -> bool:
        """Store the final status with the notice it owes, once; False when the run had ended already."""
        ...

    def note_end(self, run: Run) -> None:
        """Note on its pipeline how a run ended, unless a newer one has; safe to repeat, until its notice is sent."""
        ...

    def ask_stop(self, run_id: str, stop: StopRequest) -> bool:
        """Store the wish to stop; False when the run has ended or someone asked before."""
        ...

    def begin_stage(self, run_id: str, stage: StageAttempt, slots: Sequence[Slot]) -> None: ...
    def finish_stage(self, run_id: str, stage: StageAttempt) -> None: ...
    def store_gate(self, run_id: str, result: GateResult) -> bool:
        """Store a verdict; False when the gate had one, which stands."""
        ...


class Approvals(Protocol):
    """Approvals, each changed by one conditional write at a time."""

    def get(self, ref: ApprovalRef) -> Approval | None: ...

    def ask(self, approval: Approval) -> Approval:
        """Store an approval unless it exists, put its newest token in, and return it as stored."""
        ...

    def add_capability(self, ref: ApprovalRef, capability: Capability) -> None: ...

    def store_decision(self, approval: Approval) -> None:
        """Store a decided approval, if nobody changed it meanwhile (Conflict otherwise)."""
        ...

    def end(self, ref: ApprovalRef, status: str, *, superseded_by: str = "") -> None:
        """Mark a waiting approval as expired, cancelled or superseded; nothing happens to a decided one."""
        ...

    def mark_delivered(self, ref: ApprovalRef, *, token: str) -> None: ...
    def waiting(self) -> Sequence[Approval]: ...


class BuildRecords(Protocol):
    """What is recorded of builds, and the daily totals that are written with them."""

    def heads(self, build_ids: Sequence[str]) -> Mapping[str, BuildHead]: ...
    def known(self, build_ids: Sequence[str]) -> AbstractSet[str]: ...

    def record(self, head: BuildHead, build: Build, *, known: BuildHead | None, is_finish: bool, now: datetime) -> None:
        """Write the head and, when the build finished, its detail, and each day's totals together with the head.

        Raises:
            Conflict: The head is not as known any more; nothing is written.
        """
        ...

    def owner(self, project: str) -> Owner: ...

    def quarantine(self, unfit: Misreported, *, now: datetime) -> bool:
        """Set a build aside whose description cannot be true; False when it lies there already."""
        ...

    def is_quarantined(self, build_id: str) -> bool: ...
    def recent(self, project: str, *, limit: int) -> Sequence[BuildHead]: ...
    def days(self, scope: Scope, days: Sequence[str]) -> Sequence[DayTotals]: ...
    def projects(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class PendingNotice:
    """A notice that is owed. ``kind`` says what it is about, so that its words can be made anew."""

    ref: NoticeRef
    kind: str
    due_at: datetime


class Outbox(Protocol):
    """Which notices are owed and which went out."""

    def owe(self, ref: NoticeRef, *, kind: str, due_at: datetime) -> bool:
        """Note that a notice is owed; False when it is noted already."""
        ...

    def is_owed(self, ref: NoticeRef) -> bool: ...
    def is_sent(self, ref: NoticeRef) -> bool: ...
    def mark_sent(self, ref: NoticeRef, *, now: datetime) -> None: ...


class Work(Protocol):
    """The sparse index of open work: what is due to be looked at."""

    def due_builds(self, now: datetime) -> Sequence[str]: ...
    def due_slots(self, now: datetime) -> Sequence[SlotRef]: ...
    def due_approvals(self, now: datetime) -> Sequence[ApprovalRef]: ...
    def due_notices(self, now: datetime) -> Sequence[PendingNotice]: ...
    def due_runs(self, now: datetime) -> Sequence[str]: ...

    def due_pushes(self, now: datetime) -> Sequence[tuple[str, str]]:
        """Return (repository, branch) of moves without an event that have had time to come."""
        ...


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """One build to start. ``variables`` go to the build in plain text: no secret belongs there."""

    project: str
    source_version: str
    idempotency_token: str
    variables: tuple[tuple[str, str], ...]
    timeout_minutes: int | None = None


class Launcher(Protocol):
    """CodeBuild."""

    def start(self, order: BuildOrder) -> Build:
        """Start a build; the same order within five minutes returns the same build.

        Raises:
            Busy: The account's or the project's queue is full.
            Rejected: CodeBuild refuses the order.
        """
        ...

    def builds(self, build_ids: Sequence[str]) -> Sequence[Build]:
        """Return the builds that exist, asking for a hundred at a time; one that cannot be true is quarantined."""
        ...

    def newest(self, project: str) -> Sequence[str]:
        """Return the ids of a project's newest builds, newest first, one page."""
        ...

    def page(self, project: str, token: str) -> tuple[Sequence[str], str]:
        """Return a page of a project's build ids, newest first, and the token of the next page or nothing."""
        ...

    def newest_of_account(self) -> Iterable[Sequence[str]]:
        """Return pages of the account's builds, newest first; each page is asked for when it is wanted."""
        ...

    def stop(self, build_id: str) -> None:
        """Stop a build; a build that has ended is left alone."""
        ...

    def missing_projects(self, names: Sequence[str]) -> Sequence[str]: ...


class Executions(Protocol):
    """The state machine that moves runs."""

    def start(self, run: Run) -> None:
        """Start the run's newest execution; one that runs already, or ended, is left alone."""
        ...

    def is_alive(self, run: Run) -> bool: ...

    def was_interrupted(self, run: Run) -> bool:
        """Say whether the run's newest execution ended because what runs executions restarted."""
        ...

    def succeed(self, token: str) -> bool:
        """Let the waiting task go on; False when it waits no more (``Closed``)."""
        ...

    def fail(self, token: str, *, error: str, cause: str) -> bool:
        """Let the waiting task fail; False when it waits no more."""
        ...


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as people read it. ``authors`` are e-mail addresses from the commit: free text, no proof."""

    commit: str
    message: str
    authors: tuple[str, ...]
    parents: tuple[str, ...] = ()
    committed_at: datetime | None = None


class Repositories(Protocol):
    """The repositories that pushes come from."""

    def changed_paths(self, repository: str, before: str, after: str) -> Iterable[str]: ...
    def commit(self, repository: str, commit: str) -> CommitInfo | None: ...
    def head_of(self, repository: str, branch: str) -> str | None: ...
    def default_branch(self, repository: str) -> str | None: ...
    def branches(self, repository: str) -> Sequence[str]: ...

    def authors_between(self, repository: str, before: str, after: str) -> tuple[str, ...]:
        """Return the e-mail addresses of authors and committers in ``before..after``, at most 100 commits back."""
        ...


class Topics(Protocol):
    """Where notices are published."""

    def publish(self, notice: Notice) -> None: ...


class Reminders(Protocol):
    """Asks the function that makes links to ask an approver again."""

    def remind(self, ref: ApprovalRef, *, correlation_id: str) -> None: ...
