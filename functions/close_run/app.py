"""A run is at its end, or its execution is: judge it from the table and clean up."""

from typing import Any, NamedTuple

from buildgate.domain.notices import Topic
from buildgate.inbound.machine_state import cause_text, correlation_of, parse_execution_event
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str
    run_machine_arn: str
    success_topic_arn: str
    failure_topic_arn: str


def build(settings: Settings, aws: Aws) -> Handle:
    topics = {Topic.SUCCESS: settings.success_topic_arn, Topic.FAILURE: settings.failure_topic_arn}
    close = Wiring(aws, table=settings.buildgate_table, machine_arn=settings.run_machine_arn, topics=topics).close_run

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        ended = parse_execution_event(event)
        if ended is not None:
            line.add(event_id=ended.event_id, run_id=ended.run_id, execution=ended.execution_name)
            run, done = close.execution_died(
                ended.run_id,
                execution_name=ended.execution_name,
                status=ended.status,
                is_interrupted=ended.is_interrupted,
            )
            line.add(correlation_id=run.correlation_id, pipeline=run.pipeline, status=ended.status)
            line.add(decision=done, reason=f"execution {ended.execution_name} {ended.status}")
            return {"reason": done}
        error = (event.get("state") or {}).get("error") or {}
        said = f"{error.get('Error', '')}: {cause_text(error.get('Cause'))}" if error else ""
        line.add(run_id=event["run_id"], correlation_id=correlation_of(event))
        run = close(event["run_id"], error=said)
        line.add(correlation_id=run.correlation_id, pipeline=run.pipeline)
        line.add(decision=run.status.value, reason=run.reason)
        return {"status": run.status.value}

    return handle


handler = entrypoint(build, Settings)
