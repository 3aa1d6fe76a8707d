"""Judges a gate by the reports of a stage's builds, and keeps the verdict with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import Build
from buildgate.domain.errors import NotFound
from buildgate.domain.gates import Evidence, Gate, Pin, Verdict, judge
from buildgate.domain.gates.gather import gather, is_fed_by
from buildgate.domain.measurements import Refusal, Report
from buildgate.domain.runs import GateResult, RunRecord, StageAttempt
from buildgate.ports import Clock, Launcher, Pipelines, Reports, Runs


@dataclass(frozen=True, slots=True)
class EvaluateGate:
    """Evaluates one gate of one stage attempt. Safe to repeat: the first stored verdict stands."""

    pipelines: Pipelines
    runs: Runs
    launcher: Launcher
    reports: Reports
    clock: Clock

    def __call__(self, run_id: str, *, stage: int, name: str) -> Verdict:
        """Judge the gate and store the verdict.

        Raises:
            NotFound: The run, stage or gate does not exist.
        """
        record = self.runs.record(run_id)
        attempt = record.latest(stage) if record else None
        if record is None or attempt is None:
            raise NotFound(f"run {run_id} has no stage {stage}")
        known = next((one for one in record.gates_of(attempt) if one.name == name), None)
        if known is not None:
            return known.verdict
        gate = self._gate(record, stage, name)
        verdict = judge(gate, self._evidence(gate, self._builds(record, attempt)))
        self.runs.store_gate(run_id, GateResult(stage, attempt.attempt, name, verdict, self.clock.now()))
        return verdict

    def _gate(self, record: RunRecord, stage: int, name: str) -> Gate:
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version)
        gates = pipeline.stages[stage].gates if pipeline and stage < len(pipeline.stages) else ()
        gate = next((one for one in gates if one.name == name), None)
        if gate is None:
            raise NotFound(f"stage {stage} of {record.run.pipeline} has no gate {name}")
        return gate

    def _builds(self, record: RunRecord, attempt: StageAttempt) -> Sequence[Build]:
        """Return the stage's builds; a stage that builds nothing is judged by the builds before it."""
        slots = record.slots_of(attempt) or list(record.slots)
        ids = [slot.build_id for slot in slots if slot.build_id]
        return self.launcher.builds(ids) if ids else []

    def _evidence(self, gate: Gate, builds: Iterable[Build]) -> Evidence:
        files = [file for build in builds for file in self.reports.of_build(build) if is_fed_by(gate, file.name)]
        reports: list[Report] = []
        refused: list[Refusal] = []
        pins: list[Pin] = []
        for file in files:
            read = self.reports.read(file)
            reports += read.reports
            refused += [read.refusal] if read.refusal else []
            pins.append(Pin(file.name, read.sha256, file.version_id))
        if not files and not gate.reports:
            refused.append(Refusal("any report", "absent", "no build of the stage reported one"))
        return gather(gate, reports, refused, Evidence(now=self.clock.now()), pins=pins)
