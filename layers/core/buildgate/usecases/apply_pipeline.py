"""Stores a pipeline's new version, after its projects were found to exist."""

from __future__ import annotations

from dataclasses import dataclass

from buildgate.domain.errors import Rejected
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.pushes import matches
from buildgate.domain.times import whole_second
from buildgate.ports import Clock, Launcher, Pipelines, Pushes, Repositories


@dataclass(frozen=True, slots=True)
class Applied:
    """The version that is current now, and whether this call made it so."""

    version: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class ApplyPipeline:
    """Applies pipelines. Safe to repeat: the same content is the same version."""

    pipelines: Pipelines
    pushes: Pushes
    launcher: Launcher
    repositories: Repositories
    clock: Clock

    def __call__(self, pipeline: Pipeline, *, actor: str, is_dry_run: bool = False) -> Applied:
        """Store the version and make it current.

        Raises:
            Rejected: A build's project does not exist.
        """
        missing = self.launcher.missing_projects(pipeline.projects)
        if missing:
            raise Rejected(
                f"no such project: {', '.join(missing)}",
                field=_field_of(pipeline, missing[0]),
                fix="create it with: buildgate project apply FILE",
            )
        head = self.pipelines.head(pipeline.name)
        is_new = head is None or head.version != pipeline.digest
        if is_new and not is_dry_run:
            self._seed(pipeline)
            self.pipelines.apply(pipeline, actor=actor, now=self.clock.now())
        return Applied(pipeline.digest, is_new)

    def _seed(self, pipeline: Pipeline) -> None:
        """Note where the branches stand now, so that only later pushes are ever found missing."""
        now = whole_second(self.clock.now())
        for trigger in pipeline.triggers:
            names = self.repositories.branches(trigger.repository)
            for branch in (name for name in names if any(matches(glob, name) for glob in trigger.branches)):
                commit = self.repositories.head_of(trigger.repository, branch)
                if commit:
                    key = f"{trigger.provider}:{trigger.repository}"
                    self.pushes.seed_cursor(key, branch, commit, now)


def _field_of(pipeline: Pipeline, project: str) -> str:
    for stage_index, stage in enumerate(pipeline.stages):
        for build_index, build in enumerate(stage.builds):
            if build.project == project:
                return f"stages[{stage_index}].builds[{build_index}].project"
    return "stages"
