"""Step Functions on the local cloud behaves as AWS documents it."""

import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.xdist_group("conformance")


def one(state):
    return {"StartAt": "Only", "States": {"Only": state}}


@pytest.fixture
def key():
    return f"TEST#{uuid.uuid4()}"


def code(error):
    return error.value.response["Error"]["Code"]


def test_the_deployed_machine_runs_with_its_substitutions_and_layers(asked):
    states = asked.client("stepfunctions")

    started = states.start_execution(stateMachineArn=asked.outputs["Machine"], input="{}")
    ended = asked.ended(started["executionArn"])

    assert json.loads(ended["output"]) == {"said": "good day from the layer"}


def test_a_callback_ends_the_task_with_its_output(asked, key):
    execution = asked.start(one(asked.parking(key, TimeoutSeconds=30)))

    asked.client("stepfunctions").send_task_success(taskToken=asked.tokens(key)[0], output='{"ok": true}')

    assert json.loads(asked.ended(execution)["output"]) == {"ok": True}


def test_timeout_seconds_path_limits_the_task(asked, key):
    began = time.monotonic()
    execution = asked.start(one(asked.parking(key, TimeoutSecondsPath="$.limit")), {"limit": 1})

    ended = asked.ended(execution)

    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert time.monotonic() - began < 6


def test_a_path_that_is_no_integer_fails_the_machine(asked, key):
    execution = asked.start(one(asked.parking(key, TimeoutSecondsPath="$.limit")), {"limit": "soon"})

    assert asked.ended(execution)["error"] == "States.Runtime"


@pytest.mark.parametrize("field", [{"HeartbeatSeconds": 1}, {"HeartbeatSecondsPath": "$.limit"}])
def test_a_missed_heartbeat_is_caught_as_a_timeout(asked, key, field):
    caught = {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.caught", "Next": "Done"}
    parking = {**asked.parking(key, **field), "Catch": [caught], "TimeoutSeconds": 60}
    execution = asked.start({"StartAt": "Only", "States": {"Only": parking, "Done": {"Type": "Succeed"}}}, {"limit": 1})

    assert json.loads(asked.ended(execution)["output"])["caught"]["Error"] == "States.HeartbeatTimeout"


def test_heartbeats_keep_a_task_alive(asked, key):
    states = asked.client("stepfunctions")
    execution = asked.start(one(asked.parking(key, HeartbeatSeconds=2)))
    token = asked.tokens(key)[0]

    for _ in range(4):
        time.sleep(0.8)
        states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output="{}")

    assert asked.ended(execution)["status"] == "SUCCEEDED"


def test_max_concurrency_path_bounds_a_map(asked, key):
    work = asked.calling({"do": "work", "key": key, "seconds": 0.3})
    mapped = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.width",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Work", "States": {"Work": work}},
        "End": True,
    }

    asked.ended(asked.start(one(mapped), {"items": [1, 2, 3, 4], "width": 2}))

    steps = sorted((next(iter(note.values())), 1 if "started" in note else -1) for note in asked.notes(key))
    running = [sum(step for _, step in steps[: index + 1]) for index in range(len(steps))]
    assert max(running) == 2


def test_the_machine_limit_times_the_execution_out_and_closes_its_tokens(asked, key):
    execution = asked.start({**one(asked.parking(key)), "TimeoutSeconds": 2})
    token = asked.tokens(key)[0]

    ended = asked.ended(execution)

    assert ended["status"] == "TIMED_OUT"
    with pytest.raises(ClientError) as refused:
        asked.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    assert code(refused) == "TaskTimedOut"


def test_stop_execution_closes_tokens_and_starts_nothing_more(asked, key):
    after = asked.calling({"do": "note", "as": f"{key}#after"})
    caught = {"ErrorEquals": ["States.ALL"], "Next": "After"}
    parking = {**asked.parking(key), "Next": "After", "Catch": [caught]}
    del parking["End"]
    execution = asked.start({"StartAt": "Only", "States": {"Only": parking, "After": after}})
    token = asked.tokens(key)[0]
    states = asked.client("stepfunctions")

    states.stop_execution(executionArn=execution, error="Stopped", cause="by the test")

    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=token, output="{}")
    assert code(refused) == "TaskTimedOut"
    time.sleep(0.5)
    assert asked.ended(execution)["status"] == "ABORTED"
    assert asked.notes(f"{key}#after") == []


def test_stop_execution_ends_a_map_of_waiting_tasks_without_their_clean_up(asked, key):
    settle = asked.calling({"do": "note", "as": f"{key}#settled"})
    parking = asked.parking(key, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Settle"}])
    mapped = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Park", "States": {"Park": parking, "Settle": settle}},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Wait"}],
        "End": True,
    }
    waiting = {"Type": "Wait", "Seconds": 60, "End": True}
    execution = asked.start({"StartAt": "Only", "States": {"Only": mapped, "Wait": waiting}}, {"items": [1, 2, 3]})
    asked.tokens(key, 3)

    asked.client("stepfunctions").stop_execution(executionArn=execution)

    time.sleep(0.5)
    assert asked.ended(execution)["status"] == "ABORTED"
    assert asked.notes(f"{key}#settled") == []


def test_each_attempt_has_its_own_token_and_the_old_one_is_closed(asked, key):
    retried = [{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "MaxAttempts": 2, "MaxDelaySeconds": 1}]
    execution = asked.start(one(asked.parking(key, Retry=retried, TimeoutSeconds=30)))
    states = asked.client("stepfunctions")
    first = asked.tokens(key)[0]
    states.send_task_failure(taskToken=first, error="Unavailable", cause="try again")

    second = asked.tokens(key, 2)[1]

    assert second != first
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=first, output="{}")
    assert code(refused) == "TaskTimedOut"
    states.send_task_success(taskToken=second, output="{}")
    assert asked.ended(execution)["status"] == "SUCCEEDED"
    assert [note["retry"] for note in asked.notes(key)] == [0, 1]


def test_only_the_first_answer_to_a_token_counts(asked, key):
    execution = asked.start(one(asked.parking(key)))
    token = asked.tokens(key)[0]
    states = asked.client("stepfunctions")
    states.send_task_success(taskToken=token, output='"first"')

    with pytest.raises(ClientError) as refused:
        states.send_task_failure(taskToken=token, error="Late")

    assert code(refused) == "TaskTimedOut"
    assert asked.ended(execution)["output"] == '"first"'


def test_a_token_nobody_was_given_is_invalid(asked):
    with pytest.raises(ClientError) as refused:
        asked.client("stepfunctions").send_task_success(taskToken="made-up", output="{}")

    assert code(refused) == "InvalidToken"


def test_output_that_is_no_json_is_refused_and_leaves_the_task_waiting(asked, key):
    execution = asked.start(one(asked.parking(key)))
    states = asked.client("stepfunctions")

    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=asked.tokens(key)[0], output="{")

    assert code(refused) == "InvalidOutput"
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    states.stop_execution(executionArn=execution)


def test_a_function_that_fails_to_park_fails_its_task_under_the_class_of_its_error(asked, key):
    parking = asked.parking(key, TimeoutSeconds=30)
    parking["Parameters"]["Payload"].update({"do": "raise", "error": "Rejected"})

    ended = asked.ended(asked.start(one(parking)))

    assert (ended["status"], ended["error"]) == ("FAILED", "Rejected")
    assert json.loads(ended["cause"])["errorMessage"].startswith("line one")


def test_retry_matches_the_class_of_the_exception(asked, key):
    retried = [{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1}]
    execution = asked.start(one(asked.calling({"do": "raise", "key": key, "error": "Unavailable"}, Retry=retried)))

    ended = asked.ended(execution)

    assert ended["error"] == "Unavailable"
    assert len(asked.notes(key)) == 2


def test_start_execution_is_idempotent_by_name_and_input(asked, key):
    states, machine = asked.client("stepfunctions"), asked.machine(one(asked.parking(key)))
    first = states.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')

    again = states.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')
    with pytest.raises(ClientError) as other_input:
        states.start_execution(stateMachineArn=machine, name="once", input='{"a": 2}')
    states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError) as after_the_end:
        states.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')

    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    assert code(other_input) == "ExecutionAlreadyExists"
    assert code(after_the_end) == "ExecutionAlreadyExists"


def test_a_bad_name_and_bad_input_are_refused(asked):
    states = asked.client("stepfunctions")

    with pytest.raises(ClientError) as name:
        states.start_execution(stateMachineArn=asked.outputs["Machine"], name="a b", input="{}")
    with pytest.raises(ClientError) as text:
        states.start_execution(stateMachineArn=asked.outputs["Machine"], input="{")

    assert (code(name), code(text)) == ("InvalidName", "InvalidExecutionInput")


def test_a_machine_may_invoke_only_what_its_role_grants(asked, key):
    calling = asked.calling({})
    calling["Parameters"]["FunctionName"] = asked.outputs["Mute"]

    ended = asked.ended(asked.start(one(calling)))

    assert ended["error"] == "Lambda.AWSLambdaException"
    assert "lambda:InvokeFunction" in ended["cause"]
