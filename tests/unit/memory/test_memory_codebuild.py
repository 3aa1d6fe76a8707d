"""The in-memory CodeBuild runs builds by plan, and tells the bus."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.builds import BuildPlan, seeded_plans

PROJECT: dict[str, Any] = {
    "name": "unit",
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::000000000000:role/build",
}


@pytest.fixture
def aws() -> MemoryAws:
    aws = MemoryAws()
    aws.client("codebuild").create_project(**PROJECT)
    return aws


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


def test_an_idempotency_token_is_good_for_five_minutes_and_one_request(aws):
    client = aws.client("codebuild")
    request = {"projectName": "unit", "idempotencyToken": "t" * 20}
    first = client.start_build(**request)["build"]["id"]

    assert client.start_build(**request)["build"]["id"] == first
    assert code_of(client.start_build, **request, sourceVersion="main") == "InvalidInputException"
    aws.timeline.advance(minutes=5)
    assert client.start_build(**request)["build"]["id"] != first


def test_a_build_follows_its_plan_and_tells_the_bus(aws):
    aws.codebuild.plan = lambda _: BuildPlan(90, "FAILED", queued_seconds=10, phase="INSTALL")
    client = aws.client("codebuild")
    build_id = client.start_build(projectName="unit")["build"]["id"]

    aws.timeline.settle()

    (build,) = client.batch_get_builds(ids=[build_id, "unit:nope"])["builds"]
    assert (build["buildStatus"], (build["endTime"] - build["startTime"]).total_seconds()) == ("FAILED", 100)
    assert [phase["phaseType"] for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"] == ["INSTALL"]
    assert [event["detail"]["build-status"] for event in aws.events.accepted] == ["IN_PROGRESS", "FAILED"]


def test_a_build_without_end_times_out(aws):
    client = aws.client("codebuild")
    build_id = client.start_build(projectName="unit", timeoutInMinutesOverride=5)["build"]["id"]
    aws.timeline.settle()

    assert client.batch_get_builds(ids=[build_id])["builds"][0]["buildStatus"] == "TIMED_OUT"
    assert aws.timeline.elapsed == 300


def test_builds_queue_up_and_then_are_refused(aws):
    aws.codebuild.concurrency = 1
    client = aws.client("codebuild")
    for _ in range(6):
        client.start_build(projectName="unit")
    aws.timeline.advance(1)

    phases = [build.current_phase for build in aws.codebuild.builds()]
    assert phases == ["BUILD"] + ["QUEUED"] * 5
    assert code_of(client.start_build, projectName="unit") == "AccountLimitExceededException"


def test_builds_are_listed_newest_first_a_hundred_a_page(aws):
    client = aws.client("codebuild")
    aws.codebuild.concurrency = 1000
    ids = [client.start_build(projectName="unit")["build"]["id"] for _ in range(101)]

    first = client.list_builds()
    second = client.list_builds_for_project(projectName="unit", nextToken=first["nextToken"])

    assert first["ids"] + second["ids"] == ids[::-1]
    assert "nextToken" not in second


def test_stopping_ends_a_build_once(aws):
    client = aws.client("codebuild")
    build_id = client.start_build(projectName="unit")["build"]["id"]

    client.stop_build(id=build_id)
    client.stop_build(id=build_id)

    assert [event["detail"]["build-status"] for event in aws.events.accepted] == ["IN_PROGRESS", "STOPPED"]


def test_the_same_seed_gives_the_same_builds():
    def history(seed: int) -> list[Any]:
        aws = MemoryAws(seed=seed)
        aws.client("codebuild").create_project(**PROJECT)
        aws.codebuild.plan = seeded_plans(random.Random(seed))
        for _ in range(5):
            aws.client("codebuild").start_build(projectName="unit")
        aws.timeline.settle()
        return [(build.build_id, build.status, build.ended_at) for build in aws.codebuild.builds()]

    assert history(1) == history(1) != history(2)
