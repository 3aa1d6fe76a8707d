"""The in-memory bus, functions and topics deliver as AWS promises, and misdeliver on order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.events import Rule, Target
from buildgate.adapters.memory.lambdas import Function
from buildgate.adapters.memory.patterns import matches, transformed


@pytest.fixture
def aws() -> MemoryAws:
    return MemoryAws()


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": ["z", "x"]}, True),
        ({"a": [1]}, {"a": True}, False),
        ({"a": {"b": [{"prefix": "re"}]}}, {"a": {"b": "release/1"}}, True),
        ({"a": [{"suffix": ".xml"}]}, {"a": "junit.json"}, False),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
        ({"a": [{"wildcard": "a*z"}]}, {"a": "abcz"}, True),
        ({"a": [{"equals-ignore-case": "X"}]}, {"a": "x"}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
        ({"a": [None]}, {"a": None}, True),
    ],
)
def test_patterns_match_as_documented(pattern, event, expected):
    assert matches(pattern, event) is expected


def test_a_transformer_sends_only_what_it_names():
    paths = {"id": "$.id", "build": "$.detail.build-id", "gone": "$.detail.nope"}
    event = {"id": "1", "detail": {"build-id": 'a"b', "secret": "hush"}}

    made = transformed(paths, '{"id": <id>, "build": "arn/<build>", "gone": <gone>}', event)

    assert made == {"id": "1", "build": 'arn/a"b', "gone": None}


def test_deliveries_may_be_lost_doubled_and_late(aws):
    got: list[tuple[float, str]] = []
    target = Target("f", lambda payload: got.append((aws.timeline.elapsed, json.loads(payload)["detail"]["n"])))
    aws.events.rules.append(Rule("r", {"source": ["app"]}, (target,)))
    schedule = {"lost": [], "late": [60.0], "twice": [0.0, 5.0]}
    aws.events.deliveries = lambda event: schedule[event["detail"]["n"]]

    for n in schedule:
        aws.client("events").put_events(Entries=[{"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": n})}])
    aws.timeline.settle()

    assert got == [(0.0, "twice"), (5.0, "twice"), (60.0, "late")]


def deploy(aws: MemoryAws, act: Any, **more: Any) -> list[float]:
    times: list[float] = []

    def build() -> Any:
        def handle(event: Any, context: Any) -> Any:
            times.append(aws.timeline.elapsed)
            return act(event)

        return handle

    aws.lambdas.deploy(Function("f", build, **more))
    return times


def broken(event: Any) -> Any:
    raise RuntimeError("broken")


def test_an_asynchronous_event_is_tried_three_times_and_then_kept(aws):
    kept: list[Any] = []
    times = deploy(aws, broken, on_failure=kept.append)
    aws.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
    aws.timeline.settle()

    assert times == [0, 60, 180]
    assert (kept[0]["requestPayload"], kept[0]["requestContext"]["condition"]) == ({"n": 1}, "RetriesExhausted")


def test_a_throttled_event_waits_for_room_up_to_six_hours(aws):
    kept: list[Any] = []
    times = deploy(aws, lambda _: None, reserved_concurrency=0, on_failure=kept.append)
    aws.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
    aws.timeline.advance(hours=1)
    aws.lambdas.function("f").reserved_concurrency = 1
    aws.timeline.settle()

    assert (len(times), kept) == (1, [])


def test_a_synchronous_call_tells_the_class_of_the_error(aws):
    deploy(aws, broken)

    answer = aws.client("lambda").invoke(FunctionName="f", Payload=b"{}")

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {"errorType": "RuntimeError", "errorMessage": "broken"}


def test_a_filter_policy_lets_only_its_own_messages_through(aws):
    client = aws.client("sns")
    topic = client.create_topic(Name="asks")["TopicArn"]
    for who in ("alice", "bob"):
        client.subscribe(
            TopicArn=topic,
            Protocol="email",
            Endpoint=f"{who}@example.com",
            Attributes={"FilterPolicy": json.dumps({"approver": [who]})},
        )
    client.publish(
        TopicArn=topic,
        Subject="Please decide",
        MessageStructure="json",
        Message=json.dumps({"default": "card", "email": "text"}),
        MessageAttributes={"approver": {"DataType": "String", "StringValue": "bob"}},
    )
    aws.timeline.settle()

    assert [(one.endpoint, one.body) for one in aws.sns.delivered] == [("bob@example.com", "text")]


def test_subjects_that_sns_refuses_are_refused(aws):
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    for subject in ("two\nlines", "x" * 101, "caf\u00e9"):
        assert code_of(aws.client("sns").publish, TopicArn=topic, Message="m", Subject=subject) == "InvalidParameter"
