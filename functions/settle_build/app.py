"""The state machine waits no more for a build: stop it and settle its slot."""

from typing import Any, NamedTuple

from buildgate.domain.builds import SlotRef
from buildgate.inbound.machine_state import cause_text, correlation_of
from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str


def build(settings: Settings, aws: Aws) -> Handle:
    settle_build = Wiring(aws, table=settings.buildgate_table).settle_build

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        ref, error = SlotRef.from_text(event["slot"]), event.get("error") or {}
        line.add(run_id=ref.run_id, correlation_id=correlation_of(event), slot=event["slot"])
        settled = settle_build(ref, error=str(error.get("Error", "Unknown")), cause=cause_text(error.get("Cause")))
        if settled.slot is not None:
            line.add(build_id=settled.slot.build_id, project=settled.slot.project)
        line.add(decision="settled", reason=settled.reason)
        return {"reason": settled.reason}

    return handle


handler = entrypoint(build, Settings)
