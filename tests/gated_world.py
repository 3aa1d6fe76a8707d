"""What the scenarios of gates share: a world in which one build left a report, before its run is judged."""

from __future__ import annotations

from urllib.parse import urlsplit

from fault_world import GATED, push
from simulated_cloud import SimulatedCloud

GOOD = b'{"measurements": {"coverage.line_percent": 90}}'


def gated(name: str, body: bytes | None) -> SimulatedCloud:
    """Return a world in which the one build left this report, before its run is judged."""
    cloud = SimulatedCloud()
    cloud.apply(GATED)
    cloud.aws.timeline.advance(60)
    push(cloud)
    cloud.aws.timeline.advance(60)
    if body is not None:
        put(cloud, name, body)
    return cloud


def put(cloud: SimulatedCloud, name: str, body: bytes) -> None:
    (build,) = cloud.aws.codebuild.builds()
    given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
    place = urlsplit(given["BUILDGATE_REPORTS"])
    cloud.aws.s3.put_object(Bucket=place.netloc, Key=f"{place.path.lstrip('/')}{name}", Body=body)


def ended(cloud: SimulatedCloud) -> tuple[str, dict]:
    cloud.aws.timeline.advance(minutes=10)
    (run,) = cloud.runs()
    return run["status"], run["stages"][0]["gates"][0]
