"""EventBridge, Lambda's asynchronous invocations and schedules on the local cloud behave as AWS documents them."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from local_cloud_asking import until

pytestmark = pytest.mark.xdist_group("conformance")


def put_build(asked, build, **detail):
    answer = asked.client("events").put_events(
        Entries=[
            {
                "Source": "aws.codebuild",
                "DetailType": "CodeBuild Build State Change",
                "Detail": json.dumps({"build-id": build, "build-status": "SUCCEEDED", **detail}),
            }
        ]
    )
    assert answer["FailedEntryCount"] == 0


def receive(asked, queue):
    received = (
        asked.client("sqs")
        .receive_message(QueueUrl=queue, WaitTimeSeconds=10, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages", [])
    )
    for message in received:
        asked.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return received


def test_an_event_of_an_aws_service_reaches_the_function_through_its_transformer(asked):
    build = f"shop:{uuid.uuid4()}"

    put_build(asked, build, secret="never forwarded")

    note = until(lambda: next((note for note in asked.notes("BUILD") if note["build"] == build), None))
    assert set(note) == {"do", "as", "id", "build", "status"}


def test_an_event_keeps_the_time_at_which_it_happened(asked):
    name = f"rule-{uuid.uuid4().hex[:8]}"
    events, sqs = asked.client("events"), asked.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.codecommit"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{name}"}])
    happened_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    events.put_events(Entries=[{"Source": "aws.codecommit", "DetailType": "test", "Detail": "{}", "Time": happened_at}])

    [message] = receive(asked, queue)
    assert json.loads(message["Body"])["time"] == "2026-01-02T03:04:05Z"


def test_an_event_for_a_function_that_is_gone_goes_to_the_targets_queue(asked):
    events = asked.client("events")
    name = f"rule-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {
        "Id": "gone",
        "Arn": "arn:aws:lambda:us-east-1:000000000000:function:no-such-function",
        "DeadLetterConfig": {"Arn": asked.outputs["UndeliveredArn"]},
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
    }
    events.put_targets(Rule=name, Targets=[target])

    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": '{"a": 1}'}])

    [message] = receive(asked, asked.outputs["Undelivered"])
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    assert attributes["ERROR_CODE"] == "RESOURCE_NOT_FOUND"
    assert attributes["TARGET_ARN"] == target["Arn"]
    assert attributes["RULE_ARN"].endswith(f"rule/{name}")


def test_the_deployed_rule_keeps_its_failure_queue_and_retry_policy(asked):
    events = asked.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"] if "codebuild" in rule.get("EventPattern", "")]

    [target] = events.list_targets_by_rule(Rule=rules[0])["Targets"]

    assert target["DeadLetterConfig"]["Arn"] == asked.outputs["UndeliveredArn"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}


def test_an_event_the_function_fails_on_goes_to_its_on_failure_destination(asked):
    key = f"TEST#{uuid.uuid4()}"
    payload = {"do": "raise", "key": key, "error": "Rejected"}

    asked.client("lambda").invoke(
        FunctionName=asked.outputs["Worker"], InvocationType="Event", Payload=json.dumps(payload)
    )

    [message] = receive(asked, asked.outputs["Failures"])
    told = json.loads(message["Body"])
    assert told["requestPayload"] == payload
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["responsePayload"]["errorType"] == "Rejected"
    assert len(asked.notes(key)) == 1


def test_a_synchronous_failure_names_the_class_of_the_exception(asked):
    payload = {"do": "raise", "key": f"TEST#{uuid.uuid4()}", "error": "Unavailable"}

    answer = asked.client("lambda").invoke(FunctionName=asked.outputs["Worker"], Payload=json.dumps(payload))

    told = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert told["errorType"] == "Unavailable"
    assert told["stackTrace"]


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_the_end_of_an_execution_is_an_event(asked, status):
    waiting = {"Type": "Wait", "Seconds": 60, "End": True}
    only = {"Type": "Fail", "Error": "Test"} if status == "FAILED" else waiting
    definition = {"StartAt": "Only", "States": {"Only": only}}
    if status == "TIMED_OUT":
        definition["TimeoutSeconds"] = 1

    execution = asked.start(definition)
    if status == "ABORTED":
        asked.client("stepfunctions").stop_execution(executionArn=execution)

    note = until(lambda: next((note for note in asked.notes("EXECUTION") if note["execution"] == execution), None))
    assert note["status"] == status


def test_schedules_fire_at_the_clouds_speed(asked):
    until(lambda: len(asked.notes("TICK")) >= 2 or None)
