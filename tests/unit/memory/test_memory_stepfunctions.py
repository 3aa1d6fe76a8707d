"""The in-memory Step Functions walk a machine as the real ones would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.lambdas import Function

LAMBDA = "arn:aws:states:::lambda:invoke"
CALLBACK = f"{LAMBDA}.waitForTaskToken"


class Unavailable(Exception):
    pass


class Machine:
    """A machine of one or more states, and functions that a test writes as plain callables."""

    def __init__(self, definition: dict[str, Any], **functions: Any) -> None:
        self.aws = MemoryAws()
        for name, act in functions.items():
            self.aws.lambdas.deploy(Function(name, lambda act=act: lambda event, _: act(event)))
        self.arn = self.aws.stepfunctions.deploy("m", json.dumps(definition))
        self.client = self.aws.client("stepfunctions")

    def start(self, data: Any = None, name: str = "run-1") -> str:
        answer = self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(data or {}))
        return answer["executionArn"]

    def run(self, data: Any = None) -> dict[str, Any]:
        arn = self.start(data)
        self.aws.timeline.settle()
        return self.client.describe_execution(executionArn=arn)


def task(function: str, resource: str = LAMBDA, **more: Any) -> dict[str, Any]:
    payload = {"input.$": "$", **({"token.$": "$$.Task.Token"} if resource == CALLBACK else {})}
    state = {"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": function, "Payload": payload}}
    return {**state, "End": True, **more}


def single(state: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"StartAt": "Only", "States": {"Only": state}, **top}


def fails_with(error: Exception) -> Any:
    def act(event: Any) -> Any:
        raise error

    return act


def test_a_result_goes_through_selector_and_path():
    state = task("f", ResultSelector={"answer.$": "$.Payload.value"}, ResultPath="$.next")

    ended = Machine(single(state), f=lambda event: {"value": event["input"]["n"] + 1}).run({"n": 1})

    assert json.loads(ended["output"]) == {"n": 1, "next": {"answer": 2}}


def test_a_retry_waits_longer_each_time_and_then_the_catch_keeps_the_input():
    times: list[float] = []
    state = task(
        "f",
        Retry=[{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 3}],
        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Caught"}],
    )
    states = {"Only": state, "Caught": {"Type": "Succeed"}}

    def act(event: Any) -> Any:
        times.append(machine.aws.timeline.elapsed)
        raise Unavailable

    machine = Machine({"StartAt": "Only", "States": states}, f=act)
    ended = machine.run({"n": 1})

    assert times == [0, 1, 3, 7]
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"n": 1})


def test_states_all_does_not_catch_a_path_that_leads_nowhere():
    state = {"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "f", "Payload": {"x.$": "$.nope"}}}
    state |= {"End": True, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Only"}]}

    ended = Machine(single(state), f=lambda _: None).run()

    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_a_token_waits_until_it_is_answered_and_then_is_closed():
    tokens: list[str] = []
    machine = Machine(single(task("f", CALLBACK)), f=lambda event: tokens.append(event["token"]))
    arn = machine.start()
    machine.aws.timeline.advance(hours=48)
    assert machine.client.describe_execution(executionArn=arn)["status"] == "RUNNING"

    machine.client.send_task_success(taskToken=tokens[0], output='{"ok": true}')
    machine.aws.timeline.settle()

    assert machine.client.describe_execution(executionArn=arn)["output"] == '{"ok":true}'
    for token, code in ((tokens[0], "TaskTimedOut"), ("nobody's", "InvalidToken")):
        with pytest.raises(ClientError) as caught:
            machine.client.send_task_success(taskToken=token, output="{}")
        assert caught.value.response["Error"]["Code"] == code


def test_a_retry_of_a_callback_mints_a_fresh_token_and_closes_the_old_one():
    tokens: list[str] = []
    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    machine = Machine(
        single(task("f", CALLBACK, TimeoutSecondsPath="$.limit", Retry=retry)),
        f=lambda event: tokens.append(event["token"]),
    )
    arn = machine.start({"limit": 60})
    machine.aws.timeline.advance(62)

    assert len(set(tokens)) == 2
    with pytest.raises(ClientError, match="TaskTimedOut"):
        machine.client.send_task_success(taskToken=tokens[0], output="{}")
    machine.client.send_task_success(taskToken=tokens[1], output="{}")
    machine.aws.timeline.settle()
    assert machine.client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"


def test_a_callback_whose_function_fails_fails_the_task():
    ended = Machine(single(task("f", CALLBACK)), f=fails_with(Unavailable("down"))).run()

    assert (ended["error"], json.loads(ended["cause"])["errorMessage"]) == ("Unavailable", "down")


def test_a_missed_heartbeat_ends_the_wait():
    tokens: list[str] = []
    machine = Machine(single(task("f", CALLBACK, HeartbeatSeconds=10)), f=lambda event: tokens.append(event["token"]))
    arn = machine.start()
    machine.aws.timeline.advance(9)
    machine.client.send_task_heartbeat(taskToken=tokens[0])
    machine.aws.timeline.advance(9)
    assert machine.client.describe_execution(executionArn=arn)["status"] == "RUNNING"

    machine.aws.timeline.advance(2)

    assert machine.client.describe_execution(executionArn=arn)["error"] == "States.HeartbeatTimeout"


def test_a_map_runs_so_many_at_once_and_keeps_the_order_of_its_items():
    waiting: list[tuple[int, str]] = []
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.most",
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
        "ItemProcessor": single(task("f", CALLBACK)),
        "End": True,
    }
    machine = Machine(single(state), f=lambda event: waiting.append((event["input"]["index"], event["token"])))
    arn = machine.start({"items": ["a", "b", "c"], "most": 2})
    machine.aws.timeline.advance(1)
    assert [index for index, _ in waiting] == [0, 1]

    for index in (1, 0, 2):
        token = dict(waiting)[index]
        machine.client.send_task_success(taskToken=token, output=str(index))
        machine.aws.timeline.advance(1)

    assert machine.client.describe_execution(executionArn=arn)["output"] == "[0,1,2]"


def test_a_failed_iteration_abandons_the_others():
    tokens: list[str] = []
    state = {"Type": "Map", "ItemProcessor": single(task("f", CALLBACK)), "End": True}
    machine = Machine(single(state), f=lambda event: tokens.append(event["token"]))
    arn = machine.start([1, 2])
    machine.aws.timeline.advance(1)

    machine.client.send_task_failure(taskToken=tokens[0], error="Broken", cause="")
    machine.aws.timeline.settle()

    assert machine.client.describe_execution(executionArn=arn)["error"] == "Broken"
    with pytest.raises(ClientError, match="TaskTimedOut"):
        machine.client.send_task_success(taskToken=tokens[1], output="{}")


def test_stopping_closes_tokens_and_tells_the_bus():
    tokens: list[str] = []
    machine = Machine(single(task("f", CALLBACK)), f=lambda event: tokens.append(event["token"]))
    arn = machine.start()
    machine.aws.timeline.advance(1)

    machine.client.stop_execution(executionArn=arn)

    with pytest.raises(ClientError, match="TaskTimedOut"):
        machine.client.send_task_success(taskToken=tokens[0], output="{}")
    told = [event["detail"]["status"] for event in machine.aws.events.accepted]
    assert told == ["RUNNING", "ABORTED"]


def test_the_machines_own_time_out_is_caught_by_nothing():
    state = task("f", CALLBACK, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Only"}])

    ended = Machine(single(state, TimeoutSeconds=60), f=lambda _: None).run()

    assert ended["status"] == "TIMED_OUT"


def test_the_same_name_and_input_is_the_same_execution_only_while_it_runs():
    machine = Machine(single({"Type": "Wait", "Seconds": 60, "End": True}))
    first = machine.start({"n": 1})

    assert machine.start({"n": 1}) == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machine.start({"n": 2})
    machine.aws.timeline.settle()
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machine.start({"n": 1})


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ({"Variable": "$.s", "StringEquals": "x"}, {"s": "x"}),
        ({"Variable": "$.s", "StringMatches": "a*c"}, {"s": "abc"}),
        ({"Variable": "$.n", "NumericGreaterThanEquals": 2}, {"n": 2}),
        ({"Variable": "$.n", "NumericLessThanPath": "$.m"}, {"n": 2, "m": 3}),
        ({"Variable": "$.x", "IsPresent": False}, {}),
        ({"Variable": "$.x", "IsNull": True}, {"x": None}),
        ({"Not": {"Variable": "$.b", "BooleanEquals": True}}, {"b": False}),
        ({"And": [{"Variable": "$.n", "IsNumeric": True}, {"Variable": "$.n", "NumericEquals": 1}]}, {"n": 1}),
        ({"Or": [{"Variable": "$.n", "NumericEquals": 5}, {"Variable": "$.n", "NumericEquals": 1}]}, {"n": 1}),
        ({"Variable": "$.t", "TimestampLessThan": "2026-01-02T00:00:00Z"}, {"t": "2026-01-01T00:00:00Z"}),
    ],
)
def test_a_choice_takes_the_rule_that_holds(rule, data):
    states = {
        "Only": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Succeed"},
        "No": {"Type": "Fail", "ErrorPath": "$$.State.Name", "Cause": "no rule held"},
    }

    assert Machine({"StartAt": "Only", "States": states}).run(data)["status"] == "SUCCEEDED"


def test_a_function_that_takes_too_long_times_the_task_out():
    machine = Machine(single(task("f", TimeoutSeconds=5)), f=lambda _: "late")
    machine.aws.lambdas.function("f").seconds = lambda: 10.0

    assert machine.run()["error"] == "States.Timeout"


def test_a_function_without_room_is_a_throttle():
    machine = Machine(single(task("f")), f=lambda _: "never")
    machine.aws.lambdas.function("f").reserved_concurrency = 0

    assert machine.run()["error"] == "Lambda.TooManyRequestsException"
