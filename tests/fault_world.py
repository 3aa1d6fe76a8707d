"""What the fault scenarios share: a small world, ways to disturb it, and the counts that must come out."""

from __future__ import annotations

import json
from typing import Any

from buildgate.adapters.memory.client import Call
from buildgate.adapters.memory.faults import Fault, no_faults
from buildgate.adapters.table.codec import decode_item
from simulated_cloud import PROJECT, SimulatedCloud

PIPELINE: dict[str, Any] = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {
            "name": "test",
            "builds": [{"name": "unit", "project": "shop-unit"}, {"name": "lint", "project": "shop-lint"}],
        },
        {
            "name": "release",
            "approval": {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"},
            "builds": [{"name": "release", "project": "shop-release"}],
        },
    ],
}
GATED: dict[str, Any] = {
    "name": "gated",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {
            "name": "test",
            "builds": [{"name": "unit", "project": "unit"}],
            "gates": [{"name": "quality", "objectives": [{"measurement": "coverage.line_percent", "pass": [">= 80"]}]}],
        }
    ],
}
SOLO = "solo"


def solo(*, schedules: bool = False) -> SimulatedCloud:
    """Return a world with one project outside of any pipeline; nothing beats unless it is asked to."""
    cloud = SimulatedCloud(schedules=schedules)
    cloud.aws.client("codebuild").create_project(name=SOLO, **PROJECT)
    return cloud


def shop(*, schedules: bool = True) -> SimulatedCloud:
    """Return a world with the pipeline of two stages, at rest."""
    cloud = SimulatedCloud(schedules=schedules)
    cloud.apply(PIPELINE)
    cloud.aws.timeline.advance(60)
    return cloud


def start(cloud: SimulatedCloud, project: str = SOLO) -> str:
    """Start a build by hand and return its id."""
    return str(cloud.aws.codebuild.start_build(projectName=project)["build"]["id"])


def push(cloud: SimulatedCloud, number: int = 1, **more: Any) -> str:
    """Push one change to main and return the commit."""
    return cloud.aws.codecommit.push("shop", "main", {"src/a": str(number)}, **more)


def items(cloud: SimulatedCloud) -> list[dict[str, Any]]:
    """Return the table as plain items, in order."""
    return [decode_item(row.item) for row in cloud.table.rows()]


def head(cloud: SimulatedCloud, build_id: str) -> dict[str, Any]:
    """Return what is recorded of a build; empty when nothing is."""
    return next((one for one in items(cloud) if one["pk"] == f"BUILD#{build_id}" and one["sk"] == "HEAD"), {})


def counted(cloud: SimulatedCloud, project: str = SOLO, name: str = "n") -> int:
    """Return a count of a project over all days."""
    return sum(one.get(name, 0) for one in items(cloud) if one["pk"] == f"PROJECT#{project}" and one["sk"][:2] == "D#")


def days(cloud: SimulatedCloud, project: str = SOLO) -> dict[str, int]:
    """Return how many builds each day counts."""
    return {
        one["sk"][2:]: one["n"] for one in items(cloud) if one["pk"] == f"PROJECT#{project}" and one["sk"][:2] == "D#"
    }


def sent(cloud: SimulatedCloud, needle: str = "") -> list[str]:
    """Return the keys under which messages went out."""
    return [one.attributes["key"] for one in cloud.aws.sns.published if needle in one.attributes["key"]]


def beat(cloud: SimulatedCloud, *, sweep: bool = False) -> None:
    """Let the reconciler look once, now."""
    function = cloud.function("reconcile")
    cloud.aws.lambdas.enqueue(function.name, json.dumps({"sweep": True} if sweep else {}))
    cloud.aws.timeline.advance(1)


def disturb(cloud: SimulatedCloud, fault: Fault, operation: str, *, caller: str = "", times: int = 1) -> list[Call]:
    """Let the next calls of an operation (of one function) meet a fault; those that did are in the list."""
    met: list[Call] = []

    def plan(call: Call) -> Fault:
        if call.operation != operation or caller not in call.caller or len(met) == times:
            return Fault.NONE
        met.append(call)
        return fault

    cloud.aws.faults.plan = plan
    return met


def calm(cloud: SimulatedCloud) -> None:
    """Let nothing go wrong any more."""
    cloud.aws.faults.plan = no_faults
    cloud.aws.events.deliveries = lambda _: (0.0,)


def fail_while(
    cloud: SimulatedCloud, service: str, seconds: float, fault: Fault = Fault.OUTAGE, *, operation: str = ""
) -> list[Call]:
    """Let every call of a service (or of one operation) fail for so long; those that did are in the list."""
    end, met = cloud.aws.timeline.elapsed + seconds, []

    def plan(call: Call) -> Fault:
        if call.service != service or operation not in call.operation or cloud.aws.timeline.elapsed >= end:
            return Fault.NONE
        met.append(call)
        return fault

    cloud.aws.faults.plan = plan
    return met


def change_answers(cloud: SimulatedCloud, operation: str, change: Any) -> None:
    """Let a service answer otherwise: `change` is handed each answer."""
    boundary = cloud.aws.boundary

    def changed(call: Call, proceed: Any) -> dict[str, Any]:
        answer = boundary(call, proceed)
        if call.operation == operation:
            change(answer)
        return answer

    cloud.aws.boundary = changed


def by_status(**delays: tuple[float, ...]) -> Any:
    """Return deliveries that depend on the status a build event tells of."""
    return lambda event: delays.get(event["detail"].get("build-status", ""), (0.0,))
