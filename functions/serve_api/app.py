"""The operator's API: pipelines, runs, approvals and metrics, for callers that AWS has identified."""

from dataclasses import dataclass
from typing import Any

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api


@dataclass(frozen=True)
class Settings:
    buildgate_table: str
    run_machine_arn: str
    report_bucket: str


def build(settings: Settings, aws: Aws) -> Handle:
    wiring = Wiring(
        aws,
        table=settings.buildgate_table,
        machine_arn=settings.run_machine_arn,
        report_bucket=settings.report_bucket,
    )
    tests = TestWiring(aws, table=settings.buildgate_table, report_bucket=settings.report_bucket)
    api = Api(wiring, tests)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        answer = api(event)
        line.add(route=answer.route, actor=answer.actor, status_code=answer.status_code, reason=answer.reason)
        return answer.to_data()

    return handle


handler = entrypoint(build, Settings)
