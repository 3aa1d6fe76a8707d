"""A stage's builds are done: judge one of its gates by their reports."""

from dataclasses import dataclass
from typing import Any

from buildgate.adapters.report_store import S3Reports
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.evaluate_gate import EvaluateGate


@dataclass(frozen=True)
class Settings:
    buildgate_table: str
    report_bucket: str


def build(settings: Settings, aws: Aws) -> Handle:
    wiring = Wiring(aws, table=settings.buildgate_table)
    reports = S3Reports(aws.client("s3"), aws.client("codebuild"), settings.report_bucket)
    evaluate = EvaluateGate(wiring.pipelines, wiring.runs, wiring.launcher, reports, wiring.clock)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        line.add(run_id=event["run_id"], stage=event["stage"], gate=event["name"])
        verdict = evaluate(event["run_id"], stage=int(event["stage"]), name=event["name"])
        line.add(verdict=verdict.status, reason="; ".join(verdict.reasons))
        return {"status": verdict.status}

    return handle


handler = entrypoint(build, Settings)
