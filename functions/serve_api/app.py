"""The operator's API: pipelines, runs, approvals and metrics, for callers that AWS has identified."""

from typing import Any, NamedTuple

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api
from buildgate.web.trail import Trail, request_id_of


class Settings(NamedTuple):
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
    seal = f"{settings.buildgate_table} {settings.run_machine_arn} {settings.report_bucket}"
    api, whose = Api(wiring, tests, seal=seal), Trail(wiring.runs)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        answer = api(event)
        line.add(event_id=request_id_of(event), route=answer.route, actor=answer.actor)
        line.add(**whose(event, answer), status_code=answer.status_code)
        line.add(decision="answered" if answer.status_code < 400 else "refused", reason=answer.reason)
        return answer.to_data()

    return handle


handler = entrypoint(build, Settings)
