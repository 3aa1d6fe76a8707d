"""Every two minutes: keep the test cases of finished builds, and note those that changed."""

from typing import Any, NamedTuple

from buildgate.runtime.clients import Aws
from buildgate.runtime.entrypoint import Handle, entrypoint
from buildgate.runtime.observability import Line
from buildgate.runtime.test_wiring import TestWiring


class Settings(NamedTuple):
    buildgate_table: str
    report_bucket: str


def build(settings: Settings, aws: Aws) -> Handle:
    collect = TestWiring(aws, table=settings.buildgate_table, report_bucket=settings.report_bucket).collect_tests

    def handle(event: dict[str, Any], line: Line) -> dict[str, Any]:
        line.add(event_id=str(event.get("id", "")), decision="collected")
        collected = collect()
        line.add(builds=collected.builds, changes=collected.changes, failures=list(collected.failures[:10]))
        line.add(run_ids=list(collected.run_ids[:25]))
        return {"builds": collected.builds, "changes": collected.changes}

    return handle


handler = entrypoint(build, Settings)
