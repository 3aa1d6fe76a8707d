"""The approval page: looking never decides, posting does, once."""

from typing import Any, NamedTuple

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring
from buildgate.web.approval_page import ApprovalPage
from buildgate.web.trail import request_id_of


class Settings(NamedTuple):
    buildgate_table: str


def build(settings: Settings, aws: Aws) -> Handle:
    wiring = Wiring(aws, table=settings.buildgate_table)
    page = ApprovalPage(wiring.runs, wiring.pipelines, wiring.approvals, wiring.decide_approval, wiring.clock)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        answer = page(event)
        line.add(event_id=request_id_of(event), run_id=answer.run_id, correlation_id=answer.correlation_id)
        line.add(approval=answer.approval_id, status_code=answer.status_code)
        line.add(decision=answer.decision, reason=answer.reason)
        return answer.to_data()

    return handle


handler = entrypoint(build, Settings)
