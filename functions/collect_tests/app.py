"""Every two minutes: keep the test cases of finished builds, and note those that changed."""

from typing import Any, NamedTuple

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.test_wiring import TestWiring

_NAMED = 25
"""Of how many runs a round names the ids: a line has its limit, the table knows them all."""


class Settings(NamedTuple):
    buildgate_table: str
    report_bucket: str


def build(settings: Settings, aws: Aws) -> Handle:
    collect = TestWiring(aws, table=settings.buildgate_table, report_bucket=settings.report_bucket).collect_tests

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        line.add(event_id=str(event.get("id", "")), decision="collected")
        collected = collect()
        line.add(builds=collected.builds, changes=collected.changes, failures=list(collected.failures[:10]))
        line.add(run_ids=list(collected.runs)[:_NAMED])
        line.add(correlation_ids=list(dict.fromkeys(filter(None, collected.runs.values())))[:_NAMED])
        return {"builds": collected.builds, "changes": collected.changes}

    return handle


handler = entrypoint(build, Settings)
