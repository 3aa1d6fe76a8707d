"""Every five minutes: set the days of teams, cost centres and the account from the days of projects."""

from typing import Any, NamedTuple

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.wiring import Wiring


class Settings(NamedTuple):
    buildgate_table: str


def build(settings: Settings, aws: Aws) -> Handle:
    fold = Wiring(aws, table=settings.buildgate_table).fold_days

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        folded = fold()
        line.add(event_id=str(event.get("id", "")), decision="folded")
        line.add(projects=folded.projects, scopes=folded.scopes, owners_changed=folded.owners_changed)
        line.add(postures=folded.postures)
        return {"projects": folded.projects, "scopes": folded.scopes}

    return handle


handler = entrypoint(build, Settings)
