"""The real run machine with the real functions, in virtual time: runs that end, and people who decide."""

from __future__ import annotations

import pytest

from buildgate.adapters.memory.faults import Fault
from buildgate.domain.notices import Topic
from machine_world import APPROVAL, Machine, stage

# ---------------------------------------------------------------------------------------------------- to its end


def test_a_run_succeeds_stage_by_stage():
    machine = Machine(stage("test", "unit", "lint"), stage("release", "ship"))

    machine.push(minutes=10)

    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED", "SUCCEEDED"])
    assert machine.executions() == ["SUCCEEDED"]
    assert machine.told() == {Topic.SUCCESS: 1}
    assert machine.nothing_is_left()


def test_only_the_runs_ids_and_the_next_move_travel():
    machine = Machine(stage("test", "unit"), stage("release", approval=APPROVAL))
    machine.push(minutes=10)
    machine.cloud.decide(machine.cloud.links()[-1], "approve")
    machine.aws.timeline.advance(60)

    (execution,) = machine.aws.stepfunctions.executions.values()
    assert set(execution.output) == {"run_id", "correlation_id", "fmt", "next", "closed"}
    assert set(execution.output["next"]) == {"kind", "items", "max_concurrency", "timeout_seconds"}


def test_forty_builds_run_at_once():
    names = [f"b{number:02}" for number in range(40)]
    machine = Machine(stage("test", *names))

    machine.push(seconds=100)
    running = sum(not build.is_over for build in machine.aws.codebuild.builds())
    machine.aws.timeline.advance(minutes=2)

    assert running == 40
    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])
    assert machine.nothing_is_left()


def test_a_stage_runs_no_more_builds_at_once_than_it_says():
    machine = Machine(stage("test", *"abcde", concurrency=2))
    most = []
    machine.push()
    for _ in range(50):
        machine.aws.timeline.advance(10)
        most.append(sum(not build.is_over for build in machine.aws.codebuild.builds()))

    assert max(most) == 2
    assert machine.outcome == ("SUCCEEDED", ["SUCCEEDED"])


# ---------------------------------------------------------------------------------------------------- people


@pytest.mark.parametrize(("decision", "status"), [("approve", "SUCCEEDED"), ("reject", "REJECTED")])
def test_a_person_decides_on_the_page(decision, status):
    machine = Machine(stage("release", "ship", approval=APPROVAL))
    machine.push(minutes=5)
    assert machine.aws.codebuild.builds() == []

    machine.cloud.decide(machine.cloud.links()[-1], decision)
    machine.aws.timeline.advance(minutes=10)

    assert machine.outcome == (status, [status])
    assert len(machine.aws.codebuild.builds()) == (1 if decision == "approve" else 0)
    assert machine.nothing_is_left()


def test_an_approval_that_nobody_gives_expires():
    machine = Machine(stage("release", "ship", approval=APPROVAL))

    machine.push(hours=25)

    assert machine.outcome == ("EXPIRED", ["EXPIRED"])
    assert machine.told() == {Topic.APPROVAL: 1, Topic.FAILURE: 1}
    assert machine.nothing_is_left()


def test_an_expired_stage_before_another_ends_the_run_and_not_the_machine_alone():
    machine = Machine(stage("ask", approval=APPROVAL), stage("release", "ship"))

    machine.push(hours=25)

    assert machine.outcome == ("EXPIRED", ["EXPIRED", "PENDING"])


def test_a_message_that_cannot_be_sent_at_first_is_sent_later():
    machine = Machine(stage("release", approval=APPROVAL), schedules=True)
    machine.aws.faults.plan = lambda call: Fault.OUTAGE if call.service == "sns" else Fault.NONE
    machine.push(minutes=3)
    assert machine.cloud.links() == []

    machine.aws.faults.plan = lambda _: Fault.NONE
    machine.aws.timeline.advance(minutes=3)
    machine.cloud.decide(machine.cloud.links()[-1], "approve")
    machine.aws.timeline.advance(minutes=3)

    assert machine.run["status"] == "SUCCEEDED"
