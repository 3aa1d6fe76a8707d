"""In-memory buckets, queues, topics, rules, builds and machines stay alike moto's over generated histories.

The local cloud's are held to the same histories in `test_services_generated_locally.py`.
"""

from __future__ import annotations

import json

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.events.models import EventPattern

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.patterns import matches
from contract.service_histories import (
    BUILD_STEPS,
    EVENTS,
    EXAMPLES,
    MESSAGE_STEPS,
    MESSAGES,
    NUMBERS,
    OBJECT_STEPS,
    PATTERNS,
    POLICIES,
    WORDS,
    answered,
    builds_told,
    delivered,
    machine,
    messages_told,
    objects_told,
    rules,
    wait_really,
)


@pytest.fixture(scope="module")
def moto():
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture(scope="module")
def numbers():
    """Names that no history had before."""
    return iter(range(10_000))


@EXAMPLES
@given(steps=OBJECT_STEPS, is_versioned=st.booleans())
def test_buckets_tell_the_same_of_any_history(moto, numbers, steps, is_versioned):
    bucket = f"history-{next(numbers)}"

    ours = objects_told(MemoryAws().client("s3"), bucket, steps, is_versioned=is_versioned)
    theirs = objects_told(moto.client("s3"), bucket, steps, is_versioned=is_versioned)

    assert ours == theirs


@EXAMPLES
@given(steps=MESSAGE_STEPS)
def test_queues_tell_the_same_of_any_history(moto, numbers, steps):
    name = f"history-{next(numbers)}"

    assert messages_told(MemoryAws().client("sqs"), name, steps) == messages_told(moto.client("sqs"), name, steps)


@settings(EXAMPLES, max_examples=300)
@given(pattern=PATTERNS, event=EVENTS)
def test_a_rule_matches_the_same_events(pattern, event):
    assert matches(pattern, event) == EventPattern.load(json.dumps(pattern)).matches_event(event)


@EXAMPLES
@given(policies=POLICIES, messages=MESSAGES)
def test_a_topic_delivers_the_same_messages(moto, numbers, policies, messages):
    name = f"history-{next(numbers)}"

    assert delivered(MemoryAws(), name, policies, messages) == delivered(moto, name, policies, messages)


@EXAMPLES
@given(steps=BUILD_STEPS)
def test_projects_builds_and_repositories_tell_the_same_of_any_history(moto, numbers, steps):
    prefix = f"history-{next(numbers)}"

    assert builds_told(MemoryAws(), prefix, steps) == builds_told(moto, prefix, steps)


@settings(EXAMPLES, max_examples=3)
@given(
    choices=st.lists(rules(), min_size=12, max_size=20),
    data=st.fixed_dictionaries({"s": WORDS, "n": NUMBERS, "b": st.booleans()}),
)
def test_choices_hold_alike(moto, numbers, choices, data):
    name, aws = f"history-{next(numbers)}", MemoryAws()

    ours = answered(aws.client("stepfunctions"), name, machine(choices), data, wait=lambda _: aws.timeline.settle())
    theirs = answered(moto.client("stepfunctions"), name, machine(choices), data, wait=wait_really)

    assert ours == theirs
