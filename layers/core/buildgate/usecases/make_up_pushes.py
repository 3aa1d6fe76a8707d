"""Pushes whose events were lost: branches that moved without one, and the runs that are opened for them after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from buildgate.domain.ids import fingerprint
from buildgate.domain.pushes import Cursor, Push
from buildgate.domain.times import whole_second
from buildgate.ports import Clock, Pushes, Repositories
from buildgate.usecases.start_run import Opened, StartRun

WAIT_FOR_EVENT = timedelta(minutes=1)
LEAST_WAIT = timedelta(seconds=10)
"""How long the event of a branch's move may take; even where time is scaled, a real event takes real seconds."""


@dataclass(frozen=True, slots=True)
class LostPushes:
    """Compares branches with their cursors. Safe to repeat: a move is sighted once, and made up for once."""

    pushes: Pushes
    repositories: Repositories
    start_run: StartRun
    clock: Clock
    time_scale: float = 1.0

    def branches(self, repository: str, globs: set[str]) -> Sequence[str]:
        """Return the branches to look at: without a wildcard those named, otherwise all that there are."""
        if any(set(glob) & set("*?[") for glob in globs):
            return self.repositories.branches(repository)
        return sorted(globs)

    def sight(self, repository: str, branch: str) -> bool:
        """Note a branch that moved without an event; the event may be on its way, so that it is looked at again."""
        commit, _ = self._moved(repository, branch)
        if commit:
            wait = max(LEAST_WAIT, WAIT_FOR_EVENT / self.time_scale)
            self.pushes.sight(repository, branch, commit, due_at=self.clock.now() + wait)
        return bool(commit)

    def make_up(self, repository: str, branch: str) -> Opened | None:
        """Open the runs of a push whose event did not come in time; None when its event came after all."""
        commit, cursor = self._moved(repository, branch)
        if not commit:
            self.pushes.settle_sight(repository, branch)
            return None
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
        return opened

    def _moved(self, repository: str, branch: str) -> tuple[str, Cursor | None]:
        """Return the branch's head and cursor; an empty head when the cursor knows it."""
        commit = self.repositories.head_of(repository, branch)
        cursor = self.pushes.cursor(f"codecommit:{repository}", "branch", branch)
        is_known = not commit or (cursor is not None and cursor.commit == commit)
        return ("" if is_known else str(commit)), cursor
