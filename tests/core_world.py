"""The use cases over the real adapters on the in-memory AWS: no function, no rule, only what a test asks for.

The run machine is a machine of one task that waits, so that executions live until a test ends them; `token()` gives
tokens of tasks that really wait, and `fate(token)` says what became of such a task.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.client import Call, Proceed
from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.lambdas import Function
from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.builds import SlotRef
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Pipeline, Stage, Trigger
from buildgate.domain.pushes import Push
from buildgate.domain.runs import Run
from buildgate.runtime.wiring import Wiring
from template_model import Template

TABLE = "buildgate"
BUCKET = "reports"
LINKS = "https://gate.example.com"
ALICE = "arn:aws:iam::000000000000:user/alice"
PROJECT: dict[str, Any] = {
    "source": {"type": "CODECOMMIT", "location": "shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::000000000000:role/build",
}
_CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
_PAYLOAD = {"token.$": "$$.Task.Token", "execution.$": "$$.Execution.Name"}
_HOLD = {
    "StartAt": "Hold",
    "States": {
        "Hold": {
            "Type": "Task",
            "Resource": _CALLBACK,
            "Parameters": {"FunctionName": "hold", "Payload": _PAYLOAD},
            "End": True,
        }
    },
}


def table_definition() -> dict[str, Any]:
    """Return the table as the template defines it, for CreateTable."""
    (properties,) = Template.load().of_type("AWS::DynamoDB::Table").values()
    members = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {"TableName": TABLE, **{name: properties[name] for name in members}}


@dataclass
class Trouble:
    """Makes some calls fail: before they are made, or after, when their answer is lost."""

    service: str
    operation: str
    error: Callable[[], BaseException]
    is_after: bool
    left: int
    struck: int = 0

    def __call__(self, call: Call, proceed: Proceed) -> dict[str, Any]:
        if (call.service, call.operation) != (self.service, self.operation) or not self.left:
            return proceed()
        self.left -= 1
        self.struck += 1
        if self.is_after:
            proceed()
        raise self.error()


class ProcessDied(BaseException):
    """The process ended here, as a crash ends it: nothing may catch this and go on."""


class CoreWorld:
    """One table, one bucket, topics, a repository `shop`, and the wiring of every use case."""

    def __init__(self, *, checks_parameters: bool = True) -> None:
        self.aws = MemoryAws(checks_parameters=checks_parameters)
        self.clock = self.aws.timeline
        self.aws.client("dynamodb").create_table(**table_definition())
        self.aws.client("s3").create_bucket(Bucket=BUCKET)
        self.aws.client("codecommit").create_repository(repositoryName="shop")
        names = (Topic.SUCCESS, Topic.FAILURE, Topic.APPROVAL)
        topics = {topic: self.aws.client("sns").create_topic(Name=topic.value)["TopicArn"] for topic in names}
        self._tokens: dict[str, str] = {}
        self._holders = 0
        self.aws.lambdas.deploy(Function("hold", lambda: self._hold))
        self.machine = self.aws.stepfunctions.deploy("run", json.dumps(_HOLD))
        self.reminded: list[ApprovalRef] = []
        self.aws.lambdas.deploy(Function("remind", lambda: self._remind))
        self.w = Wiring(self.aws, table=TABLE, machine_arn=self.machine, topics=topics)
        self.request = self.w.request_approval(link_base_url=LINKS, time_scale=1)
        self.start_build = self.w.start_build(report_bucket=BUCKET)
        self.next_step = self.w.next_step(time_scale=1)
        self.reconcile = self.w.reconcile(reminder_function="remind")

    def _hold(self, event: Mapping[str, str], _: Any) -> None:
        self._tokens[event["execution"]] = event["token"]

    def _remind(self, event: Mapping[str, str], _: Any) -> None:
        ref = ApprovalRef.from_text(event["approval"])
        assert ref is not None
        self.reminded.append(ref)
        self.request.remind(ref)

    # ------------------------------------------------------------------------------------------ the run machine

    def token(self) -> str:
        """Return the token of a task that waits."""
        self._holders += 1
        return self._begin(f"holder-{self._holders}")

    def _begin(self, name: str) -> str:
        self.aws.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=name, input="{}")
        self.clock.advance(0)
        return self._tokens[name]

    def fate(self, token: str) -> str:
        """Return what became of the task behind a token: it waits, went on, or failed and with what."""
        name = next(name for name, one in self._tokens.items() if one == token)
        execution = self.execution(name)
        return {"RUNNING": "waits", "SUCCEEDED": "went on"}.get(execution.status, f"failed: {execution.error}")

    def execution(self, name: str) -> Any:
        """Return an execution of the run machine by name."""
        self.clock.advance(0)
        return next(one for one in self.aws.stepfunctions.executions.values() if one.name == name)

    def executions(self) -> list[str]:
        """Return the names of all executions of runs, oldest first."""
        names = [one.name for one in self.aws.stepfunctions.executions.values()]
        return [name for name in names if not name.startswith("holder-")]

    def kill(self, name: str) -> None:
        """Let an execution die without any event being handled."""
        arn = self.machine.replace(":stateMachine:", ":execution:") + f":{name}"
        self.aws.client("stepfunctions").stop_execution(executionArn=arn)

    # ------------------------------------------------------------------------------------------ things to begin with

    def project(self, *names: str) -> None:
        """Create build projects, those that are not there yet."""
        for name in names:
            if name not in self.aws.codebuild.projects:
                self.aws.client("codebuild").create_project(name=name, **PROJECT)

    def apply(self, *stages: Stage, name: str = "shop", triggers: tuple[Trigger, ...] | None = None) -> Pipeline:
        """Apply a pipeline of these stages (by default one, `test`, with one build) and create its projects."""
        default = (Trigger(repository="shop", branches=("main",)),)
        known = stages or (Stage("test", builds=(BuildStep("unit", "shop-unit"),)),)
        pipeline = Pipeline(name, known, triggers=default if triggers is None else triggers)
        self.project(*pipeline.projects)
        self.w.apply_pipeline(pipeline, actor=ALICE)
        return pipeline

    def push(self, files: Mapping[str, str] | None = None, *, branch: str = "main", **more: Any) -> Push:
        """Push to `shop` and return the push as its event tells it, without delivering anything."""
        old = self.aws.codecommit.repositories["shop"].branches.get(branch, "")
        self.clock.advance(1)
        commit = self.aws.codecommit.push("shop", branch, files or {"a": str(self.clock.elapsed)}, **more)
        return self.push_of(commit, old, branch=branch)

    def push_of(self, commit: str, old: str, *, branch: str = "main", ref_type: str = "branch") -> Push:
        """Return a push whose event is numbered anew and told now (events carry whole seconds)."""
        self._holders += 1
        at = self.clock.now().replace(microsecond=0)
        return Push(f"event-{self._holders}", at, "codecommit", "shop", ref_type, branch, commit, old, ALICE)

    def open(self, *stages: Stage) -> Run:
        """Apply a pipeline, push, and return the run that opened."""
        self.apply(*stages)
        (run_id,) = self.w.start_run(self.push()).run_ids
        return self.run(run_id)

    def run(self, run_id: str) -> Run:
        """Return a run as the table has it."""
        found = self.w.runs.run(run_id)
        assert found is not None
        return found

    def slot(self, run: Run, name: str = "unit", stage: int = 0) -> SlotRef:
        """Return the reference of a slot of a stage's first attempt."""
        return SlotRef(run.run_id, stage, 1, name)

    def started(self, run: Run, name: str = "unit") -> tuple[SlotRef, str, str]:
        """Ask for the next step, start a build and return its slot, token and id."""
        self.next_step(run.run_id)
        ref, token = self.slot(run, name), self.token()
        return ref, token, self.start_build(ref, token=token).build_id

    def end_build(self, build_id: str, status: str = "SUCCEEDED", *, after: float = 60, **more: Any) -> None:
        """Let a build run for a while and end; nobody is told."""
        self.clock.advance(after)
        self.aws.codebuild.settle(build_id, status, is_silent=True, **more)

    # ------------------------------------------------------------------------------------------ what happened

    def published(self, topic: Topic | None = None) -> list[Any]:
        """Return the messages published so far, of one topic or of all."""
        return [one for one in self.aws.sns.published if topic is None or one.attributes["topic"] == topic]

    def dump(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return every item of the table by its key, as DynamoDB writes it."""
        answer = self.aws.client("dynamodb").scan(TableName=TABLE)
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Items"]}

    def trouble(
        self,
        service: str,
        operation: str,
        error: Callable[[], BaseException] | None = None,
        *,
        is_after: bool = False,
        times: int = 1,
    ) -> Trouble:
        """Let the next calls of an operation fail (with a service error, if not told with what)."""
        failing = Trouble(service, operation, error or outage, is_after, times)
        self.aws.boundary = failing
        return failing


def outage() -> AwsError:
    return AwsError("InternalServerError", "The service is having a bad day", status=500)
