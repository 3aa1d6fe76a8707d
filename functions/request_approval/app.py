"""A run waits for people: ask them, each by a link of their own."""

from typing import Any, NamedTuple

from buildgate.domain.notices import Topic
from buildgate.inbound.machine_state import correlation_of, parse_approval_request
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str
    approval_topic_arn: str
    link_base_url: str
    time_scale: float = 1.0


def build(settings: Settings, aws: Aws) -> Handle:
    wiring = Wiring(aws, table=settings.buildgate_table, topics={Topic.APPROVAL: settings.approval_topic_arn})
    request = wiring.request_approval(link_base_url=settings.link_base_url, time_scale=settings.time_scale)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        wanted = parse_approval_request(event)
        line.add(run_id=wanted.ref.run_id, correlation_id=correlation_of(event), approval=wanted.ref.to_text())
        if wanted.token:
            reason = request.park(wanted.ref.run_id, stage=wanted.ref.stage, name=wanted.ref.name, token=wanted.token)
        else:
            reason = request.remind(wanted.ref)
        line.add(decision="asked" if wanted.token else "reminded", reason=reason)
        return {"reason": reason}

    return handle


handler = entrypoint(build, Settings)
