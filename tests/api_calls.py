"""An operator's calls of the API, and a run whose stage waits for an approval of one of them."""

from __future__ import annotations

import json
from typing import Any

from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.domain.runs import Run
from buildgate.web.api import Api
from core_world import CoreWorld
from run_records import approval_rule
from web_requests import json_event

BOB = "arn:aws:sts::000000000000:assumed-role/ops/bob"
STAGES = (
    Stage("test", builds=(BuildStep("unit", "shop-unit"),)),
    Stage("release", approval=approval_rule(channel="iam"), builds=(BuildStep("ship", "shop-ship"),)),
)


def call(
    api: Api, method: str, path: str, data: Any = None, *, query: str = "", actor: str = BOB
) -> tuple[int, dict[str, Any]]:
    """Call a route and return the status and the parsed body."""
    answer = api(json_event(method, path, data, query=query, actor=actor))
    assert answer.content_type == "application/json"
    return answer.status_code, json.loads(answer.body)


def opened(world: CoreWorld) -> Run:
    """Return a run whose first build has succeeded and which waits for its approval."""
    run = world.open(*STAGES)
    _, _, build_id = world.started(run)
    world.end_build(build_id)
    world.w.record_build.by_id(build_id)
    world.next_step(run.run_id)
    world.request.park(run.run_id, stage=1, name="entry", token=world.token())
    return run


def approval_id(run: Run) -> str:
    """Return the address part of the approval that `opened` waits for."""
    return f"{run.run_id}.01.1.entry"
