"""The same machine file on moto's interpreter, with the real functions: a second opinion on what its states mean.

moto interprets the machine in threads and real time; everything else is the in-memory AWS, behind one lock. It reads
`items[0].approval` as a list, which the service does not, so people are asked on the other interpreters only.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from buildgate.domain.builds import SlotRef
from buildgate.domain.errors import BuildgateError
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.runtime.observability import Line
from buildgate.runtime.settings import read
from core_world import ALICE, BUCKET, LINKS, TABLE, CoreWorld
from function_modules import function_module

pytestmark = pytest.mark.xdist_group("moto machine")

ROOT = Path(__file__).parents[2]
MACHINE = (ROOT / "statemachines" / "run.asl.json").read_text(encoding="utf-8")
CONFIG = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
WAIT_SECONDS = 20.0
TEST = Stage("test", builds=(BuildStep("unit", "shop-unit"), BuildStep("lint", "shop-lint")))


class Mixed:
    """Step Functions of moto, everything else in memory."""

    def __init__(self, world: CoreWorld, stepfunctions: Any) -> None:
        self._world, self._stepfunctions = world, stepfunctions
        self.clock, self.randomness = world.aws.clock, world.aws.randomness

    def client(self, service: str) -> Any:
        return self._stepfunctions if service == "stepfunctions" else self._world.aws.client(service)


class MotoMachine:
    """The run machine on moto, over functions that live in this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.world = CoreWorld(checks_parameters=False)
        self.client = boto3.client("stepfunctions")
        backend = lambda_simple_backends["123456789012"]["us-east-1"]
        backend.invoke = self._invoke
        role = boto3.client("iam").create_role(RoleName="all", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        definition = MACHINE.replace("${Partition}", "aws")
        for name in set(re.findall(r"\$\{(\w+)FunctionArn\}", MACHINE)):
            definition = definition.replace(f"${{{name}FunctionArn}}", _function(name, role))
        arn = self.client.create_state_machine(name="run", definition=definition, roleArn=role)["stateMachineArn"]
        self.aws = Mixed(self.world, self.client)
        topics = {topic: f"{self.world.aws.sns.arn_prefix}{topic.value}" for topic in Topic}
        self.world.w = type(self.world.w)(self.aws, table=TABLE, machine_arn=arn, topics=topics)
        self.environment = {
            "BUILDGATE_TABLE": TABLE,
            "RUN_MACHINE_ARN": arn,
            "REPORT_BUCKET": BUCKET,
            "LINK_BASE_URL": LINKS,
            **{f"{topic.name}_TOPIC_ARN": topics[topic] for topic in Topic},
        }

    def _invoke(self, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any) -> bytes:
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", function_name.rsplit(":", 1)[-1]).lower()
        app = function_module(name)
        with self.lock:
            try:
                handle = app.build(read(app.Settings, self.environment), self.aws)
                return json.dumps(handle(json.loads(body), Line())).encode()
            except BuildgateError as error:
                response_headers["x-amz-function-error"] = "Unhandled"
                return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()

    def open(self, *stages: Stage) -> str:
        """Open a run by a push; its execution starts."""
        with self.lock:
            return self.world.open(*stages).run_id

    def until(self, holds: Any) -> None:
        """Wait in real time until something holds."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            with self.lock:
                if holds():
                    return
            time.sleep(0.02)
        raise AssertionError(f"it never came to that: {self.reasons()}")

    def reasons(self) -> list[str]:
        """Return how each run stands, for a failure's message."""
        return [f"{run.status}: {run.reason}" for run in self.world.w.runs.recent("shop", limit=5)]

    def finish(self, run_id: str, name: str, status: str = "SUCCEEDED", stage: int = 0) -> None:
        """Wait until a build is started, let it end, and tell of it."""
        ref = SlotRef(run_id, stage, 1, name)
        slots = self.world.w.runs
        self.until(lambda: (slot := slots.slot(ref)) is not None and slot.build_id)
        with self.lock:
            build_id = slots.slot(ref).build_id
            self.world.end_build(build_id, status)
            self.world.w.record_build.by_id(build_id)

    def ended(self, run_id: str) -> str:
        """Wait until the execution has ended, and return how the run did."""
        arn = self.world.w.executions._machine_arn.replace(":stateMachine:", ":execution:") + f":{run_id}-1"
        self.until(lambda: self.client.describe_execution(executionArn=arn)["status"] != "RUNNING")
        status = self.client.describe_execution(executionArn=arn)["status"]
        run = self.world.run(run_id)
        assert status == ("SUCCEEDED" if run.status == "SUCCEEDED" else "FAILED")
        return run.status.value


def _function(name: str, role: str) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    request = {"FunctionName": name, "Runtime": "python3.13", "Role": role, "Handler": "app.handler"}
    return str(boto3.client("lambda").create_function(Code={"ZipFile": code.getvalue()}, **request)["FunctionArn"])


@pytest.fixture
def machine():
    with mock_aws(config=CONFIG):
        yield MotoMachine()


def test_a_run_succeeds(machine):
    run_id = machine.open(TEST, Stage("release", builds=(BuildStep("ship", "shop-ship"),)))
    for name in ("unit", "lint"):
        machine.finish(run_id, name)
    machine.finish(run_id, "ship", stage=1)

    assert machine.ended(run_id) == "SUCCEEDED"


def test_a_failed_build_fails_the_run(machine):
    run_id = machine.open(TEST)
    machine.finish(run_id, "unit", "FAILED")
    machine.finish(run_id, "lint")

    assert machine.ended(run_id) == "FAILED"


def test_a_project_that_is_gone_is_settled_and_fails_the_run(machine):
    with machine.lock:
        machine.world.apply(TEST)
        del machine.world.aws.codebuild.projects["shop-lint"]
        (run_id,) = machine.world.w.start_run(machine.world.push()).run_ids
    machine.finish(run_id, "unit")

    assert machine.ended(run_id) == "FAILED"
    assert "project shop-lint cannot start" in machine.world.run(run_id).reason


def test_a_run_is_stopped(machine):
    run_id = machine.open(TEST)
    slots = [SlotRef(run_id, 0, 1, name) for name in ("unit", "lint")]
    runs = machine.world.w.runs
    machine.until(lambda: all((slot := runs.slot(ref)) is not None and slot.build_id for ref in slots))
    with machine.lock:
        machine.world.w.stop_run(run_id, actor=ALICE, comment="")

    assert machine.ended(run_id) == "STOPPED"
