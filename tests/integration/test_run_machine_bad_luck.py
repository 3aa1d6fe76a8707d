"""The real run machine with the real functions, where AWS stumbles."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate.domain.notices import Topic
from machine_world import APPROVAL, GATE, Machine, stage


def test_a_full_queue_is_waited_for():
    machine = Machine(stage("test", "unit"))
    machine.aws.codebuild.concurrency = 0
    machine.push(minutes=20)
    assert machine.run["status"] == "RUNNING"

    machine.aws.codebuild.concurrency = 60
    machine.aws.timeline.advance(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert len(machine.aws.codebuild.builds()) == 1


def test_a_queue_that_stays_full_fails_the_build_in_the_end():
    machine = Machine(stage("test", "unit"))
    machine.aws.codebuild.concurrency = 0

    machine.push(hours=3)

    assert machine.outcome == ("FAILED", ["FAILED"])
    assert "Busy" in machine.run["reason"]
    assert machine.nothing_is_left()


def test_a_build_that_never_leaves_the_queue_is_stopped_when_its_task_times_out():
    machine = Machine(stage("test", "unit"))
    machine.aws.codebuild.plan = lambda _: BuildPlan(60, queued_seconds=1_000_000)

    machine.push(hours=10)

    assert machine.outcome == ("FAILED", ["FAILED"])
    assert "TIMED_OUT" in machine.run["reason"]
    assert [build.status for build in machine.aws.codebuild.builds()] == ["STOPPED"]
    assert machine.nothing_is_left()


def test_an_end_that_nobody_heard_of_is_found_when_the_task_times_out():
    machine = Machine(stage("test", "unit"))
    machine.aws.events.deliveries = lambda event: () if event["source"] == "aws.codebuild" else (0.0,)

    machine.push(hours=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])


def test_a_start_that_times_out_is_repeated_without_a_second_build():
    machine = Machine(stage("test", "unit"))
    slow = machine.aws.lambdas.function(machine.cloud.deployment.names["StartBuildFunction"])
    durations = iter([100.0])
    slow.seconds = lambda: next(durations, 0.0)

    machine.push(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert len(machine.aws.codebuild.builds()) == 1


FUNCTIONS = ["NextStepFunction", "StartBuildFunction", "EvaluateGateFunction", "RequestApprovalFunction"]


def walked(machine: Machine) -> Machine:
    """Take a run of a stage with everything in it as far as it goes."""
    machine.report()
    machine.push(minutes=10)
    if machine.cloud.links():
        machine.cloud.decide(machine.cloud.links()[-1], "approve")
        machine.aws.timeline.advance(minutes=20)
    return machine


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_a_function_that_dies_once_is_asked_again(function, fault):
    machine = Machine(stage("test", "unit", gates=[GATE], approval=APPROVAL))
    machine.crash(function, fault)

    walked(machine)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert len(machine.aws.codebuild.builds()) == 1
    assert machine.nothing_is_left()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_keeps_dying_leads_to_the_clean_up(function):
    machine = Machine(stage("test", "unit", gates=[GATE], approval=APPROVAL))
    machine.crash(function, times=1000)

    walked(machine)

    assert machine.run["status"] == "FAILED"
    assert "Runtime.ExitError" in machine.run["reason"]
    assert machine.told()[Topic.FAILURE] == 1
    assert machine.nothing_is_left()


def dying_starts(machine: Machine) -> None:
    """Let every start of the lint build happen, and the function die before it knows."""

    def plan(call: Any) -> Fault:
        is_lint = call.operation == "start_build" and call.parameters["projectName"] == "shop-lint"
        return Fault.CRASH_AFTER if is_lint else Fault.NONE

    machine.aws.faults.plan = plan
    machine.aws.codebuild.plan = lambda request: BuildPlan(3000 if request["projectName"] == "shop-lint" else 600)


def test_a_start_that_dies_is_known_by_the_first_event_of_its_build():
    machine = Machine(stage("test", "unit", "lint"))
    dying_starts(machine)

    machine.push(hours=1)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert len(machine.aws.codebuild.builds()) == 2
    assert machine.nothing_is_left()


def test_a_start_that_keeps_dying_unseen_leaves_no_build_running():
    machine = Machine(stage("test", "unit", "lint"), schedules=True)
    machine.aws.events.deliveries = lambda event: () if event["source"] == "aws.codebuild" else (0.0,)
    dying_starts(machine)

    machine.push(minutes=30)

    (lint,) = [build for build in machine.aws.codebuild.builds() if build.build_id.startswith("shop-lint")]
    assert lint.status == "STOPPED"
    assert machine.outcome == ("FAILED", ["FAILED"])


def test_a_clean_up_that_dies_is_repeated():
    machine = Machine(stage("test", "unit"))
    machine.crash("CloseRunFunction", times=3)

    machine.push(minutes=30)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert machine.told() == {Topic.SUCCESS: 1}
    assert machine.nothing_is_left()


@pytest.mark.parametrize(
    "error", ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.SdkClientException"]
)
def test_services_that_stumble_are_tried_again(error):
    machine = Machine(stage("test", "unit", gates=[GATE], approval=APPROVAL))
    machine.report()
    stumbles = Counter[str]()

    def breakdown(function: str) -> str | None:
        stumbles[function] += 1
        return error if stumbles[function] <= 2 else None

    machine.aws.stepfunctions.breakdown = breakdown
    machine.push(minutes=10)
    machine.cloud.decide(machine.cloud.links()[-1], "approve")
    machine.aws.timeline.advance(minutes=10)

    assert machine.run["status"] == "SUCCEEDED"
    assert len(stumbles) >= 5


def test_an_outage_of_the_table_is_waited_for():
    machine = Machine(stage("test", "unit"), schedules=True)
    machine.push(seconds=30)
    machine.aws.faults.plan = lambda call: Fault.OUTAGE if call.service == "dynamodb" else Fault.NONE
    machine.aws.timeline.advance(minutes=10)

    machine.aws.faults.plan = lambda _: Fault.NONE
    machine.aws.timeline.advance(minutes=20)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
