"""What a release leaves under way, kept for good: `python -m release_snapshot FOLDER`, once for each release.

The world has a run that waits for an approval, one whose builds run, one that ended, a build by hand that runs and a
notice that is owed. A snapshot is the table's items as DynamoDB stores them, the run machine's definition, and what the
running executions and builds were at. It is restored into a world of today's functions, and never written again: for
the next release take a new one beside it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from buildgate.adapters.memory.builds import BuildPlan, FakeBuild
from buildgate.adapters.memory.faults import Fault
from buildgate.domain.times import from_text, to_text
from fault_world import calm, disturb
from simulated_cloud import SimulatedCloud

SAMPLES = Path(__file__).parent / "samples" / "releases"
REPORT = b'{"measurements": {"coverage.line_percent": 90}}'
SOLO = "by-hand"


def _pipeline(name: str, *, approval: bool = False, gate: bool = False) -> dict[str, Any]:
    stage: dict[str, Any] = {"name": "only", "builds": [{"name": "one", "project": f"{name}-one"}]}
    if approval:
        stage["approval"] = {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"}
    if gate:
        stage["gates"] = [
            {"name": "quality", "objectives": [{"measurement": "coverage.line_percent", "pass": [">= 80"]}]}
        ]
        stage["builds"].append({"name": "two", "project": f"{name}-two"})
    trigger = {"repository": "shop", "branches": [name]}
    return {"name": name, "tags": {"team": "shop"}, "triggers": [trigger], "stages": [stage]}


def lived() -> tuple[SimulatedCloud, dict[str, dict[str, Any]]]:
    """Return a world in the middle of its work, and the last move that each run's machine was given."""
    cloud = SimulatedCloud(seed=32)
    moves: dict[str, dict[str, Any]] = {}
    _note_moves(cloud, moves)
    cloud.project(SOLO)
    for pipeline in (_pipeline("waiting", approval=True), _pipeline("building", gate=True), _pipeline("ended")):
        cloud.apply(pipeline)
    cloud.aws.timeline.advance(60)
    for name in ("ended", "waiting"):
        cloud.aws.codecommit.push("shop", name, {f"src/{name}": "1"}, message=f"Change {name}")
    cloud.aws.timeline.advance(minutes=10)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(1200, reports=())
    disturb(cloud, Fault.OUTAGE, "publish", times=99)
    cloud.aws.codecommit.push("shop", "building", {"src/building": "1"}, message="Change building")
    for seconds in (30, 1200):
        cloud.aws.codebuild.plan = lambda request, seconds=seconds: BuildPlan(
            seconds if request["projectName"] == SOLO else 1200
        )
        cloud.aws.codebuild.start_build(projectName=SOLO)
    cloud.aws.timeline.advance(90)
    calm(cloud)
    return cloud, moves


def _note_moves(cloud: SimulatedCloud, moves: dict[str, dict[str, Any]]) -> None:
    function = cloud.function("next_step")
    build = function.build

    def noting() -> Any:
        handler = build()

        def handle(event: Any, context: Any) -> Any:
            moves[event["run_id"]] = answer = handler(event, context)
            return answer

        return handle

    function.build = noting


def snapshot() -> dict[str, Any]:
    """Return what is under way in that world."""
    cloud, moves = lived()
    (machine,) = cloud.aws.stepfunctions.machines.values()
    return {
        "taken_at": to_text(cloud.aws.timeline.now()),
        "machine": machine.definition,
        "items": [row.item for row in cloud.table.rows()],
        "links": cloud.links(),
        "projects": sorted(cloud.aws.codebuild.projects),
        "executions": [
            {"name": one.name, "input": one.input, "next": moves[one.input["run_id"]]}
            for one in cloud.aws.stepfunctions.executions.values()
            if one.status == "RUNNING"
        ],
        "builds": [_build(one) for one in cloud.aws.codebuild.builds()],
    }


def _build(build: FakeBuild) -> dict[str, Any]:
    kept = {"id": build.build_id, "started_at": to_text(build.started_at), "request": build.request}
    return kept if build.ended_at is None else {**kept, "status": build.status, "ended_at": to_text(build.ended_at)}


def releases() -> list[str]:
    """Return the releases of which there is a snapshot, oldest first."""
    return sorted(path.stem for path in SAMPLES.glob("*.json"))


def taken(release: str) -> dict[str, Any]:
    """Return the snapshot of a release."""
    return dict(json.loads((SAMPLES / f"{release}.json").read_text(encoding="utf-8")))


def restored(kept: Mapping[str, Any], *, machine: Mapping[str, Any] | None = None) -> SimulatedCloud:
    """Return a world of today's functions that goes on where a snapshot was taken, with its machine or another."""
    cloud = SimulatedCloud(seed=33)
    cloud.aws.timeline.start = from_text(kept["taken_at"])
    for item in kept["items"]:
        cloud.aws.dynamodb.put_item(TableName=cloud.table.name, Item=item)
    cloud.project(*kept["projects"])
    _restore_builds(cloud, kept)
    _restore_executions(cloud, kept, machine or kept["machine"])
    return cloud


def _restore_builds(cloud: SimulatedCloud, kept: Mapping[str, Any]) -> None:
    """Start the builds under the ids that they had, and end those that had ended; nobody is told of that again."""
    codebuild, events = cloud.aws.codebuild, cloud.aws.events
    deliveries, dice = events.deliveries, codebuild.dice
    events.deliveries = lambda _: ()
    codebuild.plan = lambda _: BuildPlan(600)
    for build in kept["builds"]:
        codebuild.dice = _Numbers(iter([UUID(build["id"].split(":")[1]).int]))
        assert codebuild.start_build(**build["request"])["build"]["id"] == build["id"]
        restored = codebuild.builds()[-1]
        restored.started_at = from_text(build["started_at"])
        if "ended_at" in build:
            codebuild.settle(build["id"], build["status"])
            restored.ended_at = from_text(build["ended_at"])
    codebuild.dice, codebuild.plan = dice, lambda _: BuildPlan(120)
    events.deliveries = deliveries


def _restore_executions(cloud: SimulatedCloud, kept: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Start each execution in the state it was in, with the tokens that it had; no function is called for that."""
    (machine,) = cloud.aws.stepfunctions.machines.values()
    functions = cloud.aws.lambdas.functions
    for one in kept["executions"]:
        run_id, move = one["input"]["run_id"], one["next"]
        machine.definition = {**definition, "StartAt": {"PARK": "Park", "BUILDS": "Builds"}[move["kind"]]}
        tokens = _tokens(kept["items"], run_id)
        builders = {name: function.build for name, function in functions.items()}
        for function in functions.values():
            function.handler, function.build = None, lambda: lambda *_: {}
        dice, cloud.aws.stepfunctions.dice = cloud.aws.stepfunctions.dice, _Numbers(tokens)
        state = json.dumps({**one["input"], "next": move})
        cloud.aws.stepfunctions.start_execution(stateMachineArn=machine.arn, name=one["name"], input=state)
        cloud.aws.timeline.advance(0)
        cloud.aws.stepfunctions.dice = dice
        for name, function in functions.items():
            function.handler, function.build = None, builders[name]
    machine.definition = dict(definition)


def _tokens(items: list[dict[str, Any]], run_id: str) -> Iterator[int]:
    """Yield the tokens that a run's items wait for, in the order of their keys."""
    mine = [item for item in items if item["pk"]["S"] == f"RUN#{run_id}" and "token" in item]
    return iter([int(item["token"]["S"], 16) for item in mine])


class _Numbers:
    """Dice that fall as they fell before."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers

    def getrandbits(self, _: int) -> int:
        return next(self._numbers)

    def uniform(self, _low: float, high: float) -> float:
        return high


def shapes(items: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the type of each attribute by kind of item (`RUN`, `S#B`, `D`, ...), for an older release to rely on."""
    found: dict[str, dict[str, str]] = {}
    for item in items:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        kind = f"{pk.split('#')[0]} {'#'.join(re.findall(r'(?:^|#)([A-Z]+)(?=#|$)', sk))}"
        known = found.setdefault(kind, {})
        known |= {name: next(iter(value)) for name, value in item.items()}
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(snapshot(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
