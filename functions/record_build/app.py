"""A build changed: look it up, record it once, let its run go on."""

from typing import Any, NamedTuple

from buildgate.domain.errors import Corrupt
from buildgate.domain.notices import Topic
from buildgate.inbound.build_event import parse_build_event, unfit_of
from buildgate.runtime.build_wiring import BuildWiring
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.metrics import LATE_SECONDS, emit_build, emit_late_event
from buildgate.runtime.observability import Line


class Settings(NamedTuple):
    buildgate_table: str
    success_topic_arn: str
    failure_topic_arn: str
    buildgate_account: str
    aws_region: str


def build(settings: Settings, aws: Aws) -> Handle:
    topics = {Topic.SUCCESS: settings.success_topic_arn, Topic.FAILURE: settings.failure_topic_arn}
    wiring = BuildWiring(aws, table=settings.buildgate_table, topics=topics)
    record = wiring.record_build

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        try:
            hint = parse_build_event(event, account=settings.buildgate_account, region=settings.aws_region)
        except Corrupt as error:
            wiring.quarantine(unfit_of(event, error.reason))
            line.add(event_id=str(event.get("id", "")), decision="quarantined", reason=error.reason)
            return {"build_id": "", "counted": False}
        line.add(event_id=hint.event_id, build_id=hint.build_id, project=hint.project)
        delay = (wiring.clock.now() - hint.at).total_seconds() if hint.at else None
        result = record.by_id(hint.build_id)
        line.add(decision=result.decision, reason=result.reason, correlation_id=result.correlation_id)
        line.add(callback=result.callback, notice=result.notice, counted=result.is_counted)
        if result.head is not None:
            slot = result.head.slot
            line.add(run_id=slot.run_id if slot else "", status=result.head.status.value)
        if result.head is not None and result.is_counted:
            emit_build(result.head, event_delay=delay)
        elif delay is not None and delay >= LATE_SECONDS:
            emit_late_event(hint.build_id, delay)
        return {"build_id": hint.build_id, "counted": result.is_counted}

    return handle


handler = entrypoint(build, Settings, warm=("codebuild", "dynamodb"))
