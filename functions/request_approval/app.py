"""A run waits for people, whom this asks by links of their own, or for its turn behind other runs."""

from typing import Any, NamedTuple

from buildgate.domain.notices import Topic
from buildgate.inbound.machine_state import TurnWait, correlation_of, parse_wait
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
    park_for_turn = wiring.take_turns.park
    request = wiring.request_approval(link_base_url=settings.link_base_url, time_scale=settings.time_scale)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        wanted = parse_wait(event)
        if isinstance(wanted, TurnWait):
            reason = park_for_turn(wanted.ref, wanted.token)
            line.add(run_id=wanted.ref.run_id, correlation_id=correlation_of(event), decision="waits", reason=reason)
            return {"reason": reason}
        line.add(run_id=wanted.ref.run_id, correlation_id=correlation_of(event), approval=wanted.ref.to_text())
        if wanted.token:
            reason = request.park(wanted.ref.run_id, stage=wanted.ref.stage, name=wanted.ref.name, token=wanted.token)
        else:
            reason = request.remind(wanted.ref)
        line.add(decision="asked" if wanted.token else "reminded", reason=reason)
        return {"reason": reason}

    return handle


handler = entrypoint(build, Settings)
