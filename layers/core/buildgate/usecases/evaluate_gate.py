"""Judges a gate by the reports of a stage's builds, and keeps the verdict with everything it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgate.domain.builds import Build
from buildgate.domain.errors import NotFound
from buildgate.domain.gates import Evidence, Gate, Pin, Verdict, judge
from buildgate.domain.gates.comparison import branch_of, head_of
from buildgate.domain.gates.gather import gather, is_fed_by
from buildgate.domain.gates.record import Judgement
from buildgate.domain.measurements import Refusal
from buildgate.domain.pipelines import Pipeline
from buildgate.domain.runs import GateResult, RunRecord, StageAttempt
from buildgate.domain.times import to_text
from buildgate.ports import Clock, Launcher, Pipelines, Runs
from buildgate.usecases.compare_run import CompareRun, baseline_note
from buildgate.usecases.gate_ports import Fetched, Judgements, Reports, SourceFacts, Sources, Waivers


@dataclass(frozen=True, slots=True)
class EvaluateGate:
    """Evaluates one gate of one stage attempt. Safe to repeat: the first stored verdict stands."""

    pipelines: Pipelines
    runs: Runs
    launcher: Launcher
    reports: Reports
    sources: Sources
    judgements: Judgements
    waivers: Waivers
    compare: CompareRun
    clock: Clock

    def __call__(self, run_id: str, *, stage: int, name: str) -> Verdict:
        """Judge the gate, and store the judgement, the verdict and the history's entry, in this order.

        Raises:
            NotFound: The run, stage or gate does not exist.
        """
        record, attempt = self._place(run_id, stage)
        known = _result(record, attempt, name)
        if known is None:
            pipeline, gate = self._gate(record, stage, name)
            known = self._judged(record, attempt, pipeline, gate)
            if not self.runs.store_gate(run_id, known):
                record, attempt = self._place(run_id, stage)
                known = _result(record, attempt, name) or known
        head = head_of(record.run, attempt.name, known.verdict, at=known.evaluated_at, ref=known.judgement)
        self.judgements.note(head)
        return known.verdict

    def _place(self, run_id: str, stage: int) -> tuple[RunRecord, StageAttempt]:
        record = self.runs.record(run_id)
        attempt = record.latest(stage) if record else None
        if record is None or attempt is None:
            raise NotFound(f"run {run_id} has no stage {stage}")
        return record, attempt

    def _gate(self, record: RunRecord, stage: int, name: str) -> tuple[Pipeline, Gate]:
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version)
        gates = pipeline.stages[stage].gates if pipeline and stage < len(pipeline.stages) else ()
        gate = next((one for one in gates if one.name == name), None)
        if pipeline is None or gate is None:
            raise NotFound(f"stage {stage} of {record.run.pipeline} has no gate {name}")
        return pipeline, gate

    def _judged(self, record: RunRecord, attempt: StageAttempt, pipeline: Pipeline, gate: Gate) -> GateResult:
        run, now = record.run, self.clock.now()
        selection = self.compare.baseline(gate, run, pipeline, attempt.name)
        change = self.compare.change(gate, run.source)
        context = Evidence(
            baseline=selection.baseline,
            waivers=tuple(one.waiver for one in self.waivers.of_pipeline(run.pipeline) if one.is_for(gate.name)),
            changed_lines=change.count,
            notes=(*baseline_note(selection, selection.baseline), *([change.note] if change.note else [])),
            now=now,
        )
        facts = SourceFacts(run, gate.name, self._builds(record, attempt), now, change.code.lines)
        evidence = self._evidence(gate, facts, context)
        verdict = judge(gate, evidence)
        judgement = Judgement(gate, evidence, verdict, run.run_id, branch_of(run.source), to_text(now))
        ref = self.judgements.keep(judgement, pipeline=run.pipeline, stage=attempt.name)
        return GateResult(attempt.index, attempt.attempt, gate.name, verdict, now, ref)

    def _builds(self, record: RunRecord, attempt: StageAttempt) -> Sequence[Build]:
        """Return the stage's builds; a stage that builds nothing is judged by the builds before it."""
        slots = record.slots_of(attempt) or list(record.slots)
        ids = [slot.build_id for slot in slots if slot.build_id]
        return self.launcher.builds(ids) if ids else []

    def _evidence(self, gate: Gate, facts: SourceFacts, context: Evidence) -> Evidence:
        files = [f for build in facts.builds for f in self.reports.of_build(build) if is_fed_by(gate, f.name)]
        found = [Fetched(f.name, self.reports.read(f, changed=facts.changed), f.version_id) for f in files]
        for source in gate.sources:
            found += self.sources.fetch(source.filled(facts.words), facts)
        reports = [report for one in found for report in one.read.reports]
        refused = [one.read.refusal for one in found if one.read.refusal]
        pins = [Pin(one.name, one.read.sha256, one.version) for one in found if one.read.sha256]
        if not found and not gate.reports:
            refused.append(Refusal("any report", "absent", "no build of the stage reported one"))
        return gather(gate, reports, refused, context, pins=pins)


def _result(record: RunRecord, attempt: StageAttempt, name: str) -> GateResult | None:
    return next((one for one in record.gates_of(attempt) if one.name == name), None)
