"""A world in which several runs come to one stage: what the tests of modes and locks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fault_world import push
from simulated_cloud import SimulatedCloud


def pipeline(mode: str, *, asks: bool = False, **stage: Any) -> dict[str, Any]:
    """Return a pipeline that tests every push, and releases one at a time."""
    release: dict[str, Any] = {
        "name": "release",
        "mode": mode,
        "builds": [{"name": "release", "project": "shop-release"}],
    }
    if asks:
        release["approval"] = {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"}
    return {
        "name": "shop",
        "triggers": [{"repository": "shop", "branches": ["main"]}],
        "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}, {**release, **stage}],
    }


def racing(
    mode: str,
    *,
    asks: bool = False,
    pushes: int = 3,
    prepare: Callable[[SimulatedCloud], object] = lambda _: None,
    **stage: Any,
) -> SimulatedCloud:
    """Return a world in which so many pushes came within a minute, and whose tests have just ended."""
    cloud = SimulatedCloud()
    prepare(cloud)
    cloud.apply(pipeline(mode, asks=asks, **stage))
    cloud.aws.timeline.advance(60)
    for number in range(pushes):
        push(cloud, number)
        cloud.aws.timeline.advance(10)
    cloud.aws.timeline.advance(150)
    return cloud


def oldest_first(cloud: SimulatedCloud) -> list[dict[str, Any]]:
    """Return all runs in full, in the order of their opening."""
    return sorted(cloud.runs(), key=lambda run: run["run_id"])


def statuses(cloud: SimulatedCloud) -> list[str]:
    """Return the statuses of all runs, oldest first."""
    return [run["status"] for run in oldest_first(cloud)]


def releases(cloud: SimulatedCloud) -> list[tuple[str, float, float]]:
    """Return (run, start, end) of every release build, in the order of their starts; seconds of the virtual clock."""
    found = []
    for build in cloud.aws.codebuild.builds():
        given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
        if given.get("BUILDGATE_STAGE") == "release":
            data = cloud.aws.codebuild.batch_get_builds(ids=[build.build_id])["builds"][0]
            end = data.get("endTime")
            found.append(
                (given["BUILDGATE_RUN"], data["startTime"].timestamp(), end.timestamp() if end else float("inf"))
            )
    return found


def overlaps(cloud: SimulatedCloud) -> list[tuple[str, str]]:
    """Return pairs of runs whose release builds ran at the same time."""
    spans = releases(cloud)
    return [(a[0], b[0]) for i, a in enumerate(spans) for b in spans[i + 1 :] if a[1] < b[2] and b[1] < a[2]]
