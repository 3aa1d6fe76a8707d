"""Answers about runs: DORA's five metrics, and one run's time as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from buildgate.domain.errors import NotFound
from buildgate.domain.metrics import dora as rules
from buildgate.domain.metrics.waterfall import Bar, LeadTime, lead_time, waterfall
from buildgate.domain.metrics.windows import Window
from buildgate.domain.runs import Run, RunStatus, StageStatus

if TYPE_CHECKING:
    from buildgate.domain.pipelines import Pipeline
    from buildgate.ports import BuildRecords, Clock, Pipelines, Runs
    from buildgate.usecases.look_at_builds import LookAtBuilds

MOST_RUNS = 2_000
MOST_FALLS = 30
"""So many runs are looked at one by one to say where the lead time went."""
LONGEST_RUN = timedelta(days=30)
"""How long before the window a run may have been opened that ended in it."""


@dataclass(frozen=True, slots=True)
class AnalyseReleases:
    """Reads runs of one pipeline, or of all, and measures releases."""

    runs: Runs
    pipelines: Pipelines
    records: BuildRecords
    clock: Clock
    look: LookAtBuilds

    def dora(self, window: Window, *, pipeline: str = "", team: str = "") -> tuple[rules.Dora, Sequence[str]]:
        """Return the five metrics, and what is to be known of them (pipelines without a release stage).

        Args:
            window: Deployments count that ended in it.
            pipeline: Of this pipeline; an empty name means all.
            team: Only pipelines with this tag ``team``; empty means all.

        Raises:
            NotFound: There is no such pipeline.
        """
        names = [pipeline] if pipeline else [head.name for head in self.pipelines.heads()]
        found: list[rules.Deployment] = []
        notes: list[str] = []
        for name in names:
            deployments = self._deployments(name, window, team)
            if deployments is None:
                notes.append(f"{name} has no release stage: its runs deploy nothing")
            else:
                found += deployments
        since = min((one.opened_at for one in found), default=None)
        return rules.measure(found, days=window.days, observed_since=since), notes

    def lead_time(self, measured: rules.Dora) -> LeadTime:
        """Return where the lead time of the newest good deployments went, run by run: two reads each."""
        good = [one for one in measured.releases if not one.is_failed][:MOST_FALLS]
        parts = []
        for one in good:
            bars = self.waterfall(one.run_id)
            begun = one.ended_at - timedelta(hours=one.lead_hours)
            before = (one.opened_at - begun).total_seconds()
            parts.append((before, (one.ended_at - one.opened_at).total_seconds(), bars))
        return lead_time(parts)

    def _deployments(self, name: str, window: Window, team: str) -> list[rules.Deployment] | None:
        head = self.pipelines.head(name)
        if head is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        versions: dict[str, Pipeline | None] = {}
        current = versions.setdefault(head.version, self.pipelines.version(name, head.version))
        if team and (current is None or current.tags.get("team") != team):
            return []
        found: list[rules.Deployment] = []
        for run in self.runs.recent(name, limit=MOST_RUNS):
            if run.opened_at < window.first - LONGEST_RUN:
                break
            if run.finished_at is None or not window.first <= run.finished_at < window.last:
                continue
            if run.version not in versions:
                versions[run.version] = self.pipelines.version(name, run.version)
            stage = _release_stage(versions[run.version])
            if stage is not None and (run.status is RunStatus.SUCCEEDED or self._failed_in(run, stage)):
                found.append(_deployment(run))
        return found if found or _release_stage(current) is not None else None

    def _failed_in(self, run: Run, stage: int) -> bool:
        """Return whether a run that did not succeed failed in its release stage; asks the table once."""
        if run.status not in {RunStatus.FAILED, RunStatus.TIMED_OUT}:
            return False
        record = self.runs.record(run.run_id)
        attempt = record.latest(stage) if record else None
        return attempt is not None and attempt.status is StageStatus.FAILED

    def waterfall(self, run_id: str) -> Sequence[Bar]:
        """Return where a run's time went.

        Raises:
            NotFound: There is no such run.
        """
        record = self.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}", field="run", fix="buildgate run list")
        ids = [slot.build_id for slot in record.slots if slot.build_id]
        heads = self.look(self.records.heads(ids)) if ids else {}
        return waterfall(record, heads, now=self.clock.now())


def _release_stage(pipeline: Pipeline | None) -> int | None:
    return None if pipeline is None else rules.release_stage([one.name for one in pipeline.stages], pipeline.tags)


def _deployment(run: Run) -> rules.Deployment:
    return rules.Deployment(
        run_id=run.run_id,
        pipeline=run.pipeline,
        commit=run.source.commit,
        opened_at=run.opened_at,
        ended_at=run.finished_at or run.opened_at,
        is_good=run.status is RunStatus.SUCCEEDED,
        is_retry=bool(run.retry_of),
        is_remedy=rules.is_remedy(run.source.ref, run.source.message),
        committed_at=run.source.committed_at,
    )
