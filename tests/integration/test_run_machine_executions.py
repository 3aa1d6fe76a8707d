"""The real run machine with the real functions: executions that die or hand over, and what no log ever says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate.domain.notices import Topic
from machine_world import APPROVAL, GATE, Machine, stage

# ---------------------------------------------------------------------------------------------------- new executions


def test_a_long_history_is_handed_over_and_the_run_goes_on():
    machine = Machine(stage("test", "unit"), stage("release", "ship"))
    machine.push(seconds=30)
    machine.wiring.runs.spend_events(machine.run["run_id"], 20_000)

    machine.aws.timeline.advance(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED", "SUCCEEDED"])
    assert machine.executions() == ["SUCCEEDED", "SUCCEEDED"]
    assert machine.told() == {Topic.SUCCESS: 1}
    assert machine.nothing_is_left()


@pytest.mark.parametrize("operation", ["update_item", "start_execution"])
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_ANSWER])
def test_a_hand_over_that_dies_half_way_leaves_one_driver(operation, fault):
    machine = Machine(stage("test", "unit"), stage("release", "ship"))
    machine.push(seconds=30)
    machine.wiring.runs.spend_events(machine.run["run_id"], 20_000)
    struck = []

    def plan(call: Any) -> Fault:
        is_it = call.caller.endswith("NextStepFunction") and call.operation == operation
        if not is_it or struck or (operation == "update_item" and "executions" not in str(call.parameters)):
            return Fault.NONE
        struck.append(call)
        return fault

    machine.aws.faults.plan = plan
    machine.aws.timeline.advance(minutes=30)

    assert len(struck) == 1
    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED", "SUCCEEDED"])
    assert machine.executions() == ["SUCCEEDED", "SUCCEEDED"]
    assert machine.nothing_is_left()


def die(machine: Machine, status: str = "FAILED") -> None:
    """Let the newest execution end as States.Runtime or a time-out end it: nothing inside it can catch that."""
    *_, execution = machine.aws.stepfunctions.executions.values()
    machine.aws.stepfunctions._end(execution, status, None, "States.Runtime", "")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_a_dead_execution_is_taken_over_and_its_builds_are_kept(status):
    machine = Machine(stage("test", "unit", "lint"), stage("release", "ship"))
    machine.push(seconds=60)

    die(machine, status)
    machine.aws.timeline.advance(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED", "SUCCEEDED"])
    assert machine.executions() == [status, "SUCCEEDED"]
    assert len(machine.aws.codebuild.builds()) == 3
    assert machine.nothing_is_left()


def test_an_approval_keeps_its_link_when_its_execution_dies():
    machine = Machine(stage("release", "ship", approval=APPROVAL))
    machine.push(minutes=5)

    die(machine)
    machine.aws.timeline.advance(minutes=5)
    (link,) = set(machine.cloud.links())
    machine.cloud.decide(link, "approve")
    machine.aws.timeline.advance(minutes=10)

    assert machine.run["status"] == "SUCCEEDED"


def test_a_build_that_ends_while_no_execution_lives_is_not_lost():
    machine = Machine(stage("test", "unit"), schedules=True)
    machine.aws.events.deliveries = lambda event: () if event["source"] == "aws.states" else (0.0,)
    machine.push(seconds=60)
    die(machine)

    machine.aws.timeline.advance(minutes=20)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert len(machine.aws.codebuild.builds()) == 1


def test_a_run_that_keeps_dying_is_given_up():
    machine = Machine(stage("test", "unit"))
    machine.push(seconds=10)
    for _ in range(4):
        die(machine)
        machine.aws.timeline.advance(10)

    assert machine.run["status"] == "FAILED"
    assert machine.run["reason"] == "its execution ended as FAILED 4 times"
    assert [build.status for build in machine.aws.codebuild.builds()] == ["STOPPED"]
    assert machine.nothing_is_left()


def test_a_retry_goes_on_from_the_stage_that_failed():
    machine = Machine(stage("test", "unit"), stage("release", "ship"))
    machine.aws.codebuild.plan = lambda request: BuildPlan(
        30, "FAILED" if request["projectName"] == "shop-ship" else "SUCCEEDED"
    )
    machine.push(minutes=10)
    failed = machine.run["run_id"]
    machine.aws.codebuild.plan = lambda _: BuildPlan(30)

    machine.cloud.call("POST", f"/v1/runs/{failed}/retry", {"stage": "release"})
    machine.aws.timeline.advance(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["CARRIED", "SUCCEEDED"])
    assert machine.run["retry_of"] == failed
    assert [build.build_id.split(":")[0] for build in machine.aws.codebuild.builds()].count("shop-unit") == 1


# ---------------------------------------------------------------------------------------------------- secrets


def test_no_token_nonce_or_capability_is_ever_logged_or_published():
    machine = Machine(stage("test", "unit", gates=[GATE], approval=APPROVAL))
    machine.report()
    machine.push(minutes=5)
    link = machine.cloud.links()[-1]
    machine.cloud.decide(link, "approve")
    machine.aws.timeline.advance(minutes=10)

    record = machine.wiring.runs.record(machine.run["run_id"])
    capability = link.split("k=")[1]
    lines = json.dumps(machine.cloud.lines)
    published = json.dumps([message.message for message in machine.aws.sns.published])
    secrets = [value for slot in record.slots for value in (slot.token, slot.nonce)]
    secrets += [approval.token for approval in record.approvals]
    assert len([secret for secret in secrets if secret]) == 3
    assert not [secret for secret in secrets if secret in lines + published]
    assert capability not in lines
