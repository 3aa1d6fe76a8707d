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
from buildgate.usecases.fold_days import COST_TAGS, TEAM_TAG

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
class Releases:
    """Which releases a question is about; an empty field means all.

    ``team`` and ``cost_centre`` are tags of pipelines. ``stage`` takes the place of what counts as the release stage.
    ``compute`` keeps releases with a build of that stage on this compute type, which asks the table for each run.
    """

    pipeline: str = ""
    team: str = ""
    cost_centre: str = ""
    stage: str = ""
    compute: str = ""

    def has(self, pipeline: Pipeline | None) -> bool:
        """Return whether a pipeline's tags are the wanted ones."""
        if not (self.team or self.cost_centre):
            return True
        tags = {} if pipeline is None else {name.lower(): value for name, value in pipeline.tags.items()}
        centre = next((tags[name] for name in COST_TAGS if tags.get(name)), "")
        return self.team in {"", tags.get(TEAM_TAG, "")} and self.cost_centre in {"", centre}

    def stage_of(self, pipeline: Pipeline | None) -> int | None:
        """Return the index of the stage that releases, or None when there is none."""
        if pipeline is None:
            return None
        names = [one.name for one in pipeline.stages]
        if self.stage:
            return names.index(self.stage) if self.stage in names else None
        return rules.release_stage(names, pipeline.tags)


@dataclass(frozen=True, slots=True)
class AnalyseReleases:
    """Reads runs of one pipeline, or of all, and measures releases."""

    runs: Runs
    pipelines: Pipelines
    records: BuildRecords
    clock: Clock
    look: LookAtBuilds

    def dora(self, window: Window, asked: Releases) -> tuple[rules.Dora, Sequence[str]]:
        """Return the five metrics, and what is to be known of them (pipelines without a release stage).

        Args:
            window: Deployments count that ended in it.
            asked: Which releases.

        Raises:
            NotFound: There is no such pipeline.
        """
        names = [asked.pipeline] if asked.pipeline else [head.name for head in self.pipelines.heads()]
        found: list[rules.Deployment] = []
        notes: list[str] = []
        for name in names:
            deployments = self._deployments(name, window, asked)
            if deployments is None:
                no_stage = f"no stage {asked.stage}" if asked.stage else "no release stage"
                notes.append(f"{name} has {no_stage}: its runs deploy nothing")
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

    def _deployments(self, name: str, window: Window, asked: Releases) -> list[rules.Deployment] | None:
        head = self.pipelines.head(name)
        if head is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        versions: dict[str, Pipeline | None] = {}
        current = versions.setdefault(head.version, self.pipelines.version(name, head.version))
        if not asked.has(current):
            return []
        found: list[rules.Deployment] = []
        for run in self.runs.recent(name, limit=MOST_RUNS):
            if run.opened_at < window.first - LONGEST_RUN:
                break
            if run.finished_at is None or not window.first <= run.finished_at < window.last:
                continue
            if run.version not in versions:
                versions[run.version] = self.pipelines.version(name, run.version)
            stage = asked.stage_of(versions[run.version])
            if stage is None or not (run.status is RunStatus.SUCCEEDED or self._failed_in(run, stage)):
                continue
            if not asked.compute or self._built_on(asked.compute, run, stage):
                found.append(_deployment(run))
        return found if found or asked.stage_of(current) is not None else None

    def _built_on(self, compute: str, run: Run, stage: int) -> bool:
        """Return whether a build of a run's stage ran on a compute type; asks the table twice."""
        record = self.runs.record(run.run_id)
        slots = record.slots if record else ()
        ids = [slot.build_id for slot in slots if slot.build_id and slot.ref.stage == stage]
        heads = self.records.heads(ids).values() if ids else ()
        return any(head.compute_type == compute for head in heads)

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
