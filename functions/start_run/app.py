"""A branch or tag of a repository changed: open the runs it triggers."""

from typing import Any, NamedTuple

from buildgate.inbound.push_event import parse_push_event
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str
    run_machine_arn: str


def build(settings: Settings, aws: Aws) -> Handle:
    start_run = Wiring(aws, table=settings.buildgate_table, machine_arn=settings.run_machine_arn).start_run

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        push = parse_push_event(event)
        if push is None:
            line.add(event_id=str(event.get("id", "")), decision="ignored", reason="no branch or tag changed")
            return {"run_ids": []}
        line.add(event_id=push.event_id, repository=push.repository, ref=push.ref, commit=push.commit)
        opened = start_run(push)
        line.add(run_ids=list(opened.run_ids), correlation_id=opened.correlation_id)
        line.add(decision=opened.decision, reason=opened.reason)
        return {"run_ids": list(opened.run_ids)}

    return handle


handler = entrypoint(build, Settings)
