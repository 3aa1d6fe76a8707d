"""The local cloud's services tell the same of any generated history as the in-memory ones, or as moto's.

Builds and repositories are our own services there, with tests of their own. The in-memory AWS has no Parameter Store and
no secrets, which only builds and the sources of gates ask; moto's stand for them. The gap that was found is a test.
"""

from __future__ import annotations

import functools
import itertools
import json
from types import SimpleNamespace

import boto3
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.patterns import matches
from contract.service_histories import (
    EVENTS,
    EXAMPLES,
    MESSAGE_STEPS,
    MESSAGES,
    NUMBERS,
    OBJECT_STEPS,
    PARAMETER_STEPS,
    PATTERNS,
    POLICIES,
    SECRET_STEPS,
    WORDS,
    answered,
    delivered,
    machine,
    messages_told,
    objects_told,
    parameters_told,
    rules,
    secrets_told,
    wait_really,
)

pytestmark = pytest.mark.xdist_group("conformance")
SOME = settings(EXAMPLES, max_examples=6, phases=[Phase.generate])
NEW = itertools.count(1)
"""Numbers for names that no history had before."""
WHOLE_EVENT = {
    "version": "0", "id": "e1", "account": "000000000000", "time": "2026-11-22T12:00:00Z", "region": "us-east-1",
    "resources": [], "detail-type": "Anything",
}  # fmt: skip


@pytest.fixture(scope="module")
def local(asked):
    """Clients of the local cloud, made once."""
    return SimpleNamespace(client=functools.cache(asked.client))


@pytest.fixture(scope="module")
def moto():
    with mock_aws():
        yield boto3.Session(region_name="us-east-1")


def name() -> str:
    return f"history-{next(NEW)}"


@SOME
@given(steps=OBJECT_STEPS, is_versioned=st.booleans())
def test_buckets_tell_the_same_of_any_history_there(local, steps, is_versioned):
    bucket = name()

    ours = objects_told(MemoryAws().client("s3"), bucket, steps, is_versioned=is_versioned)

    assert objects_told(local.client("s3"), bucket, steps, is_versioned=is_versioned) == ours


@SOME
@given(steps=MESSAGE_STEPS)
def test_queues_tell_the_same_of_any_history_there(local, steps):
    queue = name()

    assert messages_told(local.client("sqs"), queue, steps) == messages_told(MemoryAws().client("sqs"), queue, steps)


@SOME
@given(policies=POLICIES, messages=MESSAGES)
def test_a_topic_delivers_the_same_messages_there(local, policies, messages):
    topic = name()

    assert delivered(local, topic, policies, messages) == delivered(MemoryAws(), topic, policies, messages)


def test_the_known_gap_of_the_in_memory_queues_is_that_they_take_what_no_policy_lets_in(local):
    topic, anything = name(), ([{}], [{}])

    assert delivered(local, topic, *anything, has_policy=False) == [[]]
    assert delivered(MemoryAws(), topic, *anything, has_policy=False) == [["0"]]


@settings(EXAMPLES, max_examples=60)
@given(pattern=PATTERNS, event=EVENTS)
def test_a_rule_matches_the_same_events_there(local, pattern, event):
    whole = json.dumps({**WHOLE_EVENT, **event})

    told = local.client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=whole)["Result"]

    assert told == matches(pattern, event)


@settings(EXAMPLES, max_examples=2)
@given(
    choices=st.lists(rules(), min_size=12, max_size=20),
    data=st.fixed_dictionaries({"s": WORDS, "n": NUMBERS, "b": st.booleans()}),
)
def test_choices_hold_alike_there(asked, local, choices, data):
    called, aws = name(), MemoryAws()

    ours = answered(aws.client("stepfunctions"), called, machine(choices), data, wait=lambda _: aws.timeline.settle())

    assert (
        answered(
            local.client("stepfunctions"),
            called,
            machine(choices),
            data,
            wait=wait_really,
            role=asked.outputs["MachineRole"],
        )
        == ours
    )


@SOME
@given(steps=PARAMETER_STEPS)
def test_parameters_tell_the_same_of_any_history_as_motos(local, moto, steps):
    prefix = name()

    assert parameters_told(local.client("ssm"), prefix, steps) == parameters_told(moto.client("ssm"), prefix, steps)


@SOME
@given(steps=SECRET_STEPS)
def test_secrets_tell_the_same_of_any_history_as_motos(local, moto, steps):
    prefix, service = name(), "secretsmanager"

    assert secrets_told(local.client(service), prefix, steps) == secrets_told(moto.client(service), prefix, steps)
