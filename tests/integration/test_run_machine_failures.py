"""The real run machine with the real functions, where builds and gates fail and people stop runs."""

from __future__ import annotations

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.domain.notices import Topic
from machine_world import APPROVAL, GATE, Machine, stage

# ---------------------------------------------------------------------------------------------------- failure


def test_a_failed_build_ends_the_run_after_the_others_of_its_stage():
    machine = Machine(stage("test", "unit", "lint"), stage("release", "ship"))
    machine.aws.codebuild.plan = lambda request: (
        BuildPlan(30, "FAILED") if request["projectName"] == "shop-lint" else BuildPlan(120)
    )

    machine.push(minutes=10)

    assert machine.outcome == ("FAILED", ["FAILED", "PENDING"])
    assert [one["status"] for one in machine.run["stages"][0]["builds"]] == ["FAILED", "SUCCEEDED"]
    assert machine.executions() == ["FAILED"]
    assert machine.told() == {Topic.FAILURE: 1}
    assert machine.nothing_is_left()


def test_a_stage_that_may_fail_lets_the_run_go_on():
    machine = Machine(stage("test", "unit", **{"on-failure": "continue"}), stage("release", "ship"))
    machine.aws.codebuild.plan = lambda request: BuildPlan(
        30, "FAILED" if request["projectName"] == "shop-unit" else "SUCCEEDED"
    )

    machine.push(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["FAILED", "SUCCEEDED"])


def test_a_gate_passes_by_the_reports_of_its_stage():
    machine = Machine(stage("test", "unit", gates=[GATE]))
    machine.report()

    machine.push(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert [gate["status"] for gate in machine.run["stages"][0]["gates"]] == ["pass"]


def test_a_gate_that_fails_blocks_with_criterion_value_and_file():
    machine = Machine(stage("test", "unit", gates=[GATE]), stage("release", "ship"))
    machine.report(failures=3)

    machine.push(minutes=10)

    assert machine.outcome == ("FAILED", ["FAILED", "PENDING"])
    assert all(part in machine.run["reason"] for part in ("quality", "tests.failed", "3", "junit.xml"))
    assert machine.told() == {Topic.FAILURE: 1}


def test_a_gate_without_reports_is_an_error_and_blocks():
    machine = Machine(stage("test", "unit", gates=[GATE]))

    machine.push(minutes=10)

    assert machine.outcome == ("FAILED", ["FAILED"])
    assert [gate["status"] for gate in machine.run["stages"][0]["gates"]] == ["error"]


def test_a_project_that_is_gone_fails_its_stage_with_its_name():
    machine = Machine(stage("test", "unit", "lint"))
    del machine.aws.codebuild.projects["shop-lint"]

    machine.push(minutes=10)

    assert machine.outcome == ("FAILED", ["FAILED"])
    assert "project shop-lint cannot start" in machine.run["reason"]
    assert machine.nothing_is_left()


# ---------------------------------------------------------------------------------------------------- stopping


def test_a_stopped_run_ends_at_once_with_its_builds():
    machine = Machine(stage("test", "unit", "lint"), stage("release", "ship"))
    machine.push(seconds=30)

    machine.cloud.call("POST", f"/v1/runs/{machine.run['run_id']}/stop", {"comment": "wrong branch"})
    machine.aws.timeline.advance(10)

    assert machine.run["status"] == "STOPPED"
    assert {build.status for build in machine.aws.codebuild.builds()} == {"STOPPED"}
    assert machine.nothing_is_left()


def test_builds_that_wait_for_their_turn_are_not_started_after_a_stop():
    machine = Machine(stage("test", *"abcdefgh", concurrency=1))
    machine.push(seconds=30)

    machine.cloud.call("POST", f"/v1/runs/{machine.run['run_id']}/stop", {})
    machine.aws.timeline.advance(minutes=10)

    assert machine.run["status"] == "STOPPED"
    assert [build.status for build in machine.aws.codebuild.builds()] == ["STOPPED"]
    assert machine.nothing_is_left()


def test_a_run_that_waits_for_people_is_stopped():
    machine = Machine(stage("release", "ship", approval=APPROVAL))
    machine.push(minutes=5)

    machine.cloud.call("POST", f"/v1/runs/{machine.run['run_id']}/stop", {})
    machine.aws.timeline.advance(10)

    assert machine.run["status"] == "STOPPED"
    assert machine.nothing_is_left()


def test_an_aborted_execution_is_a_stopped_run_without_builds():
    machine = Machine(stage("test", "unit"))
    machine.push(seconds=30)
    (execution,) = machine.aws.stepfunctions.executions.values()

    machine.aws.client("stepfunctions").stop_execution(executionArn=execution.arn)
    machine.aws.timeline.advance(10)

    assert machine.run["status"] == "STOPPED"
    assert [build.status for build in machine.aws.codebuild.builds()] == ["STOPPED"]
    assert machine.nothing_is_left()
