"""Waiting tasks and the template's rules do the same there as in memory, of any generated answers and events.

The gaps that were found are tests.
"""

from __future__ import annotations

import itertools
import json
import time
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import Phase, given, settings

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.patterns import transformed
from contract.delivery_histories import EVENTS_OF_SERVICES, RULES, WIRINGS, Wired, sent_by, sent_in_memory
from contract.service_histories import EXAMPLES
from contract.token_histories import HISTORIES, History, MemoryDesk, tokens_told

pytestmark = pytest.mark.xdist_group("conformance")
NEW = itertools.count(1)
LONGEST_PAUSE_SECONDS = 0.4
BUILD_RULE = next(rule for rule in RULES if rule.input_template)


@pytest.fixture(scope="module")
def desk(asked):
    """The local cloud, whose worker notes tokens in its table."""

    def wait(is_done):
        pause, end = 0.02, time.monotonic() + 30
        while not is_done():
            assert time.monotonic() < end, "it never came to that"
            time.sleep(pause)
            pause = min(pause * 1.6, LONGEST_PAUSE_SECONDS)

    return SimpleNamespace(
        states=asked.client("stepfunctions"),
        function=asked.outputs["Worker"],
        role=asked.outputs["MachineRole"],
        tokens=lambda key: [note["token"] for note in asked.notes(key)],
        wait=wait,
    )


def name():
    return f"answers-{next(NEW)}"


@settings(EXAMPLES, max_examples=2, phases=[Phase.generate])
@given(histories=HISTORIES)
def test_waiting_tasks_tell_the_same_of_any_answers_there(desk, histories):
    prefix = name()

    assert tokens_told(desk, prefix, histories) == tokens_told(MemoryDesk(), prefix, histories)


@settings(EXAMPLES, max_examples=6, phases=[Phase.generate])
@given(wirings=WIRINGS, events=EVENTS_OF_SERVICES)
def test_rules_send_the_same_to_each_target_there(asked, wirings, events):
    assert sent_by(asked.client, name(), wirings, events) == sent_in_memory(MemoryAws(), wirings, events)


def ended(desk, name):
    """Return the ARN of an execution that has failed by an answer."""
    tokens_told(desk, name, [History("waits", [("fail", 0, "Other")])])
    machine = f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}-0"
    return desk.states.list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]


def test_the_known_gaps_there_are_that_an_ended_execution_is_not_stopped_again_and_a_failed_one_shows_an_output(desk):
    called = name()
    theirs = ended(desk, called)
    memory = MemoryDesk()
    ours = ended(memory, called)

    with pytest.raises(ClientError, match="Execution is not running"):
        desk.states.stop_execution(executionArn=theirs)
    assert memory.states.stop_execution(executionArn=ours)["stopDate"]
    assert "Other" in desk.states.describe_execution(executionArn=theirs)["output"]
    assert "output" not in memory.states.describe_execution(executionArn=ours)


def test_the_known_gap_of_transformers_there_is_what_is_not_found_which_is_an_empty_text(asked):
    lacking = {"build-status": "FAILED", "build-id": "b"}
    [[told]] = sent_by(asked.client, name(), [build_rule({"project": "$.detail.project-name"})], [build(lacking)])

    assert told == {"found": ""}
    assert transformed({"found": "$.detail.project-name"}, '{"found":<found>}', {"detail": lacking}) == {"found": None}


def test_the_known_gap_of_paths_there_is_that_a_place_in_a_list_is_not_found(asked):
    [[told]] = sent_by(
        asked.client, name(), [build_rule({"first": "$.resources[0]"})], [build({"build-status": "FAILED"})]
    )

    assert told == {"found": ""}
    assert transformed({"found": "$.resources[0]"}, '{"found":<found>}', {"resources": ["a"]}) == {"found": "a"}


def build_rule(paths):
    """Return the template's rule of builds with a target that is told what one path finds."""
    [found] = paths
    transformer = {"InputPathsMap": paths, "InputTemplate": json.dumps({"found": 0}).replace("0", f"<{found}>")}
    return Wired(BUILD_RULE, is_enabled=True, targets=(transformer,))


def build(detail):
    kind = BUILD_RULE.pattern["detail-type"][0]
    return {"Source": "aws.codebuild", "DetailType": kind, "Detail": detail, "Resources": ["arn:aws:codebuild:::a"]}
