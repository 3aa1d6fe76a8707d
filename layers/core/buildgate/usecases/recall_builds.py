"""History: builds from before this installation, recorded as if their events had come; and totals counted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from buildgate.domain.errors import BuildgateError
from buildgate.domain.metrics.recount import Difference, differences
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.metrics.windows import Window
from buildgate.usecases.selection import Members, Part
from buildgate.usecases.window_reads import ListedBuilds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate.domain.builds import BuildHead
    from buildgate.ports import BuildRecords, Clock, Launcher, Pipelines
    from buildgate.usecases.analysis_ports import Totals
    from buildgate.usecases.record_build import RecordBuild


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
    """A recount of a scope's days."""

    days: int
    builds: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class VerifyTotals:
    """Counts the days of a project or a wider scope again from the builds themselves, and names every difference."""

    records: BuildRecords
    totals: Totals
    pipelines: Pipelines
    clock: Clock

    def __call__(self, scope: Scope, *, days: int, skip: int = 0) -> Verified:
        """Verify ``days`` whole days, the last of them ``skip`` days ago.

        Raises:
            NotFound: There is no such pipeline.
        """
        now = self.clock.now() - timedelta(days=skip)
        window = Window.last_days(now, days)
        projects = Members(self.totals, self.pipelines).of(scope)
        part = Part(pipeline=scope.name) if scope.kind == "PIPELINE" else Part()
        counted = _Counted(ListedBuilds(self.totals, projects, part.has).of(window))
        stored = self.records.days(scope, window.days)
        found = differences(window.days, stored, counted)
        return Verified(days, counted.count, found)


class _Counted:
    """Builds as they pass by, and how many they were."""

    def __init__(self, heads: Iterator[BuildHead]) -> None:
        self._heads = heads
        self.count = 0

    def __iter__(self) -> Iterator[BuildHead]:
        for head in self._heads:
            self.count += 1
            yield head
