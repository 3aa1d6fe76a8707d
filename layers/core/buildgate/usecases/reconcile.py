"""Heals what lost events and crashes left open: due work, builds and pushes nobody told of, executions that died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from buildgate.domain.approvals import Approval, ApprovalRef
from buildgate.domain.builds import Build, SlotRef
from buildgate.domain.errors import BuildgateError
from buildgate.domain.notices import build_ended
from buildgate.domain.pushes import matches
from buildgate.domain.run_notices import approval_of_key
from buildgate.domain.runs import RunStatus
from buildgate.domain.slots import Slot, SlotState
from buildgate.domain.times import FAR_FUTURE
from buildgate.ports import (
    Approvals,
    BuildRecords,
    Clock,
    Executions,
    Launcher,
    PendingNotice,
    Pipelines,
    Reminders,
    Runs,
    Work,
)
from buildgate.usecases.close_run import CloseRun
from buildgate.usecases.deliver import Delivery
from buildgate.usecases.expire_waivers import ExpireWaivers
from buildgate.usecases.find_start import find_start
from buildgate.usecases.heal_lanes import HealLanes
from buildgate.usecases.make_up_pushes import LostPushes
from buildgate.usecases.record_build import NEWS_LIFE, RecordBuild, RecordResult, why
from buildgate.usecases.start_build import TOKEN_LIFE

LOOK_AT_RUNS = timedelta(minutes=5)
TIMER_GRACE = timedelta(hours=1)
"""So long after its time an approval's task is left to the machine's own timer, which counts what passes and not what
a clock says: a machine that slept, or whose clock was set, is behind."""

T = TypeVar("T")


class Whose(NamedTuple):
    """What was healed belongs to these runs, whose correlation id this is; both are empty outside any run."""

    run_ids: tuple[str, ...] = ()
    correlation_id: str = ""


@dataclass(slots=True)
class Healed:
    """What a round did: counts by kind, the runs it was done for with their correlation ids, and failures passed by."""

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, whose: Whose) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        for run_id in whose.run_ids:
            self.runs[run_id] = whose.correlation_id or self.runs.get(run_id, "")


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Looks at everything that is due, once. One item's failure does not keep the others waiting."""

    work: Work
    runs: Runs
    approvals: Approvals
    records: BuildRecords
    pipelines: Pipelines
    launcher: Launcher
    executions: Executions
    reminders: Reminders
    record: RecordBuild
    close: CloseRun
    lost_pushes: LostPushes
    delivery: Delivery
    expire_waivers: ExpireWaivers
    heal_lanes: HealLanes
    clock: Clock
    time_scale: float = 1.0

    def __call__(self, *, is_sweep: bool = False, looks_for_pushes: bool = False) -> Healed:
        """Heal what is due; ``is_sweep`` looks at all open work, due or not. Safe to repeat.

        Raises:
            BuildgateError: One kind of work could not be looked at; every other kind was.
        """
        healed = Healed()
        now = self.clock.now()
        due = FAR_FUTURE if is_sweep else now
        ahead = max(due, self._ahead(now))
        parts: list[Callable[[], None]] = [
            lambda: self._builds(ahead, healed),
            lambda: self._unseen_builds(healed),
            lambda: self._each(self.work.due_slots(due), self._slot, "slots", healed),
            lambda: self._each(self.work.due_approvals(due), self._approval, "approvals", healed),
            lambda: self._each(self.work.due_notices(due), self._notice, "notices", healed),
            lambda: self._each(self.work.due_runs(ahead), self._run, "runs", healed),
            lambda: self._each(self.heal_lanes.lanes.due(ahead), self._lane, "lanes", healed),
            lambda: self._each(self.work.due_pushes(due), self._lost_push, "pushes", healed),
            lambda: self._each(self.expire_waivers.due(), self._waiver, "waivers", healed),
        ]
        if looks_for_pushes or is_sweep:
            parts.append(lambda: self._look_at_branches(healed))
        _do_all(parts)
        return healed

    def _ahead(self, now: datetime) -> datetime:
        """Return up to when builds and runs are due: where time runs faster, a part of what is due later, too."""
        return now + LOOK_AT_RUNS * (1 - 1 / self.time_scale)

    def _each(self, items: Sequence[T], heal: Callable[[T], Whose | None], kind: str, healed: Healed) -> None:
        for item in items:
            try:
                whose = heal(item)
            except BuildgateError as error:
                healed.failures.append(f"{kind}: {error.reason}")
                continue
            if whose is not None:
                healed.add(kind, whose)

    def _builds(self, due: datetime, healed: Healed) -> None:
        """Ask for every build that is due, a hundred at a time."""
        ids = self.work.due_builds(due)
        builds = self.launcher.builds(ids) if ids else []
        self._each(builds, self._build, "builds", healed)

    def _build(self, build: Build) -> Whose | None:
        """Record a build; one that still runs, though nobody waits for it any more, is stopped."""
        recorded = self.record(build)
        if build.status.is_finished or not self._is_orphan(build):
            return _whose(recorded) if recorded.is_counted else None
        self.launcher.stop(build.build_id)
        return _whose(recorded)

    def _is_orphan(self, build: Build) -> bool:
        """Return whether a build was started for a slot that is settled without it, or whose run is to end."""
        slot = self.runs.slot(build.claim.slot) if build.claim else None
        if slot is None or build.claim is None or slot.nonce != build.claim.nonce:
            return False
        if slot.build_id not in {"", build.build_id}:
            return False
        run = self.runs.run(slot.ref.run_id)
        return slot.is_settled or run is None or run.is_ending

    def _unseen_builds(self, healed: Healed) -> None:
        """Record builds no event told of: page on only while the oldest of a page is unknown, and of these days."""
        history = self.clock.now() - NEWS_LIFE
        for page in self.launcher.newest_of_account():
            known = self.records.known(page) if page else frozenset[str]()
            unknown = [build_id for build_id in page if build_id not in known]
            builds = self.launcher.builds(unknown) if unknown else []
            self._each(builds, self._unseen, "unseen builds", healed)
            if not page or page[-1] in known or any(build.started_at < history for build in builds):
                return

    def _unseen(self, build: Build) -> Whose:
        return _whose(self.record(build))

    def _slot(self, ref: SlotRef) -> Whose | None:
        slot = self.runs.slot(ref)
        if slot is None or slot.is_delivered:
            return None
        if slot.is_settled:
            self.delivery.slot(ref)
            return self._of_run(ref.run_id)
        if slot.build_id:
            recorded = self.record.by_id(slot.build_id)
            return _whose(recorded) if recorded.is_counted else None
        return self._of_run(ref.run_id) if self._adopt_or_fail(slot) else None

    def _of_run(self, run_id: str) -> Whose:
        """Return whose a part of a run is. Asked only after something was healed, which is rare."""
        run = self.runs.run(run_id)
        return Whose((run_id,), run.correlation_id if run else "")

    def _adopt_or_fail(self, slot: Slot) -> bool:
        """Find the build of a slot whose start was never answered; without one its task fails and starts again."""
        if slot.parked_at is None or self.clock.now() - slot.parked_at < TOKEN_LIFE:
            return False
        build = find_start(self.launcher, slot)
        if build is not None:
            self.record(build)
            return True
        if self.executions.fail(slot.token, error="Unavailable", cause="the build's start was never answered"):
            return True
        return self._is_given_up(slot)

    def _is_given_up(self, slot: Slot) -> bool:
        """Settle a slot that no build was started for and nobody asks for any more, because its run has ended."""
        run = self.runs.run(slot.ref.run_id)
        if run is not None and not run.status.is_final:
            return False
        settled = slot._replace(state=SlotState.SETTLED, reason="its run ended before it was started", due_at=None)
        return self.runs.settle_slot(settled)

    def _approval(self, ref: ApprovalRef) -> Whose | None:
        approval = self.approvals.get(ref)
        if approval is None or approval.is_delivered:
            return None
        if approval.is_decided:
            self.delivery.approval(approval)
        elif not self._has_expired_unnoticed(approval):
            return None
        return Whose((ref.run_id,), approval.correlation_id)

    def _has_expired_unnoticed(self, approval: Approval) -> bool:
        """End the wait for a decision that can no longer come, when the machine's timer is late to."""
        late = self.clock.now() - approval.due_at
        if late < TIMER_GRACE / self.time_scale or not approval.token:
            return False
        return self.executions.fail(approval.token, error="Closed", cause="its time passed, unnoticed by the timer")

    def _notice(self, pending: PendingNotice) -> Whose | None:
        if pending.kind == "approval":
            return self._reminded(ApprovalRef.from_text(approval_of_key(pending.ref.key)))
        if pending.kind == "build":
            builds = self.launcher.builds([pending.ref.owner])
            if not builds:
                return None
            self.close.send(build_ended(builds[0], why(builds[0]) or f"build {builds[0].status}"))
            return Whose()
        closed = self.close(pending.ref.owner)
        return Whose((closed.run_id,), closed.correlation_id)

    def _reminded(self, ref: ApprovalRef | None) -> Whose:
        if ref is None:
            return Whose()
        whose = self._of_run(ref.run_id)
        self.reminders.remind(ref, correlation_id=whose.correlation_id)
        return whose

    def _waiver(self, place: tuple[str, str]) -> Whose | None:
        return Whose() if self.expire_waivers(place) else None

    def _lane(self, key: str) -> Whose | None:
        run_ids = self.heal_lanes(key)
        return Whose(run_ids) if run_ids else None

    def _run(self, run_id: str) -> Whose | None:
        """Look at an open run: start, resume or close it if its execution is not there any more."""
        run = self.runs.run(run_id)
        if run is None or run.status.is_final:
            return None
        whose, now = Whose((run_id,), run.correlation_id), self.clock.now()
        self.runs.postpone(run_id, now + LOOK_AT_RUNS)
        if now >= run.due_at:
            self.close(run_id)
            return whose
        if self.executions.is_alive(run):
            return None
        if run.status is RunStatus.QUEUED:
            self.executions.start(run)
            if self.executions.is_alive(run):
                return whose
        is_interrupted = self.executions.was_interrupted(run)
        name = run.execution_name
        self.close.execution_died(run_id, execution_name=name, status="FAILED", is_interrupted=is_interrupted)
        return whose

    def _look_at_branches(self, healed: Healed) -> None:
        """Compare the branches that triggers watch with what is known, and note those that moved without an event."""
        watched: dict[str, set[str]] = {}
        for head in self.pipelines.heads():
            pipeline = self.pipelines.version(head.name, head.version)
            for trigger in pipeline.triggers if pipeline else ():
                watched.setdefault(trigger.repository, set()).update(trigger.branches)
        _do_all([partial(self._sight_all, repository, globs, healed) for repository, globs in watched.items()])

    def _sight_all(self, repository: str, globs: set[str], healed: Healed) -> None:
        names = [name for name in self.lost_pushes.branches(repository, globs) if any(matches(g, name) for g in globs)]
        self._each([(repository, name) for name in names], self._sight, "moves seen", healed)

    def _sight(self, where: tuple[str, str]) -> Whose | None:
        return Whose() if self.lost_pushes.sight(*where) else None

    def _lost_push(self, where: tuple[str, str]) -> Whose | None:
        opened = self.lost_pushes.make_up(*where)
        return Whose(opened.run_ids, opened.correlation_id) if opened and opened.run_ids else None


def _whose(recorded: RecordResult) -> Whose:
    slot = recorded.head.slot if recorded.head else None
    return Whose((slot.run_id,), recorded.correlation_id) if slot else Whose()


def _do_all(parts: Sequence[Callable[[], None]]) -> None:
    """Do every part, whatever becomes of the others, and then raise the first failure."""
    failures: list[BuildgateError] = []
    for part in parts:
        try:
            part()
        except BuildgateError as error:
            failures.append(error)
    if failures:
        try:
            raise failures[0]
        finally:
            failures.clear()  # a frame that holds its own failure is a circle that only the collector frees
