"""The promises of the ports beyond the stores, on the in-memory AWS and on moto; the local cloud adds its own elsewhere.

What moto has not is listed, with why; each entry is tried all the same, so that the list cannot grow old.
"""

from __future__ import annotations

import importlib
import inspect
import io
import itertools
import json
import pkgutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache, cached_property
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from buildgate import ports, usecases
from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.lambdas import Function
from buildgate.adapters.system import SystemClock, SystemRandomness
from buildgate.usecases import gate_ports
from contract import history_store_cases, lane_store_cases, port_cases, store_cases
from contract.port_cases import CASES, Case, project_request

CONFIG = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
_NO_COMMITS = "its CodeCommit has repositories without commits, branches and differences"
MOTO_LACKS = {
    "a_build_says_for_which_slot_it_was_started": "its builds have no variables",
    "the_same_order_is_the_same_build": "it takes no notice of idempotencyToken",
    "another_order_under_the_same_token_is_refused": "it takes no notice of idempotencyToken",
    "builds_are_listed_newest_first": "it takes no notice of sortOrder",
    "a_build_that_runs_is_stopped_and_one_that_ended_left_alone": "its builds have ended when they are first looked at",
    "what_is_not_there_is_missing": "BatchGetProjects does not name the projects that it did not find",
    "a_task_that_went_on_cannot_fail": "SendTaskFailure takes the token of a task that went on",
    "commits_are_read_with_their_people_and_parents": _NO_COMMITS,
    "branches_have_heads_and_one_is_the_default": _NO_COMMITS,
    "a_repository_that_is_not_there_has_nothing": _NO_COMMITS,
    "changed_paths_are_those_of_both_sides": _NO_COMMITS,
    "more_changes_than_a_page_holds_are_all_told": _NO_COMMITS,
    "a_commit_that_is_not_there_cannot_be_compared": _NO_COMMITS,
    "authors_are_those_since_the_base": _NO_COMMITS,
    "changed_lines_are_the_new_and_the_rewritten_ones": _NO_COMMITS,
    "owners_of_cases_are_those_of_the_commit_that_was_built": _NO_COMMITS,
    "reports_that_are_gone_have_no_cases": "it has no BatchGetReports",
}
ELSEWHERE = {
    gate_ports.Sources: "tests/unit/sources: most are web services, asked over loopback servers that speak as they do",
}
"""Ports whose promises are not kept by AWS alone."""
WAIT_SECONDS = 10.0
DEMANDED = {
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "serviceRole": "arn:aws:iam::123456789012:role/builds",
}
"""moto takes no project without a source, and no role of another account than its own."""


def definition(function: str) -> str:
    payload = {"token.$": "$$.Task.Token", "execution.$": "$$.Execution.Name"}
    hold = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "End": True,
    }
    return json.dumps({"StartAt": "Hold", "States": {"Hold": hold}})


class InMemory:
    """The in-memory AWS as the cases need it."""

    def __init__(self) -> None:
        self.aws = MemoryAws()
        self._numbers = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._reminded: list[Mapping[str, Any]] = []
        self.aws.lambdas.deploy(
            Function("hold", lambda: lambda event, _: self._tokens.update({event["execution"]: event["token"]}))
        )
        self.aws.lambdas.deploy(Function("remind", lambda: lambda event, _: self._reminded.append(event)))
        self.machine = self.aws.stepfunctions.deploy("run", definition("hold"))
        self.reminder = "remind"

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def name(self) -> str:
        return f"shop-{next(self._numbers)}"

    def bucket(self) -> str:
        return new_bucket(self.client("s3"), self.name())

    def repository(self) -> str:
        name = self.name()
        self.client("codecommit").create_repository(repositoryName=name)
        return name

    def commit(
        self, repository: str, files: Mapping[str, str | None], *, branch: str = "main", message: str = "Change"
    ) -> str:
        return str(self.aws.codecommit.push(repository, branch, files, message=message))

    def token(self) -> str:
        name = self.name()
        self.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input="{}")
        self.aws.timeline.advance(0)
        return self._tokens[name]

    def fate(self, token: str) -> str:
        self.aws.timeline.advance(0)
        return fate(self.client("stepfunctions"), self.machine, self._tokens, token)

    def end(self, build_id: str) -> None:
        self.aws.timeline.advance(1)
        self.aws.codebuild.settle(build_id, "SUCCEEDED")

    def project(self, buildspec: str, **more: Any) -> str:
        name = self.name()
        self.client("codebuild").create_project(**project_request(name, buildspec, **more))
        return name

    def topic(self) -> tuple[str, Callable[[], Sequence[Mapping[str, Any]]]]:
        arn = self.client("sns").create_topic(Name=self.name())["TopicArn"]
        return arn, lambda: [
            {"subject": one.subject, "text": one.text_for("sqs"), "attributes": one.attributes}
            for one in self.aws.sns.published
            if one.topic_arn == arn
        ]

    def reminded(self) -> Sequence[Mapping[str, Any]]:
        self.aws.timeline.advance(0)
        return self._reminded


class Moto:
    """moto as the cases need it: its machines call functions of this process."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._reminded: list[Mapping[str, Any]] = []
        self.reminder = "remind"
        lambda_simple_backends["123456789012"]["us-east-1"].invoke = self._invoke

    @cached_property
    def machine(self) -> str:
        role = self.client("iam").create_role(RoleName="all", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        request = {
            "Runtime": "python3.13",
            "Role": role,
            "Handler": "app.handler",
            "Code": {"ZipFile": code.getvalue()},
        }
        arn = self.client("lambda").create_function(FunctionName="hold", **request)["FunctionArn"]
        made = self.client("stepfunctions").create_state_machine(name="run", definition=definition(arn), roleArn=role)
        return str(made["stateMachineArn"])

    def _invoke(self, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any) -> bytes:
        event = json.loads(body)
        if "token" in event:
            self._tokens[event["execution"]] = event["token"]
        else:
            self._reminded.append(event)
        return b"{}"

    @cache  # noqa: B019 - one cloud lives as long as its module's tests
    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="us-east-1")

    def name(self) -> str:
        return f"shop-{next(self._numbers)}"

    def bucket(self) -> str:
        return new_bucket(self.client("s3"), self.name())

    def repository(self) -> str:
        name = self.name()
        self.client("codecommit").create_repository(repositoryName=name)
        return name

    def commit(
        self, repository: str, files: Mapping[str, str | None], *, branch: str = "main", message: str = "Change"
    ) -> str:
        request = {"repositoryName": repository, "branchName": branch, "commitMessage": message}
        put = [{"filePath": path, "fileContent": text.encode()} for path, text in files.items() if text is not None]
        taken = [{"filePath": path} for path, text in files.items() if text is None]
        return str(self.client("codecommit").create_commit(**request, putFiles=put, deleteFiles=taken)["commitId"])

    def token(self) -> str:
        name = self.name()
        self.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input="{}")
        return str(until(lambda: self._tokens.get(name)))

    def fate(self, token: str) -> str:
        states = self.client("stepfunctions")
        return str(
            until(lambda: found if (found := fate(states, self.machine, self._tokens, token)) != "waits" else "")
        )

    def end(self, build_id: str) -> None:
        """Wait for nothing: its builds end by themselves, between two looks."""

    def project(self, buildspec: str, **more: Any) -> str:
        name = self.name()
        self.client("codebuild").create_project(**project_request(name, buildspec, **DEMANDED, **more))
        return name

    def topic(self) -> tuple[str, Callable[[], Sequence[Mapping[str, Any]]]]:
        return mailbox(self.client, self.name())

    def reminded(self) -> Sequence[Mapping[str, Any]]:
        return self._reminded


def new_bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def fate(states: Any, machine: str, tokens: Mapping[str, str], token: str) -> str:
    name = next(name for name, one in tokens.items() if one == token)
    arn = machine.replace(":stateMachine:", ":execution:") + f":{name}"
    found = states.describe_execution(executionArn=arn)
    return {"RUNNING": "waits", "SUCCEEDED": "went on"}.get(found["status"], f"failed: {found.get('error')}")


def until(ask: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def mailbox(client: Callable[[str], Any], name: str) -> tuple[str, Callable[[], Sequence[Mapping[str, Any]]]]:
    """Return a new topic with a queue behind it, and what reads the queue."""
    arn = client("sns").create_topic(Name=name)["TopicArn"]
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = {**allow, "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": arn}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)

    def messages() -> Sequence[Mapping[str, Any]]:
        found = until(lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"))
        bodies = [json.loads(one["Body"]) for one in found]
        return [
            {
                "subject": body["Subject"],
                "text": body["Message"],
                "attributes": {name: one["Value"] for name, one in body["MessageAttributes"].items()},
            }
            for body in bodies
        ]

    return arn, messages


@pytest.fixture(scope="module")
def clouds() -> Iterator[Mapping[str, Any]]:
    with mock_aws(config=CONFIG):
        yield {"memory": InMemory(), "moto": Moto()}


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_ports_keep_their_promises_in_memory(clouds, one: Case):
    one.check(clouds["memory"])


@pytest.mark.parametrize("one", [one for one in CASES if one.name not in MOTO_LACKS], ids=lambda one: one.name)
def test_ports_keep_their_promises_on_moto(clouds, one: Case):
    one.check(clouds["moto"])


@pytest.mark.parametrize("name", MOTO_LACKS)
def test_what_moto_is_said_to_lack_it_lacks(clouds, name):
    (one,) = [one for one in CASES if one.name == name]

    with pytest.raises((Exception, pytest.fail.Exception)):
        one.check(clouds["moto"])


def protocols() -> Iterator[type]:
    found_in = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(usecases.__path__, "buildgate.usecases.")
    ]
    for module in (ports, *found_in):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__ and getattr(found, "_is_protocol", False):
                yield found


@pytest.mark.parametrize("port", sorted(protocols(), key=lambda port: port.__name__), ids=lambda port: port.__name__)
def test_every_member_of_every_port_is_called_by_a_case(port):
    """Whoever adds a member to a port adds a promise about it."""
    told = "".join(inspect.getsource(one) for one in (store_cases, lane_store_cases, history_store_cases, port_cases))
    told += inspect.getsource(test_time_and_chance)

    members = [name for name, _ in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")]

    assert members
    assert [name for name in members if f".{name}(" not in told and port not in ELSEWHERE] == []


def test_time_and_chance():
    clock, randomness, memory = SystemClock(), SystemRandomness(), MemoryAws()

    assert {one.now().utcoffset() for one in (clock, memory.clock)} == {timedelta(0)}
    assert [len(one.random_bytes(32)) for one in (randomness, memory.randomness)] == [32, 32]
    assert randomness.random_bytes(32) != randomness.random_bytes(32)
