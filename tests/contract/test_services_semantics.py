"""The in-memory buckets, topics, queues and machines answer as moto's do."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws

ROLE = "arn:aws:iam::123456789012:role/machine"


@pytest.fixture(scope="module")
def moto():
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture
def memory() -> MemoryAws:
    return MemoryAws()


def outcome(call: Any, *members: str, **request: Any) -> Any:
    """Return an answer's members, or the code of its refusal."""
    try:
        answer = call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return [answer.get(member) for member in members]


def bucket_story(client: Any) -> list[Any]:
    """Return what happens to a few objects; version ids differ, so only their sameness is told."""
    client.create_bucket(Bucket="reports")
    told = [
        outcome(client.put_object, "ETag", "VersionId", Bucket="reports", Key="a/1", Body=b"one"),
        outcome(client.get_object, Bucket="reports", Key="nope"),
        outcome(client.head_object, Bucket="reports", Key="nope"),
        outcome(client.get_object, Bucket="nope", Key="nope"),
        outcome(client.put_object, Bucket="reports", Key="a/1", Body=b"", IfNoneMatch="*"),
    ]
    client.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="reports", Key="b", Body=b"first", Metadata={"k": "v"})["VersionId"]
    second = client.put_object(Bucket="reports", Key="b", Body=b"second")["VersionId"]
    for request in ({}, {"VersionId": first}, {"VersionId": second}, {"Range": "bytes=1-3"}):
        answer = client.get_object(Bucket="reports", Key="b", **request)
        told.append((answer["Body"].read(), answer["ETag"], answer["ContentLength"], answer["Metadata"]))
    client.delete_object(Bucket="reports", Key="b")
    told.append(outcome(client.get_object, Bucket="reports", Key="b"))
    told.append(client.get_object(Bucket="reports", Key="b", VersionId=first)["Body"].read())
    for name in ("a/2", "c/1", "d"):
        client.put_object(Bucket="reports", Key=name, Body=b"x")
    for request in ({}, {"Prefix": "a/"}, {"Delimiter": "/"}, {"MaxKeys": 2}, {"StartAfter": "a/2"}):
        page = client.list_objects_v2(Bucket="reports", **request)
        keys = [(entry["Key"], entry["Size"], entry["ETag"]) for entry in page.get("Contents", [])]
        told.append((keys, page.get("CommonPrefixes"), page["IsTruncated"], page["KeyCount"]))
    return told


def test_buckets_tell_the_same_story(memory, moto):
    assert bucket_story(memory.client("s3")) == bucket_story(moto.client("s3"))


def topic_story(sns: Any) -> list[Any]:
    topic = sns.create_topic(Name="asks")["TopicArn"]
    body = json.dumps({"default": "d"})
    requests: list[dict[str, Any]] = [
        {"Message": "m", "Subject": "s"},
        {"Message": "m", "Subject": "x" * 101},
        {"Message": "m" * 300_000},
        {"Message": body, "MessageStructure": "json"},
    ]
    told = [outcome(sns.publish, TopicArn=topic, **request) for request in requests]
    told.append(outcome(sns.publish, TopicArn=f"{topic}-nope", Message="m"))
    entries = [{"Id": "1", "Message": "m"}, {"Id": "1", "Message": "m"}]
    told.append(outcome(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries))
    return told


def test_topics_refuse_the_same(memory, moto):
    assert topic_story(memory.client("sns")) == topic_story(moto.client("sns"))


def a_pass(**more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "End": True, **more}


def chosen(rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Only": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], **more},
        "Yes": a_pass(Result={"yes": True}),
        "No": {"Type": "Fail", "Error": "No", "Cause": "no rule held"},
    }


def mapped(processor: dict[str, Any], **more: Any) -> dict[str, Any]:
    inner = {"StartAt": "Inner", "States": {"Inner": processor}}
    return {"Only": {"Type": "Map", "ItemProcessor": inner, "End": True, **more}}


MACHINES: dict[str, tuple[dict[str, Any], Any]] = {
    "input passes": ({"Only": a_pass()}, {"a": 1}),
    "result replaces": ({"Only": a_pass(Result={"b": 2})}, {"a": 1}),
    "result beside": ({"Only": a_pass(Result={"b": 2}, ResultPath="$.x.y")}, {"a": 1}),
    "result dropped": ({"Only": a_pass(Result={"b": 2}, ResultPath=None)}, {"a": 1}),
    "result over a value": ({"Only": a_pass(Result=2, ResultPath="$.a")}, {"a": 1}),
    "input path": ({"Only": a_pass(InputPath="$.a")}, {"a": {"b": [1, 2]}}),
    "output path": ({"Only": a_pass(OutputPath="$.a.b[1]")}, {"a": {"b": [1, 2]}}),
    "parameters": ({"Only": a_pass(Parameters={"n.$": "$.a", "m": {"o.$": "$.b[0]"}})}, {"a": 1, "b": ["x"]}),
    "context": ({"Only": a_pass(Parameters={"s.$": "$$.State.Name"})}, {}),
    "format": ({"Only": a_pass(Parameters={"t.$": "States.Format('{}-{}', $.a, $.b)"})}, {"a": "x", "b": 2}),
    "array": ({"Only": a_pass(Parameters={"t.$": "States.ArrayLength(States.Array(1, $.a))"})}, {"a": "x"}),
    "a path to nothing": ({"Only": a_pass(Parameters={"n.$": "$.nope"})}, {"a": 1}),
    "choice by text": (chosen({"Variable": "$.s", "StringEquals": "x"}, Default="No"), {"s": "x"}),
    "choice by number": (chosen({"Variable": "$.n", "NumericLessThan": 2}, Default="No"), {"n": 2}),
    "choice of another kind": (chosen({"Variable": "$.n", "StringEquals": "2"}, Default="No"), {"n": 2}),
    "choice by presence": (chosen({"Variable": "$.n", "IsPresent": False}, Default="No"), {}),
    "choice by glob": (chosen({"Variable": "$.s", "StringMatches": "rel*/1"}, Default="No"), {"s": "release/1"}),
    "choice without default": (chosen({"Variable": "$.n", "NumericEquals": 1}), {"n": 2}),
    "choice of an absent variable": (chosen({"Variable": "$.nope", "NumericEquals": 1}, Default="No"), {"n": 2}),
    "fail": ({"Only": {"Type": "Fail", "Error": "E", "Cause": "c"}}, {}),
    "fail by path": ({"Only": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}}, {"e": "E", "c": "why"}),
    "succeed": ({"Only": {"Type": "Succeed", "OutputPath": "$.a"}}, {"a": 1}),
    "map": (mapped(a_pass(), ItemsPath="$.l"), {"l": [1, 2, 3]}),
    "map of nothing": (mapped(a_pass(), ItemsPath="$.l"), {"l": []}),
    "map with a selector": (
        mapped(
            a_pass(),
            ItemsPath="$.l",
            ItemSelector={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k.$": "$.k"},
            ResultPath="$.done",
        ),
        {"l": ["a", "b"], "k": "v"},
    ),
    "map over a failure": (mapped({"Type": "Fail", "Error": "E", "Cause": "c"}), [1]),
    "map over a failure, caught": (
        {
            "Only": {
                **mapped({"Type": "Fail", "Error": "E", "Cause": "c"}, ItemsPath="$.l", Next="After")["Only"],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "After"}],
            }
            | {"End": None},
            "After": a_pass(),
        },
        {"l": [1]},
    ),
    "parallel": (
        {
            "Only": {
                "Type": "Parallel",
                "Branches": [{"StartAt": name, "States": {name: a_pass(Result=name)}} for name in ("A", "B")],
                "ResultSelector": {"first.$": "$[0]", "all.$": "$"},
                "End": True,
            }
        },
        {},
    ),
}
GAPS = {
    "choice without default": "moto fails with States.Runtime, AWS with States.NoChoiceMatched",
    "choice of an absent variable": "moto takes the default, AWS fails with States.Runtime",
}


def definition(states: dict[str, Any]) -> str:
    kept = {
        name: {key: value for key, value in state.items() if key != "End" or value} for name, state in states.items()
    }
    return json.dumps({"StartAt": "Only", "States": kept})


def ended(client: Any, name: str, states: dict[str, Any], data: Any, wait: Any) -> tuple[Any, ...]:
    """Run a machine and return its status, output and error."""
    arn = client.create_state_machine(name=name, definition=definition(states), roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn, input=json.dumps(data))["executionArn"]
    wait(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING")
    answer = client.describe_execution(executionArn=execution)
    output = json.loads(answer["output"]) if "output" in answer else None
    return answer["status"], output, answer.get("error")


def wait_really(is_done: Any) -> None:
    for _ in range(500):
        if is_done():
            return
        time.sleep(0.01)


@pytest.mark.parametrize("name", MACHINES)
def test_machines_end_alike(memory, moto, name):
    states, data = MACHINES[name]
    label = name.replace(" ", "-").replace(",", "")

    ours = ended(memory.client("stepfunctions"), label, states, data, lambda _: memory.timeline.settle())
    theirs = ended(moto.client("stepfunctions"), label, states, data, wait_really)

    assert (ours == theirs) is (name not in GAPS), (ours, theirs)
