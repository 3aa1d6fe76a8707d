"""Heals what lost events and crashes left open: due work, builds and pushes nobody told of, executions that died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.builds import Build, SlotRef
from buildgate.domain.errors import BuildgateError
from buildgate.domain.ids import fingerprint
from buildgate.domain.notices import build_ended
from buildgate.domain.pushes import Cursor, Push, matches
from buildgate.domain.run_notices import approval_of_key
from buildgate.domain.runs import RunStatus
from buildgate.domain.slots import Slot
from buildgate.domain.times import FAR_FUTURE, whole_second
from buildgate.ports import (
    Approvals,
    BuildRecords,
    Clock,
    Executions,
    Launcher,
    PendingNotice,
    Pipelines,
    Pushes,
    Reminders,
    Repositories,
    Runs,
    Work,
)
from buildgate.usecases.close_run import CloseRun
from buildgate.usecases.deliver import Delivery
from buildgate.usecases.expire_waivers import ExpireWaivers
from buildgate.usecases.record_build import NEWS_LIFE, RecordBuild, why
from buildgate.usecases.start_build import TOKEN_LIFE
from buildgate.usecases.start_run import StartRun

LOOK_AT_RUNS = timedelta(minutes=5)
WAIT_FOR_EVENT = timedelta(minutes=1)
LEAST_WAIT = timedelta(seconds=10)
"""How long the event of a branch's move may take; even where time is scaled, a real event takes real seconds."""

T = TypeVar("T")


@dataclass(slots=True)
class Healed:
    """What a round did: counts by kind, and the failures it went past."""

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Looks at everything that is due, once. One item's failure does not keep the others waiting."""

    work: Work
    runs: Runs
    approvals: Approvals
    records: BuildRecords
    pipelines: Pipelines
    pushes: Pushes
    launcher: Launcher
    repositories: Repositories
    executions: Executions
    reminders: Reminders
    record: RecordBuild
    close: CloseRun
    start_run: StartRun
    delivery: Delivery
    expire_waivers: ExpireWaivers
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
            lambda: self._each(self.work.due_pushes(due), self._lost_push, "pushes", healed),
            lambda: self._each(self.expire_waivers.due(), self.expire_waivers, "waivers", healed),
        ]
        if looks_for_pushes or is_sweep:
            parts.append(lambda: self._look_at_branches(healed))
        _do_all(parts)
        return healed

    def _ahead(self, now: datetime) -> datetime:
        """Return up to when builds and runs are due: where time runs faster, a part of what is due later, too."""
        return now + LOOK_AT_RUNS * (1 - 1 / self.time_scale)

    def _each(self, items: Sequence[T], heal: Callable[[T], bool], kind: str, healed: Healed) -> None:
        for item in items:
            try:
                if heal(item):
                    healed.add(kind)
            except BuildgateError as error:
                healed.failures.append(f"{kind}: {error.reason}")

    def _builds(self, due: datetime, healed: Healed) -> None:
        """Ask for every build that is due, a hundred at a time."""
        ids = self.work.due_builds(due)
        builds = self.launcher.builds(ids) if ids else []
        self._each(builds, self._build, "builds", healed)

    def _build(self, build: Build) -> bool:
        """Record a build; one that still runs, though nobody waits for it any more, is stopped."""
        counted = self.record(build).is_counted
        if build.status.is_finished or not self._is_orphan(build):
            return counted
        self.launcher.stop(build.build_id)
        return True

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
            known = self.records.heads(page) if page else {}
            unknown = [build_id for build_id in page if build_id not in known]
            builds = self.launcher.builds(unknown) if unknown else []
            self._each(builds, self._unseen, "unseen builds", healed)
            if not page or page[-1] in known or any(build.started_at < history for build in builds):
                return

    def _unseen(self, build: Build) -> bool:
        self.record(build)
        return True

    def _slot(self, ref: SlotRef) -> bool:
        slot = self.runs.slot(ref)
        if slot is None or slot.is_delivered:
            return False
        if slot.is_settled:
            self.delivery.slot(ref)
            return True
        if slot.build_id:
            return self.record.by_id(slot.build_id).is_counted
        return self._adopt_or_fail(slot)

    def _adopt_or_fail(self, slot: Slot) -> bool:
        """Find the build of a slot whose start was never answered; without one its task fails and starts again."""
        if slot.parked_at is None or self.clock.now() - slot.parked_at < TOKEN_LIFE:
            return False
        for build in self.launcher.builds(self.launcher.newest(slot.project)):
            if build.claim and build.claim.slot == slot.ref and build.claim.nonce == slot.nonce:
                self.record(build)
                return True
        return self.executions.fail(slot.token, error="Unavailable", cause="the build's start was never answered")

    def _approval(self, ref: ApprovalRef) -> bool:
        approval = self.approvals.get(ref)
        if approval is None or approval.is_delivered:
            return False
        if approval.is_decided:
            self.delivery.approval(approval)
            return True
        return False

    def _notice(self, pending: PendingNotice) -> bool:
        if pending.kind == "approval":
            ref = ApprovalRef.from_text(approval_of_key(pending.ref.key))
            if ref is not None:
                self.reminders.remind(ref)
        elif pending.kind == "build":
            builds = self.launcher.builds([pending.ref.owner])
            if builds:
                self.close.send(build_ended(builds[0], why(builds[0]) or f"build {builds[0].status}"))
        else:
            self.close(pending.ref.owner)
        return True

    def _run(self, run_id: str) -> bool:
        """Look at an open run: start, resume or close it if its execution is not there any more."""
        run = self.runs.run(run_id)
        if run is None or run.status.is_final:
            return False
        now = self.clock.now()
        self.runs.postpone(run_id, now + LOOK_AT_RUNS)
        if now >= run.due_at:
            self.close(run_id)
            return True
        if self.executions.is_alive(run):
            return False
        if run.status is RunStatus.QUEUED:
            self.executions.start(run)
            if self.executions.is_alive(run):
                return True
        self.close.execution_died(run_id, execution_name=run.execution_name, status="FAILED")
        return True

    def _look_at_branches(self, healed: Healed) -> None:
        """Compare the branches that triggers watch with what is known, and note those that moved without an event."""
        watched: dict[str, set[str]] = {}
        for head in self.pipelines.heads():
            pipeline = self.pipelines.version(head.name, head.version)
            for trigger in pipeline.triggers if pipeline else ():
                watched.setdefault(trigger.repository, set()).update(trigger.branches)
        _do_all([partial(self._sight_all, repository, globs, healed) for repository, globs in watched.items()])

    def _sight_all(self, repository: str, globs: set[str], healed: Healed) -> None:
        names = [name for name in self._branches(repository, globs) if any(matches(g, name) for g in globs)]
        self._each([(repository, name) for name in names], self._sight, "moves seen", healed)

    def _branches(self, repository: str, globs: set[str]) -> Sequence[str]:
        if any(set(glob) & set("*?[") for glob in globs):
            return self.repositories.branches(repository)
        return sorted(globs)

    def _moved(self, repository: str, branch: str) -> tuple[str, Cursor | None]:
        """Return the branch's head and cursor; an empty head when the cursor knows it."""
        commit = self.repositories.head_of(repository, branch)
        cursor = self.pushes.cursor(f"codecommit:{repository}", "branch", branch)
        is_known = not commit or (cursor is not None and cursor.commit == commit)
        return ("" if is_known else str(commit)), cursor

    def _sight(self, where: tuple[str, str]) -> bool:
        """Note a branch that moved without an event; the event may be on its way, so that it is looked at again."""
        commit, _ = self._moved(*where)
        if commit:
            wait = max(LEAST_WAIT, WAIT_FOR_EVENT / self.time_scale)
            self.pushes.sight(*where, commit, due_at=self.clock.now() + wait)
        return bool(commit)

    def _lost_push(self, where: tuple[str, str]) -> bool:
        """Open the runs of a push whose event did not come in time."""
        repository, branch = where
        commit, cursor = self._moved(repository, branch)
        if not commit:
            self.pushes.settle_sight(repository, branch)
            return False
        old, version = (cursor.commit, cursor.version) if cursor else ("", 0)
        push = Push(
            event_id=f"healed-{fingerprint(f'{repository}/{branch}/{old}/{commit}/{version}')[:32]}",
            at=whole_second(self.clock.now()),
            provider="codecommit",
            repository=repository,
            ref_type="branch",
            ref=branch,
            commit=commit,
            old_commit=old,
            actor="",
            is_healed=True,
        )
        opened = self.start_run(push)
        self.pushes.settle_sight(repository, branch)
        return bool(opened.run_ids)


def _do_all(parts: Sequence[Callable[[], None]]) -> None:
    """Do every part, whatever becomes of the others, and then raise the first failure."""
    failures: list[BuildgateError] = []
    for part in parts:
        try:
            part()
        except BuildgateError as error:
            failures.append(error)
    if failures:
        raise failures[0]
