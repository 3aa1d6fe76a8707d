"""A stage's builds are done: judge one of its gates by their reports."""

from typing import Any, NamedTuple

from buildgate.inbound.machine_state import correlation_of
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.gate_wiring import GateWiring
from buildgate.runtime.observability import Line


class Settings(NamedTuple):
    buildgate_table: str
    report_bucket: str


def build(settings: Settings, aws: Aws) -> Handle:
    evaluate = GateWiring(aws, table=settings.buildgate_table, report_bucket=settings.report_bucket).evaluate_gate

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        line.add(run_id=event["run_id"], correlation_id=correlation_of(event), stage=event["stage"], gate=event["name"])
        verdict = evaluate(event["run_id"], stage=int(event["stage"]), name=event["name"])
        line.add(decision=verdict.status, reason="; ".join(verdict.reasons))
        return {"status": verdict.status}

    return handle


handler = entrypoint(build, Settings)
