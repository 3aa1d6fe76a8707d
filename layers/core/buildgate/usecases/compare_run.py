"""Finds what a gate compares a run with: earlier passing judgements, and the lines its change touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from buildgate.domain.errors import NotFound
from buildgate.domain.gates import Baseline, Gate
from buildgate.domain.gates.baselines import PastResult, Selection, is_eligible, select
from buildgate.domain.gates.changed_lines import count
from buildgate.domain.gates.comparison import is_long_lived
from buildgate.domain.gates.record import JudgementRef
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.runs import Run, Source
from buildgate.ports import Repositories, Runs
from buildgate.usecases.gate_ports import ChangedCode, Judgements, LineChanges

_LOOK_BACK = 200
"""How many judgements of a branch are looked at for one that passed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a run's change touched. `count` is None when it is not known, `note` says what was compared or why not."""

    code: ChangedCode
    count: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CompareRun:
    """Reads only what a gate asks for: no history for absolute criteria, no diff without a condition on new code."""

    runs: Runs
    repositories: Repositories
    changes: LineChanges
    judgements: Judgements

    def baseline(self, gate: Gate, run: Run, pipeline: Pipeline, stage: str) -> Selection:
        """Choose what relative criteria compare with; without a baseline the reason says why there is none."""
        if not gate.needs_baseline:
            return Selection(None, "")
        if gate.baseline.run is not None:
            return self._named(gate, gate.baseline.run, pipeline, stage)
        branch = gate.baseline.branch or self._target(run.source, pipeline)
        if not branch:
            return Selection(None, f"{run.source.repository} has no default branch to compare with")
        past = list(self._passing(gate, run, stage, branch))
        return select(gate.baseline, past, target_branch=branch)

    def _target(self, source: Source, pipeline: Pipeline) -> str:
        if is_long_lived(source, pipeline.triggers):
            return source.ref
        return self.repositories.default_branch(source.repository) or (
            source.ref if source.ref_type == "branch" else ""
        )

    def _passing(self, gate: Gate, run: Run, stage: str, branch: str) -> Iterator[PastResult]:
        """Yield as many eligible results as the rule takes, newest first; one that is not kept any more is passed by."""
        left = gate.baseline.results
        heads = self.judgements.on_branch(run.pipeline, stage, gate.name, branch)
        for _, head in zip(range(_LOOK_BACK), heads, strict=False):
            listed = PastResult(head.run_id, branch, "", head.status, head.may_seed)
            if head.run_id == run.run_id or head.ref is None or not is_eligible(gate.baseline, listed):
                continue
            past = self._loaded(head.ref)
            if past is None:
                continue
            yield replace(past, branch=branch)
            left -= 1
            if not left:
                return

    def _named(self, gate: Gate, run_id: str, pipeline: Pipeline, stage: str) -> Selection:
        record = self.runs.record(run_id)
        results: Iterable[PastResult] = ()
        if record is not None and record.run.pipeline == pipeline.name:
            places = {attempt.index for attempt in record.stages if attempt.name == stage}
            refs = [g.judgement for g in record.gates if g.name == gate.name and g.stage in places and g.judgement]
            results = [past for ref in refs if (past := self._loaded(ref)) is not None]
        return select(gate.baseline, results, target_branch="")

    def _loaded(self, ref: JudgementRef) -> PastResult | None:
        try:
            return self.judgements.load(ref).as_past_result()
        except NotFound:
            return None

    def change(self, gate: Gate, source: Source) -> Change:
        """Compare the run's head with its base, when the gate has a condition on new code."""
        if not gate.needs_changed_lines:
            return Change(ChangedCode())
        if source.provider != "codecommit" or not source.commit:
            return Change(ChangedCode(), note="what the change touched is not known: its repository is not CodeCommit")
        try:
            base = self._base(source)
            code = self.changes.changed_lines(source.repository, base, source.commit)
        except NotFound as error:
            return Change(ChangedCode(), note=f"what the change touched is not known: {error.reason}")
        lines = count(code.lines)
        where = f"new code is {lines} lines in {len(code.lines)} files since {base[:10] or 'the beginning'}"
        if code.unread:
            where += f"; not compared: {'; '.join(code.unread[:5])}"
        return Change(code, None if code.unread else lines, where)

    def _base(self, source: Source) -> str:
        """Return where the change began: the push's old commit, or the default branch, or the commit's parent."""
        if source.old_commit:
            return source.old_commit
        default = self.repositories.default_branch(source.repository)
        if default and default != source.ref:
            head = self.repositories.head_of(source.repository, default)
            if head and head != source.commit:
                return head
        commit = self.repositories.commit(source.repository, source.commit)
        return commit.parents[0] if commit and commit.parents else ""


def baseline_note(selection: Selection, baseline: Baseline | None) -> tuple[str, ...]:
    """Return what a reader of the verdict must know of the baseline."""
    if not selection.reason:
        return ()
    return (f"compared with {selection.reason}" if baseline else f"compared with nothing: {selection.reason}",)
