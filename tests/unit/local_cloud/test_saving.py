"""What the emulator saves: only after a request that may have changed something, and only what differs."""

import pytest

from buildgate_cli.local.seams.front_door import _may_change
from buildgate_cli.local.seams.saving import _digest

TARGET = b"x-amz-target"
CODE = b"x" * 10_000


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("GET", {}, b""),
        ("POST", {TARGET: b"DynamoDB_20120810.Query"}, b"{}"),
        ("POST", {TARGET: b"DynamoDB_20120810.BatchGetItem"}, b"{}"),
        ("POST", {}, b"Action=ListTopics&Version=2010-03-31"),
        ("POST", {}, b"Action=DescribeStacks"),
    ],
)
def test_a_request_that_only_reads_saves_nothing(method, headers, body):
    assert not _may_change(method, headers, body)


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("PUT", {}, b""),
        ("POST", {}, b""),
        ("POST", {}, b"Action=Publish&Message=GetSomething"),
        ("POST", {}, b"x=1&Action=ListTopics"),
        ("POST", {TARGET: b"DynamoDB_20120810.UpdateItem"}, b"Action=ListTopics"),
    ],
)
def test_any_other_request_saves(method, headers, body):
    assert _may_change(method, headers, body)


def test_a_state_is_told_from_one_with_other_code_or_another_word():
    def refuse(value):
        raise TypeError(value)

    state = {"layer": {"code": CODE, "name": "core"}}

    def is_the_same(other):
        return _digest(other, refuse) == _digest(state, refuse)

    assert is_the_same({"layer": {"code": bytes(bytearray(CODE)), "name": "core"}})
    assert not is_the_same({"layer": {"code": CODE + b"x", "name": "core"}})
    assert not is_the_same({"layer": {"code": b"y" + CODE[1:], "name": "core"}})
    assert not is_the_same({"layer": {"code": CODE, "name": "cores"}})
