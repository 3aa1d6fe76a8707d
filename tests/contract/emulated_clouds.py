"""The in-memory AWS and moto, as the cases of the ports need a cloud."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, ClassVar

import boto3
from moto.awslambda_simple.models import lambda_simple_backends

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.lambdas import Function
from contract.port_cases import project_request

CONFIG = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
WAIT_SECONDS = 10.0
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DEMANDED = {
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "serviceRole": "arn:aws:iam::123456789012:role/builds",
}
"""moto takes no project without a source, and no role of another account than its own."""

_NO_SCANNER, _NO_SECRETS = "it has no ECR and no Inspector", "it has no Secrets Manager"
MEMORY_LACKS: Mapping[str, str] = {
    "artifacts_of_a_build_are_read": "its builds run nothing, so that they leave nothing",
    "an_image_that_was_scanned_shows_its_findings": _NO_SCANNER,
    "an_image_that_nobody_knows_is_refused": _NO_SCANNER,
    "inspector_shows_what_it_found_and_is_clean_about_nothing_else": _NO_SCANNER,
    "servers_are_asked_with_tokens_of_secrets_manager": _NO_SECRETS,
    "a_token_that_is_not_there_is_a_refusal": _NO_SECRETS,
}
"""Cases of the ports that the in-memory AWS cannot keep, with why."""


def definition(function: str) -> str:
    payload = {"token.$": "$$.Task.Token", "execution.$": "$$.Execution.Name"}
    hold = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "End": True,
    }
    return json.dumps({"StartAt": "Hold", "States": {"Hold": hold}})


class Emulated:
    """What both have in common."""

    demanded: ClassVar[Mapping[str, Any]] = {}
    """What a project needs besides."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._reminded: list[Mapping[str, Any]] = []
        self.reminder = "remind"

    def client(self, service: str) -> Any:
        raise NotImplementedError

    def name(self) -> str:
        return f"shop-{next(self._numbers)}"

    def bucket(self) -> str:
        return new_bucket(self.client("s3"), self.name())

    def repository(self) -> str:
        name = self.name()
        self.client("codecommit").create_repository(repositoryName=name)
        return name

    def project(self, buildspec: str, **more: Any) -> str:
        name = self.name()
        self.client("codebuild").create_project(**project_request(name, buildspec, **self.demanded | more))
        return name

    def scanned(self) -> str:
        name, ecr = self.name(), self.client("ecr")
        ecr.create_repository(repositoryName=name)
        ecr.put_image(repositoryName=name, imageManifest=json.dumps({"mediaType": MANIFEST}), imageTag="v1")
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "v1"})
        return name


class InMemory(Emulated):
    """The in-memory AWS as the cases need it."""

    def __init__(self) -> None:
        super().__init__()
        self.aws = MemoryAws()
        self.aws.lambdas.deploy(
            Function("hold", lambda: lambda event, _: self._tokens.update({event["execution"]: event["token"]}))
        )
        self.aws.lambdas.deploy(Function("remind", lambda: lambda event, _: self._reminded.append(event)))
        self.machine = self.aws.stepfunctions.deploy("run", definition("hold"))

    def client(self, service: str) -> Any:
        return self.aws.client(service)

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


class Moto(Emulated):
    """moto as the cases need it: its machines call functions of this process."""

    demanded = DEMANDED

    def __init__(self) -> None:
        super().__init__()
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
