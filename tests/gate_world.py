"""A world in which gates judge: runs whose builds put reports into the bucket, one push after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from buildgate.domain.gates import Gate, Verdict, parse
from buildgate.domain.gates.record import Judgement
from buildgate.domain.pipelines import BuildStep, Stage, Trigger
from buildgate.domain.runs import GateResult, Run
from buildgate.runtime.gate_wiring import GateWiring
from core_world import BUCKET, TABLE, CoreWorld

WATCHED = Trigger(repository="shop", branches=("main", "feature/*"))
COVERAGE = """<?xml version="1.0"?>
<coverage line-rate="1" lines-covered="{total}" lines-valid="{total}" version="7"><packages><package name="shop">
<classes><class name="p" filename="shop/prices.py"><lines>{lines}</lines></class></classes></package></packages>
</coverage>"""


def gate(**data: Any) -> Gate:
    """Return a gate; by default one that wants no failing test."""
    objectives = [{"measurement": "tests.failed", "pass": ["<= 0"]}]
    return parse({"name": "quality", "objectives": objectives} | data)


def metrics(**figures: float) -> str:
    """Return a metrics.json; `tests_failed` stands for `tests.failed`."""
    return json.dumps({"measurements": {name.replace("_", ".", 1): value for name, value in figures.items()}})


def coverage(hits: Mapping[int, int]) -> str:
    """Return a Cobertura report of shop/prices.py with these hits by line."""
    lines = "".join(f'<line number="{number}" hits="{count}"/>' for number, count in hits.items())
    return COVERAGE.format(total=len(hits), lines=lines)


class GateWorld(CoreWorld):
    """One stage `test` with one build; each run reports what a test says it reports."""

    def __init__(self) -> None:
        super().__init__(checks_parameters=False)
        self.aws.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.g = GateWiring(self.aws, table=TABLE, report_bucket=BUCKET)

    def reported(
        self,
        judged: Gate,
        reports: Mapping[str, str],
        *,
        files: Mapping[str, str] | None = None,
        branch: str = "main",
        triggers: tuple[Trigger, ...] = (WATCHED,),
        stage: Stage | None = None,
    ) -> Run:
        """Push, let the run's build succeed with these report files, and return the run before it is judged."""
        built = Stage("test", builds=(BuildStep("unit", "shop-unit"),), gates=(judged,))
        self.apply(stage or built, triggers=triggers)
        (run_id,) = self.w.start_run(self.push(files, branch=branch)).run_ids
        return self.built(self.run(run_id), reports)

    def built(self, run: Run, reports: Mapping[str, str]) -> Run:
        """Let a run's build succeed with these report files."""
        ref, _, build_id = self.started(run)
        for name, content in reports.items():
            key = f"reports/shop-unit/{ref.to_text()}/{name}"
            self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.encode())
        self.end_build(build_id)
        self.w.record_build.by_id(build_id)
        return run

    def judge(self, run: Run, name: str = "quality") -> Verdict:
        return self.g.evaluate_gate(run.run_id, stage=0, name=name)

    def judged(self, judged: Gate, reports: Mapping[str, str], **more: Any) -> tuple[Run, Verdict]:
        """Do both."""
        run = self.reported(judged, reports, **more)
        return run, self.judge(run, judged.name)

    def result(self, run: Run) -> GateResult:
        record = self.w.runs.record(run.run_id)
        assert record is not None
        return record.gates[0]

    def judgement(self, run: Run) -> Judgement:
        """Return a run's judgement as it is kept."""
        ref = self.result(run).judgement
        assert ref is not None
        return self.g.judgements.load(ref)
