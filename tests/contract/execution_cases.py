"""What executions of the run machine and their waiting tasks promise."""

from __future__ import annotations

import json

from buildgate.adapters.stepfunctions import StepFunctionsExecutions
from buildgate.ports import Executions
from contract.cases import Cloud, case
from run_records import run


def executions(cloud: Cloud) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(cloud.client("stepfunctions"), cloud.machine)


@case(Executions)
def an_execution_is_started_once_and_lives(cloud: Cloud) -> None:
    one = run(run_id=cloud.name(), correlation_id="e1")

    assert not executions(cloud).is_alive(one)
    for _ in range(2):
        executions(cloud).start(one)
    assert executions(cloud).is_alive(one)
    assert not executions(cloud).was_interrupted(one)
    arn = cloud.machine.replace(":stateMachine:", ":execution:") + f":{one.execution_name}"
    given = cloud.client("stepfunctions").describe_execution(executionArn=arn)["input"]
    assert json.loads(given) == {"run_id": one.run_id, "correlation_id": one.correlation_id, "fmt": 1}


@case(Executions)
def a_waiting_task_goes_on_once(cloud: Cloud) -> None:
    token = cloud.token()

    assert executions(cloud).succeed(token)
    assert cloud.fate(token) == "went on"
    assert not executions(cloud).succeed(token)


@case(Executions)
def a_task_that_went_on_cannot_fail(cloud: Cloud) -> None:
    token = cloud.token()
    executions(cloud).succeed(token)
    assert cloud.fate(token) == "went on"

    assert not executions(cloud).fail(token, error="Closed", cause="too late")


@case(Executions)
def a_waiting_task_fails_by_name(cloud: Cloud) -> None:
    token = cloud.token()

    assert executions(cloud).fail(token, error="Unavailable", cause="x" * 40_000)
    assert cloud.fate(token) == "failed: Unavailable"
    assert not executions(cloud).succeed(token)


@case(Executions)
def a_token_that_nobody_gave_waits_for_nothing(cloud: Cloud) -> None:
    assert not executions(cloud).succeed("no such token")
    assert not executions(cloud).fail("no such token", error="Closed", cause="nobody")
