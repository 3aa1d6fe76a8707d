"""History: builds from before this installation, recorded as if their events had come; and totals counted again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from buildgate.domain.errors import BuildgateError
from buildgate.domain.metrics.recount import Difference, differences
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.times import days_until

if TYPE_CHECKING:
    from buildgate.ports import BuildRecords, Clock, Launcher
    from buildgate.usecases.analysis_ports import Totals
    from buildgate.usecases.record_build import RecordBuild

_ALL = 100_000


@dataclass(frozen=True, slots=True)
class Recalled:
    """One page of history. ``next_token`` continues it; empty means that the window is done."""

    looked_at: int
    counted: int
    known: int
    running: int
    failures: tuple[str, ...]
    oldest_at: datetime | None
    next_token: str


@dataclass(frozen=True, slots=True)
class RecallBuilds:
    """Fills a project's history page by page through the transaction that live events use.

    A build that an event or an earlier round counted is counted no second time, so that rounds may be repeated,
    interrupted and mixed with live events.
    """

    launcher: Launcher
    records: BuildRecords
    record: RecordBuild
    clock: Clock

    def __call__(self, project: str, *, days: int, token: str = "") -> Recalled:
        first = self.clock.now() - timedelta(days=days)
        ids, following = self.launcher.page(project, token)
        heads = self.records.heads(ids) if ids else {}
        done = {name for name, head in heads.items() if head.status.is_finished}
        builds = self.launcher.builds([name for name in ids if name not in done])
        counted, running, failures = 0, 0, []
        for build in builds:
            if not build.status.is_finished or build.started_at < first:
                running += not build.status.is_finished
                continue
            try:
                counted += self.record.past(build).is_counted
            except BuildgateError as error:
                failures.append(f"{build.build_id}: {error.reason}")
        started = [build.started_at for build in builds] + [heads[name].started_at for name in done]
        oldest = min(started, default=None)
        is_over = not following or (oldest is not None and oldest < first)
        return Recalled(len(ids), counted, len(done), running, tuple(failures), oldest, "" if is_over else following)


@dataclass(frozen=True, slots=True)
class Verified:
    """A recount of a project's days."""

    days: int
    builds: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class VerifyTotals:
    """Counts a project's days again from the builds themselves, and names every difference."""

    records: BuildRecords
    totals: Totals
    clock: Clock

    def __call__(self, project: str, *, days: int, skip: int = 0) -> Verified:
        """Verify ``days`` whole days, the last of them ``skip`` days ago."""
        now = self.clock.now() - timedelta(days=skip)
        window = days_until(now, days=days)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = midnight - timedelta(days=days - 1), midnight + timedelta(days=1)
        heads = list(itertools.islice(self.totals.finished_between(project, first, last), _ALL))
        scope = Scope("PROJECT", project)
        stored = self.records.days(scope, window)
        return Verified(days, len(heads), differences(scope, window, stored, heads))
