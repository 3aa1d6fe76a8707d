"""What does the run do next? The rules decide; the state machine moves."""

from typing import Any, NamedTuple

from buildgate.inbound.machine_state import correlation_of, move_data
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str
    run_machine_arn: str
    time_scale: float = 1.0


def build(settings: Settings, aws: Aws) -> Handle:
    wiring = Wiring(aws, table=settings.buildgate_table, machine_arn=settings.run_machine_arn)
    next_step = wiring.next_step(time_scale=settings.time_scale)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        line.add(run_id=event["run_id"], correlation_id=correlation_of(event))
        record, move = next_step(event["run_id"], execution=event.get("execution", ""))
        answer = move_data(record.run.run_id, move)
        line.add(correlation_id=record.run.correlation_id, pipeline=record.run.pipeline)
        line.add(decision=answer["kind"], reason=getattr(move, "reason", ""), items=len(answer["items"]))
        return answer

    return handle


handler = entrypoint(build, Settings)
