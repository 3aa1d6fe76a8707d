"""Every minute: heal what lost events and crashes left open."""

from typing import Any, NamedTuple

from buildgate.domain.notices import Topic
from buildgate.inbound.machine_state import parse_tick
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring

_NAMED = 25
"""Of how many runs a round that healed more gives the ids: a line has its limit, the table knows them all."""


class Settings(NamedTuple):
    buildgate_table: str
    run_machine_arn: str
    success_topic_arn: str
    failure_topic_arn: str
    request_approval_function: str
    time_scale: float = 1.0


def build(settings: Settings, aws: Aws) -> Handle:
    topics = {Topic.SUCCESS: settings.success_topic_arn, Topic.FAILURE: settings.failure_topic_arn}
    wiring = Wiring(aws, table=settings.buildgate_table, machine_arn=settings.run_machine_arn, topics=topics)
    reconcile = wiring.reconcile(reminder_function=settings.request_approval_function, time_scale=settings.time_scale)

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        tick = parse_tick(event, time_scale=settings.time_scale)
        line.add(event_id=tick.event_id, sweep=tick.is_sweep, looks_for_pushes=tick.looks_for_pushes)
        healed = reconcile(is_sweep=tick.is_sweep, looks_for_pushes=tick.looks_for_pushes)
        line.add(
            decision="healed" if healed.counts else "nothing due", healed=healed.counts, failures=healed.failures[:10]
        )
        line.add(run_ids=list(healed.runs)[:_NAMED], correlation_ids=list(dict.fromkeys(healed.runs.values()))[:_NAMED])
        return {"healed": healed.counts, "failures": healed.failures}

    return handle


handler = entrypoint(build, Settings)
