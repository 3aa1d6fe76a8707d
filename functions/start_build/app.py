"""A slot of a stage wants its build: start it once and keep the task's token."""

from typing import Any, NamedTuple

from buildgate.domain.builds import SlotRef
from buildgate.domain.notices import Topic
from buildgate.inbound.machine_state import correlation_of
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str
    report_bucket: str
    success_topic_arn: str
    failure_topic_arn: str


def build(settings: Settings, aws: Aws) -> Handle:
    topics = {Topic.SUCCESS: settings.success_topic_arn, Topic.FAILURE: settings.failure_topic_arn}
    wiring = Wiring(aws, table=settings.buildgate_table, topics=topics)
    start_build = wiring.start_build(report_bucket=settings.report_bucket)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        ref = SlotRef.from_text(event["slot"])
        line.add(run_id=ref.run_id, correlation_id=correlation_of(event), slot=event["slot"])
        started = start_build(ref, token=event["token"])
        line.add(build_id=started.build_id, project=started.build_id.rpartition(":")[0])
        line.add(correlation_id=started.run.correlation_id, decision=started.decision, reason=started.reason)
        return {"build_id": started.build_id}

    return handle


handler = entrypoint(build, Settings)
