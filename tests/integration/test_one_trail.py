"""From the push to the notice one correlation id joins every line that a function logs about a run."""

from __future__ import annotations

import json

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from simulated_cloud import SimulatedCloud

PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {
            "name": "test",
            "builds": [{"name": "unit", "project": "shop-unit"}],
            "gates": [{"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}],
            "on-failure": "continue",
        },
        {
            "name": "release",
            "approval": {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"},
            "builds": [{"name": "release", "project": "shop-release"}],
        },
    ],
}
ON_THE_WAY = {
    "start_run": "opened",
    "next_step": "CLOSE",
    "start_build": "started",
    "record_build": "recorded",
    "evaluate_gate": "error",
    "request_approval": "asked",
    "review_approval": "approved",
    "close_run": "SUCCEEDED",
}
"""Each function that a run passes, with its last decision in a run that goes well but for a missing report."""


@pytest.fixture
def cloud() -> SimulatedCloud:
    cloud = SimulatedCloud()
    cloud.apply(PIPELINE)
    return cloud


def push(cloud) -> str:
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"}, message="Add a")
    cloud.aws.timeline.advance(minutes=5)
    (line,) = lines_of(cloud, "start_run")
    return str(line["event_id"])


def lines_of(cloud, function: str):
    name = cloud.function(function).name
    return [line for line in cloud.lines if line["function"] == name]


def about_runs(cloud):
    return [line for line in cloud.lines if line.get("run_id") or line.get("run_ids")]


def ids_in(line) -> set[str]:
    return {line["correlation_id"]} if "correlation_id" in line else set(line.get("correlation_ids", ()))


def test_one_id_joins_every_line_from_the_push_to_the_notice(cloud):
    pushed = push(cloud)
    cloud.decide(cloud.links()[-1], "approve")
    cloud.aws.timeline.advance(minutes=10)

    (run,) = cloud.runs()
    cloud.call("POST", f"/v1/runs/{run['run_id']}/retry", {"stage": "release"})
    of_the_push = [
        line for line in about_runs(cloud) if run["run_id"] in (line.get("run_id"), *line.get("run_ids", ()))
    ]
    assert run["status"] == "SUCCEEDED"
    assert [line for line in of_the_push if ids_in(line) != {pushed}] == []
    for function, decision in ON_THE_WAY.items():
        assert [line["decision"] for line in lines_of(cloud, function) if line in of_the_push][-1] == decision, function


def test_notices_carry_the_id_on_as_an_attribute(cloud):
    pushed = push(cloud)
    cloud.decide(cloud.links()[-1], "approve")
    cloud.aws.timeline.advance(minutes=10)

    attributes = [published.attributes for published in cloud.aws.sns.published]
    assert [sorted(one) for one in attributes] == [["correlation", "fmt", "key", "topic"]] * 2
    assert {one["correlation"] for one in attributes} == {pushed}


def test_each_execution_and_each_build_is_given_the_id(cloud):
    pushed = push(cloud)

    (execution,) = cloud.aws.stepfunctions.executions.values()
    (build,) = cloud.aws.codebuild.builds()
    variables = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
    assert execution.input["correlation_id"] == pushed
    assert variables["BUILDGATE_CORRELATION"] == pushed


def test_what_reconcile_heals_is_joined_too(cloud):
    cloud.aws.events.deliveries = lambda event: () if event["source"] == "aws.codebuild" else (0.0,)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(60, "FAILED")
    pushed = push(cloud)
    cloud.aws.timeline.advance(hours=1)

    healed = [line for line in lines_of(cloud, "reconcile") if line.get("run_ids")]
    (run,) = cloud.runs()
    assert healed
    assert {one for line in healed for one in line["correlation_ids"]} == {pushed}
    assert {one for line in healed for one in line["run_ids"]} == {run["run_id"]}


def test_test_cases_that_are_kept_later_are_joined_too(cloud):
    arn = "arn:aws:codebuild:us-east-1:111122223333:report/shop-unit:one"
    cases = [{"name": "test_price", "status": "SUCCEEDED", "durationInNanoSeconds": 10**9}]
    report = {"arn": arn, "type": "TEST", "status": "SUCCEEDED", "testCases": cases}
    cloud.aws.codebuild.plan = lambda _: BuildPlan(60, reports=(report,))

    pushed = push(cloud)
    cloud.aws.timeline.advance(minutes=10)

    (run,) = cloud.runs()
    (kept,) = [line for line in lines_of(cloud, "collect_tests") if line.get("run_ids")]
    assert (kept["run_ids"], kept["correlation_ids"]) == ([run["run_id"]], [pushed])


def test_a_push_whose_event_was_lost_gets_an_id_that_its_run_carries_on(cloud):
    cloud.aws.codecommit.push("shop", "main", {"src/a": "1"}, is_silent=True)
    cloud.aws.timeline.advance(minutes=40)

    (run,) = cloud.runs()
    (found,) = [line for line in lines_of(cloud, "reconcile") if run["run_id"] in line.get("run_ids", ())][:1]
    assert found["correlation_ids"] == [run["correlation_id"]]
    assert run["correlation_id"].startswith("healed-")


def test_a_run_by_hand_carries_the_id_of_the_request(cloud):
    push(cloud)

    run = cloud.call("POST", "/v1/pipelines/shop/runs", {})["run"]
    cloud.call("POST", f"/v1/runs/{run['run_id']}/stop", {"comment": "wrong branch"})
    cloud.aws.timeline.advance(minutes=10)

    opened, stopped = [line for line in lines_of(cloud, "serve_api") if line.get("run_id") == run["run_id"]]
    assert opened["event_id"] == opened["correlation_id"] == run["correlation_id"]
    assert (stopped["correlation_id"], stopped["event_id"] != opened["event_id"]) == (run["correlation_id"], True)
    assert lines_of(cloud, "close_run")[-1]["correlation_id"] == run["correlation_id"]


def test_every_line_says_what_was_decided(cloud):
    push(cloud)
    cloud.aws.timeline.advance(hours=1)
    cloud.ask("GET", "/v1/runs/unknown")

    silent = {line["function"] for line in cloud.lines if not (line.get("decision") or line.get("outcome"))}
    assert silent == set()
    assert "correlation" not in json.dumps(cloud.failures())
