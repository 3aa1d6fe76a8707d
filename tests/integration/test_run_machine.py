"""The real run machine with the real functions, down each of its edges, in virtual time."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate.domain.notices import Topic
from buildgate.runtime.wiring import Wiring
from simulated_cloud import SimulatedCloud

GATE = {"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"], "key": True}]}
APPROVAL = {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"}


def build(name: str) -> dict[str, str]:
    return {"name": name, "project": f"shop-{name}"}


def stage(name: str, *builds: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "builds": [build(one) for one in builds], **more}


def junit(failures: int) -> bytes:
    failed = "".join(f'<testcase classname="t" name="f{n}"><failure/></testcase>' for n in range(failures))
    return f'<testsuite name="t"><testcase classname="t" name="good"/>{failed}</testsuite>'.encode()


class Machine:
    """A deployed cloud with one pipeline, and what the tests ask about its newest run."""

    def __init__(self, *stages: dict[str, Any], schedules: bool = False) -> None:
        self.cloud = SimulatedCloud(checks_parameters=False, schedules=schedules)
        self.aws = self.cloud.aws
        triggers = [{"repository": "shop", "branches": ["main"]}]
        self.cloud.apply({"name": "shop", "triggers": triggers, "stages": list(stages)})
        (table,) = self.aws.dynamodb.tables
        self.wiring = Wiring(self.aws, table=table)
        self.aws.timeline.advance(60)

    def push(self, **duration: float) -> None:
        """Push to the watched branch and let time pass."""
        self.aws.codecommit.push("shop", "main", {"src/a": str(self.aws.timeline.elapsed)})
        self.aws.timeline.advance(**duration)

    def report(self, failures: int = 0) -> None:
        """Let every build upload a report as it starts."""
        bucket = next(name for name in self.aws.s3.buckets if "report" in name)

        def plan(request: dict[str, Any]) -> BuildPlan:
            variables = {entry["name"]: entry["value"] for entry in request["environmentVariablesOverride"]}
            key = variables["BUILDGATE_REPORTS"].removeprefix(f"s3://{bucket}/")
            self.aws.client("s3").put_object(Bucket=bucket, Key=f"{key}junit.xml", Body=junit(failures))
            return BuildPlan(60, "FAILED" if failures else "SUCCEEDED")

        self.aws.codebuild.plan = plan

    @property
    def run(self) -> dict[str, Any]:
        return self.cloud.runs()[0]

    @property
    def outcome(self) -> tuple[str, list[str]]:
        """How the newest run stands, and each of its stages."""
        run = self.run
        return run["status"], [one["status"] for one in run["stages"]]

    def executions(self) -> list[str]:
        """How each execution of the newest run stands, oldest first."""
        mine = [one for one in self.aws.stepfunctions.executions.values() if one.input["run_id"] == self.run["run_id"]]
        return [one.status for one in mine]

    def told(self) -> Counter[str]:
        return Counter(message.attributes["topic"] for message in self.aws.sns.published)

    def crash(self, function: str, fault: Fault = Fault.CRASH_BEFORE, *, times: int = 1) -> None:
        """Let a function die at the first call it makes, so many times."""
        left = times

        def plan(call: Any) -> Fault:
            nonlocal left
            if not call.caller.endswith(function) or not left:
                return Fault.NONE
            left -= 1
            return fault

        self.aws.faults.plan = plan

    def nothing_is_left(self) -> bool:
        """Whether nothing runs, waits or failed: builds, executions, tokens, approvals, notices, failure queues."""
        executions = self.aws.stepfunctions.executions.values()
        return (
            all(build.is_over for build in self.aws.codebuild.builds())
            and not any(one.status == "RUNNING" for one in executions)
            and self.wiring.approvals.waiting() == []
            and self.wiring.work.due_notices(self.aws.timeline.now().replace(year=2099)) == []
            and self.wiring.work.due_slots(self.aws.timeline.now().replace(year=2099)) == []
            and self.wiring.work.due_runs(self.aws.timeline.now().replace(year=2099)) == []
            and self.cloud.failures() == []
        )


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


# ---------------------------------------------------------------------------------------------------- bad luck


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
