"""Our functions, machines and template, unchanged, take a push to its end on the in-memory AWS."""

from __future__ import annotations

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from simulated_cloud import SimulatedCloud

PIPELINE = {
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


@pytest.fixture
def cloud() -> SimulatedCloud:
    cloud = SimulatedCloud()
    cloud.apply(PIPELINE)
    cloud.aws.timeline.advance(60)
    return cloud


def test_a_push_is_built_approved_and_released(cloud):
    commit = cloud.aws.codecommit.push("shop", "main", {"src/a": "1"}, message="Add a")
    cloud.aws.timeline.advance(minutes=5)

    answer = cloud.decide(cloud.links()[-1], "approve")
    cloud.aws.timeline.advance(minutes=5)

    (run,) = cloud.runs()
    assert answer.status == 200, answer.body
    assert (run["status"], run["commit"]) == ("SUCCEEDED", commit)
    assert [stage["status"] for stage in run["stages"]] == ["SUCCEEDED", "SUCCEEDED"]
    assert cloud.failures() == []


def test_a_failed_build_ends_the_run(cloud):
    cloud.aws.codebuild.plan = lambda _: BuildPlan(60, "FAILED")
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"})
    cloud.aws.timeline.advance(minutes=5)

    (run,) = cloud.runs()
    assert run["status"] == "FAILED"
    assert all(build.is_over for build in cloud.aws.codebuild.builds())


def test_a_lost_push_event_is_made_up_for(cloud):
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"}, is_silent=True)
    cloud.aws.timeline.advance(minutes=20)

    assert len(cloud.runs()) == 1


def test_lost_build_events_are_made_up_for(cloud):
    cloud.aws.events.deliveries = lambda event: () if event["source"] == "aws.codebuild" else (0.0,)
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"})
    cloud.aws.timeline.advance(hours=1)

    assert [stage["status"] for stage in cloud.runs()[0]["stages"]][:1] == ["SUCCEEDED"]


def test_an_approval_that_nobody_gives_expires(cloud):
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"})
    cloud.aws.timeline.advance(hours=1)
    form = cloud.form(cloud.links()[-1])
    cloud.aws.timeline.advance(hours=24)

    (run,) = cloud.runs()
    assert run["status"] == "EXPIRED"
    assert cloud.decide(cloud.links()[-1], "approve", form=form).status == 410
