"""Waiting tasks of the in-memory AWS stay alike moto's over generated answers; the gaps of moto that were found are tests.

moto's rules are held to the in-memory ones' patterns only (`test_services_generated.py`): it fills a transformer's template
as text, so that ours comes out as no JSON.

The local cloud's are held to the same histories in `test_answers_generated_locally.py`.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections import defaultdict

import boto3
import pytest
from hypothesis import Phase, given, settings
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from buildgate.adapters.memory import MemoryAws
from contract.delivery_histories import RULES, Wired, sent_by, sent_in_memory
from contract.emulated_clouds import CONFIG, until
from contract.service_histories import EXAMPLES
from contract.token_histories import NOBODYS, PLAIN_HISTORIES, STOP, History, MemoryDesk, tokens_told

NEW = itertools.count(1)
CLOSED = {"InvalidToken": "closed", "TaskTimedOut": "closed"}


class MotoDesk:
    """moto, whose functions are called in this process."""

    def __init__(self) -> None:
        self._tokens = defaultdict(list)
        self.states = boto3.client("stepfunctions")
        lambda_simple_backends["123456789012"]["us-east-1"].invoke = self._invoke
        self.role = boto3.client("iam").create_role(RoleName="all", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        request = {"Runtime": "python3.13", "Role": self.role, "Handler": "a.b", "Code": {"ZipFile": code.getvalue()}}
        self.function = boto3.client("lambda").create_function(FunctionName="park", **request)["FunctionArn"]

    def _invoke(self, function_name, qualifier, body, headers, response_headers):
        event = json.loads(body)
        self._tokens[event["key"]].append(event["token"])
        return b"{}"

    def tokens(self, key):
        return self._tokens[key]

    def wait(self, is_done):
        until(is_done)


@pytest.fixture(scope="module")
def moto():
    with mock_aws(config=CONFIG):
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture(scope="module")
def desk(moto):
    return MotoDesk()


def name():
    return f"history-{next(NEW)}"


def alike(told):
    """Return what was told, with all refusals of a token the same."""
    return [[CLOSED.get(one, one) if isinstance(one, str) else one for one in history] for history in told]


@settings(EXAMPLES, max_examples=2, phases=[Phase.generate])
@given(histories=PLAIN_HISTORIES)
def test_waiting_tasks_tell_the_same_of_any_answers(desk, histories):
    prefix = name()

    assert alike(tokens_told(desk, prefix, histories)) == alike(tokens_told(MemoryDesk(), prefix, histories))


@pytest.mark.parametrize(
    ("gap", "history", "ours", "theirs"),
    [
        (
            "a late answer meets a token that never was",
            History("waits", [("fail", 0, "Other"), ("succeed", 0, "1")]),
            [(1, "RUNNING"), (1, "FAILED"), "TaskTimedOut", ("FAILED", None, "Other")],
            [(1, "RUNNING"), (1, "FAILED"), "InvalidToken", ("FAILED", None, "Other")],
        ),
        (
            "a sign of life is refused where none is asked for",
            History("waits", [("beat", 0, "")]),
            [(1, "RUNNING"), "", ("RUNNING", None, None)],
            [(1, "RUNNING"), "InvalidToken", ("RUNNING", None, None)],
        ),
        (
            "stopping leaves the execution running",
            History("waits", [STOP]),
            [(1, "RUNNING"), (1, "ABORTED"), ("ABORTED", None, "Stopped")],
            [(1, "RUNNING"), (1, "RUNNING"), ("RUNNING", None, None)],
        ),
        (
            "an answer that is no JSON fails the machine",
            History("waits", [("succeed", 0, "{")]),
            [(1, "RUNNING"), "InvalidOutput", ("RUNNING", None, None)],
            [(1, "RUNNING"), (1, "FAILED"), ("FAILED", None, "States.Runtime")],
        ),
    ],
)
def test_a_known_gap_of_motos_machines_is_that(desk, gap, history, ours, theirs):
    prefix = name()

    assert tokens_told(MemoryDesk(), prefix, [history]) == [ours], gap
    assert tokens_told(desk, prefix, [history]) == [theirs], gap


def test_the_known_gap_of_motos_retries_is_that_the_second_attempt_ends_by_the_answer_of_the_first(desk):
    prefix, history = name(), History("tries again", [("fail", 0, "Unavailable")])
    execution = f"arn:aws:states:us-east-1:123456789012:execution:{prefix}-0:{prefix}-0"

    tokens_told(desk, prefix, [history])

    desk.wait(lambda: desk.states.describe_execution(executionArn=execution)["status"] != "RUNNING")
    assert len(desk.tokens(f"{prefix}-0")) == 2
    assert tokens_told(MemoryDesk(), prefix, [history]) == [[(1, "RUNNING"), (2, "RUNNING"), ("RUNNING", None, None)]]


def test_the_known_gap_of_motos_rules_is_that_disabled_ones_deliver(moto):
    [plan] = [one for one in RULES if one.pattern["source"] == ["aws.codecommit"]]
    push = {"event": "referenceCreated", "referenceType": "branch"}
    events = [
        {"Source": "aws.codecommit", "DetailType": plan.pattern["detail-type"][0], "Detail": push, "Resources": []}
    ]
    wirings = [Wired(plan, is_enabled=is_enabled, targets=(None,)) for is_enabled in (True, False)]

    ours, theirs = sent_in_memory(MemoryAws(), wirings, events), sent_by(moto.client, name(), wirings, events)

    assert [[one["detail"]["number"] for one in sent] for sent in ours] == [[0], []]
    assert [[one["detail"]["number"] for one in sent] for sent in theirs] == [[0], [0]]


def test_a_token_that_nobody_was_given_is_refused_alike(desk):
    refusals = [(kind, None, '"nobody"') for kind in ("succeed", "fail", "beat")]
    prefix = name()

    [told] = tokens_told(desk, prefix, [History("waits", refusals)])

    assert NOBODYS not in told
    assert [told] == tokens_told(MemoryDesk(), prefix, [History("waits", refusals)])
