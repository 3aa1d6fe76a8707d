"""A push becomes runs: exactly one for each pipeline it triggers, however often its event is delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgate.domain.errors import Conflict
from buildgate.domain.ids import sortable_id
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.pushes import (
    Cursor,
    Fresh,
    NeedsPaths,
    Push,
    Seen,
    Unmatched,
    asks_to_skip,
    judge_push,
    match_paths,
    match_ref,
)
from buildgate.domain.redaction import redact
from buildgate.domain.runs import Run, RunStatus, Source
from buildgate.domain.steps import run_due_at
from buildgate.ports import Clock, CommitInfo, Executions, Pipelines, Pushes, Randomness, Repositories, Runs

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """What a push did. ``run_ids`` is empty when it opened nothing; ``reason`` says why.

    ``correlation_id`` is what every run of the push carries on: the id of the event that opened them.
    """

    run_ids: tuple[str, ...]
    reason: str
    correlation_id: str
    decision: str


@dataclass(frozen=True, slots=True)
class StartRun:
    """Opens the runs of a push in one transaction with the event's id and the branch's cursor."""

    pipelines: Pipelines
    pushes: Pushes
    runs: Runs
    repositories: Repositories
    executions: Executions
    clock: Clock
    randomness: Randomness

    def __call__(self, push: Push) -> Opened:
        """Open what the push triggers; safe to repeat.

        Raises:
            Conflict: Other pushes of the branch kept coming in between; the event is delivered again.
        """
        for _ in range(_TRIES):
            try:
                return self._open(push)
            except Conflict:
                continue
        raise Conflict(f"{push.repository} {push.ref}: other pushes were in the way {_TRIES} times")

    def _open(self, push: Push) -> Opened:
        seen = self.pushes.event(push.event_id)
        if seen is not None:
            self._ensure_started(seen.run_ids)
            return Opened(seen.run_ids, f"seen before: {seen.reason}", push.event_id, "seen before")
        cursor = self.pushes.cursor(push.repository_key, push.ref_type, push.ref)
        judged = judge_push(push, cursor)
        if isinstance(judged, Seen):
            return Opened((), judged.reason, push.event_id, "known")
        return self._open_fresh(push, (cursor, judged))

    def _open_fresh(self, push: Push, moved: tuple[Cursor | None, Fresh]) -> Opened:
        cursor, fresh = moved
        matched, reasons = self._matching(push)
        commit = self.repositories.commit(push.repository, push.commit) if matched else None
        if commit is not None and asks_to_skip(commit.message):
            matched, reasons = [], ["the commit message asks to skip"]
        runs = [self._run(push, pipeline, version, commit) for pipeline, version in matched]
        reason = "; ".join(reasons) or fresh.reason
        if not runs:
            self.pushes.ignore(push, redact(reason))
        self.pushes.open_runs(push, moved=(cursor, fresh.cursor), runs=runs, reason=redact(reason))
        for run in runs:
            self.executions.start(run)
        return Opened(tuple(run.run_id for run in runs), reason, push.event_id, "opened" if runs else "ignored")

    def _matching(self, push: Push) -> tuple[list[tuple[Pipeline, str]], list[str]]:
        """Return the triggered (pipeline, version), and for each trigger the reason it fits or does not."""
        matched: dict[str, tuple[Pipeline, str]] = {}
        reasons: list[str] = []
        for name, version, index in self.pipelines.triggered_by(push.repository_key):
            pipeline = self.pipelines.version(name, version)
            if pipeline is None or index >= len(pipeline.triggers):
                continue
            answer = match_ref(push, pipeline.triggers[index])
            if isinstance(answer, NeedsPaths):
                answer = match_paths(self._changed_paths(push), pipeline.triggers[index])
            reasons.append(f"{name}: {answer.reason}")
            if not isinstance(answer, Unmatched):
                matched[name] = (pipeline, version)
        return list(matched.values()), reasons or ["no pipeline has a trigger on this repository"]

    def _changed_paths(self, push: Push) -> Sequence[str]:
        return list(self.repositories.changed_paths(push.repository, self._base(push), push.commit))

    def _base(self, push: Push) -> str:
        """Return what a push is compared with: where the branch stood; for a new one the default branch's tip."""
        if push.old_commit:
            return push.old_commit
        default = self.repositories.default_branch(push.repository)
        is_other = bool(default) and default != push.ref
        return self.repositories.head_of(push.repository, default or "") or "" if is_other else ""

    def _run(self, push: Push, pipeline: Pipeline, version: str, commit: CommitInfo | None) -> Run:
        now = self.clock.now()
        authors: tuple[str, ...] = commit.authors if commit else ()
        if _bars_authors(pipeline) and push.ref_type == "branch":
            authors = self.repositories.authors_between(push.repository, self._base(push), push.commit) or authors
        return Run(
            run_id=sortable_id(now, self.randomness.random_bytes(10)),
            pipeline=pipeline.name,
            version=version,
            status=RunStatus.QUEUED,
            source=Source(
                provider=push.provider,
                repository=push.repository,
                ref_type=push.ref_type,
                ref=push.ref,
                commit=push.commit,
                old_commit=push.old_commit,
                actor=push.actor,
                message=commit.message if commit else "",
                authors=authors,
                committed_at=commit.committed_at if commit else None,
            ),
            opened_at=now,
            due_at=run_due_at(pipeline, now),
            trigger="reconcile" if push.is_healed else "push",
            correlation_id=push.event_id,
        )

    def _ensure_started(self, run_ids: Sequence[str]) -> None:
        """Start again what a crash may have left: an execution that exists is left alone."""
        for run_id in run_ids:
            run = self.runs.run(run_id)
            if run is not None and run.status is RunStatus.QUEUED:
                self.executions.start(run)


def _bars_authors(pipeline: Pipeline) -> bool:
    return any(stage.approval is not None and not stage.approval.allow_self for stage in pipeline.stages)
