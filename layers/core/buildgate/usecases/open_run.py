"""A run that no push opened: a person's or a program's wish, or a retry of an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.ids import sortable_id
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.runs import Run, RunRecord, RunStatus, Source, StageAttempt, StageStatus
from buildgate.domain.steps import may_continue, run_due_at
from buildgate.ports import Clock, Executions, Pipelines, Randomness, Repositories, Runs


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what built. Without a commit it is the branch's head; without a branch the default branch."""

    pipeline: str
    actor: str
    correlation_id: str
    repository: str = ""
    ref: str = ""
    ref_type: str = "branch"
    commit: str = ""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """Opens runs by hand. Not safe to repeat: each wish is a run of its own."""

    pipelines: Pipelines
    runs: Runs
    repositories: Repositories
    executions: Executions
    clock: Clock
    randomness: Randomness

    def start(self, wish: Wish) -> Run:
        """Open a run of a pipeline's current version.

        Raises:
            NotFound: There is no such pipeline, branch or commit.
            Rejected: The reference is neither a branch nor a tag with its commit.
        """
        head = self.pipelines.head(wish.pipeline)
        pipeline = self.pipelines.version(head.name, head.version) if head else None
        if head is None or pipeline is None:
            raise NotFound(f"there is no pipeline {wish.pipeline}", field="pipeline", fix="buildgate pipeline list")
        source = self._source(pipeline, wish)
        return self._open(pipeline, head.version, source, wish, carried=(), retry_of="", trigger="manual")

    def retry(self, record: RunRecord, *, stage: str, actor: str, correlation_id: str) -> Run:
        """Open a run that goes on from a stage of an ended one, with the same version, commit and earlier results.

        Raises:
            Rejected: The run goes on, or a stage before the given one did not succeed in it.
            NotFound: The pipeline has no such stage.
        """
        old = record.run
        if not old.status.is_final:
            raise Rejected(f"run {old.run_id} is {old.status}: only an ended run can be retried")
        pipeline = self.pipelines.version(old.pipeline, old.version)
        if pipeline is None:
            raise NotFound(f"version {old.version[:12]} of pipeline {old.pipeline} is gone")
        names = [one.name for one in pipeline.stages]
        first = names.index(stage) if stage in names else -1
        if stage and first < 0:
            raise NotFound(f"{old.pipeline} has no stage {stage}", field="stage", fix=f"one of {', '.join(names)}")
        if not stage:
            first = _first_unfinished(record, len(names))
        carried = self._carried(record, names, first)
        wish = Wish(old.pipeline, actor, correlation_id)
        return self._open(
            pipeline, old.version, old.source, wish, carried=carried, retry_of=old.run_id, trigger="retry"
        )

    def _carried(self, record: RunRecord, names: Sequence[str], first: int) -> list[StageAttempt]:
        now = self.clock.now()
        carried = []
        for index in range(first):
            attempt = record.latest(index)
            if attempt is None or not may_continue(attempt):
                raise Rejected(f"stage {names[index]} did not succeed in run {record.run.run_id}", field="stage")
            reason = f"taken over from run {record.run.run_id}"
            carried.append(StageAttempt(index, 1, names[index], StageStatus.CARRIED, now, now, reason))
        return carried

    def _source(self, pipeline: Pipeline, wish: Wish) -> Source:
        if wish.ref_type not in {"branch", "tag"}:
            raise Rejected(
                f"{wish.ref_type!r} names neither a branch nor a tag", field="ref", fix="branch:NAME or tag:NAME"
            )
        if wish.ref_type == "tag" and not wish.commit:
            raise Rejected(
                f"tag {wish.ref} needs the commit it stands for", field="commit", fix="git rev-list -n 1 TAG"
            )
        repository = wish.repository or next((one.repository for one in pipeline.triggers), "")
        if not repository:
            return Source("none", "", "none", "", wish.commit, actor=wish.actor)
        ref = wish.ref or self.repositories.default_branch(repository) or ""
        commit = wish.commit or (self.repositories.head_of(repository, ref) if ref else None)
        if not commit:
            raise NotFound(f"repository {repository} has no branch {ref or '(no default branch)'}", field="ref")
        info = self.repositories.commit(repository, commit)
        if info is None:
            raise NotFound(f"repository {repository} has no commit {commit}", field="commit")
        return Source(
            provider="codecommit",
            repository=repository,
            ref_type=wish.ref_type,
            ref=ref,
            commit=commit,
            actor=wish.actor,
            message=info.message,
            authors=info.authors,
            committed_at=info.committed_at,
        )

    def _open(
        self,
        pipeline: Pipeline,
        version: str,
        source: Source,
        wish: Wish,
        *,
        carried: Sequence[StageAttempt],
        retry_of: str,
        trigger: str,
    ) -> Run:
        now = self.clock.now()
        run = Run(
            run_id=sortable_id(now, self.randomness.random_bytes(10)),
            pipeline=pipeline.name,
            version=version,
            status=RunStatus.QUEUED,
            source=source,
            opened_at=now,
            due_at=run_due_at(pipeline, now),
            trigger=trigger,
            correlation_id=wish.correlation_id,
            retry_of=retry_of,
        )
        self.runs.open(run, carried)
        self.executions.start(run)
        return run


def _first_unfinished(record: RunRecord, count: int) -> int:
    for index in range(count):
        attempt = record.latest(index)
        if attempt is None or not may_continue(attempt):
            return index
    return 0
