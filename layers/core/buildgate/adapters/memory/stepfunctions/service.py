"""Step Functions in memory: machines, executions, task tokens and status events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.stepfunctions.execution import Walk, as_json
from buildgate.adapters.memory.stepfunctions.paths import MAX_BYTES
from buildgate.adapters.memory.stepfunctions.records import Execution, World
from buildgate.adapters.memory.stepfunctions.tasks import Attempt

if TYPE_CHECKING:
    import random

    from buildgate.adapters.memory.events import Events
    from buildgate.adapters.memory.lambdas import Lambda
    from buildgate.adapters.memory.timeline import Timeline

NAME_DAYS = 90
MAX_NAME = 80
_BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class StateMachine:
    """A standard machine and its definition, substitutions made."""

    arn: str
    name: str
    definition: dict[str, Any]


@dataclass(slots=True)
class StepFunctions:
    """Machines and executions.

    `breakdown` may name, for a function that a task is about to invoke, the service error that it meets instead.
    `closed_code` is what a token answers that is no longer awaited: AWS gives either of two codes.
    """

    timeline: Timeline
    lambdas: Lambda
    events: Events
    dice: random.Random
    region: str
    account: str
    machines: dict[str, StateMachine] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    breakdown: Callable[[str], str | None] = lambda _: None
    closed_code: Callable[[], str] = lambda: "TaskTimedOut"
    _tokens: dict[str, Attempt] = field(default_factory=dict)

    def deploy(self, name: str, definition: str, substitutions: Mapping[str, str] | None = None) -> str:
        """Create or replace a machine from an .asl.json text with `${Name}` substitutions; return its ARN."""
        arn = self._arn("stateMachine", name)
        read = _definition(definition, tuple((substitutions or {}).items()))
        self.machines[arn] = StateMachine(arn, name, read)
        return arn

    def create_state_machine(self, **request: Any) -> dict[str, Any]:
        """Create a machine."""
        arn = self.deploy(request["name"], request["definition"])
        return {"stateMachineArn": arn, "creationDate": self.timeline.now()}

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:states:{self.region}:{self.account}:{kind}:{name}"

    def start_execution(self, **request: Any) -> dict[str, Any]:
        """Start an execution. The same name and input while it runs is the same execution; else names are taken."""
        machine = self.machines.get(request["stateMachineArn"])
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{request['stateMachineArn']}'")
        text = request.get("input", "{}")
        data = _parsed(text, "InvalidExecutionInput", "Invalid State Machine Execution Input")
        name = request.get("name") or f"{self.dice.getrandbits(128):032x}"
        if not 1 <= len(name) <= MAX_NAME or _BAD_NAME.search(name):
            raise AwsError("InvalidName", f"Invalid Name: '{name}'")
        arn = self._arn("execution", f"{machine.name}:{name}")
        known = self.executions.get(arn)
        if known is not None and self._is_reserved(known):
            if known.status == "RUNNING" and known.input == data:
                return {"executionArn": arn, "startDate": known.started_at}
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        execution = Execution(arn, name, machine.arn, machine.name, machine.definition, data, self.timeline.now())
        self.executions[arn] = execution
        self._begin(execution)
        return {"executionArn": arn, "startDate": execution.started_at}

    def _is_reserved(self, known: Execution) -> bool:
        return known.stopped_at is None or (self.timeline.now() - known.stopped_at).days < NAME_DAYS

    def _begin(self, execution: Execution) -> None:
        world = World(self.timeline, self.lambdas, self.dice, self._open_token, self.breakdown)
        self._announce(execution)
        limit = execution.definition.get("TimeoutSeconds")
        if limit is not None:
            out = lambda: self._end(execution, "TIMED_OUT", None, "States.Timeout", "")  # noqa: E731 - used once
            execution.scope.keep(self.timeline.after(limit, out, f"{execution.name} times out"))
        Walk(execution, world, lambda *end: self._end(execution, *end)).begin()

    def _open_token(self, attempt: Attempt) -> str:
        token = f"{self.dice.getrandbits(512):0128x}"
        self._tokens[token] = attempt
        return token

    def _end(self, execution: Execution, status: str, output: Any, error: str, cause: str) -> None:
        if execution.status != "RUNNING":
            return
        execution.scope.abandon()
        execution.status, execution.stopped_at = status, self.timeline.now()
        execution.output, execution.error, execution.cause = output, error, cause
        self._announce(execution)

    def _announce(self, execution: Execution) -> None:
        stopped = execution.stopped_at
        detail = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": int(execution.started_at.timestamp() * 1000),
            "stopDate": int(stopped.timestamp() * 1000) if stopped else None,
            "input": as_json(execution.input),
            "output": as_json(execution.output) if execution.status == "SUCCEEDED" else None,
            "error": execution.error or None,
            "cause": execution.cause or None,
        }
        self.events.emit("aws.states", "Step Functions Execution Status Change", detail, [execution.arn])

    def stop_execution(self, **request: Any) -> dict[str, Any]:
        """Abort an execution: its tokens close, nothing more is invoked; one that has ended stays as it is."""
        execution = self._execution(request["executionArn"])
        self._end(execution, "ABORTED", None, request.get("error", ""), request.get("cause", ""))
        return {"stopDate": execution.stopped_at}

    def interrupt(self, arn: str, *, error: str) -> None:
        """Fail an execution from outside, as a restart of an emulator does and AWS never; one that has ended stays."""
        self._end(self._execution(arn), "FAILED", None, error, "")

    def _execution(self, arn: str) -> Execution:
        if arn not in self.executions:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Describe an execution."""
        execution = self._execution(executionArn)
        answer: dict[str, Any] = {**_listed(execution), "input": as_json(execution.input)}
        if execution.status == "SUCCEEDED":
            answer["output"] = as_json(execution.output)
        for name in ("error", "cause"):
            if getattr(execution, name):
                answer[name] = getattr(execution, name)
        return answer

    def list_executions(self, **request: Any) -> dict[str, Any]:
        """List a machine's executions, newest first, all in one page."""
        wanted = request.get("statusFilter")
        found = [
            _listed(one)
            for one in reversed(self.executions.values())
            if one.machine_arn == request["stateMachineArn"] and wanted in (None, one.status)
        ]
        return {"executions": found}

    def get_execution_history(self, **request: Any) -> dict[str, Any]:
        """Return the kinds of the events so far, all in one page."""
        execution = self._execution(request["executionArn"])
        events = [
            {"timestamp": at, "type": kind, "id": number, "previousEventId": number - 1}
            for number, (at, kind, _) in enumerate(execution.history, 1)
        ]
        return {"events": events[::-1] if request.get("reverseOrder") else events}

    def send_task_success(self, *, taskToken: str, output: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Let the task that waits for a token go on."""
        data = _parsed(output, "InvalidOutput", "Invalid output")
        self._waiting(taskToken).result(data)
        return {}

    def send_task_failure(self, *, taskToken: str, error: str = "", cause: str = "") -> dict[str, Any]:  # noqa: N803
        """Let the task that waits for a token fail."""
        self._waiting(taskToken).failure(error, cause)
        return {}

    def send_task_heartbeat(self, *, taskToken: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Say that the work behind a token goes on."""
        self._waiting(taskToken).beat()
        return {}

    def is_waiting(self, token: str) -> bool:
        """Return whether a task waits for this token still."""
        attempt = self._tokens.get(token)
        return attempt is not None and attempt.is_open

    def _waiting(self, token: str) -> Attempt:
        attempt = self._tokens.get(token)
        if attempt is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        if not attempt.is_open:
            code = self.closed_code()
            raise AwsError(code, f"Task Timed Out: '{code}: the task has been closed'")
        return attempt


@lru_cache(maxsize=32)
def _definition(text: str, substitutions: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return a definition with its substitutions made, the same object each time: machines share it unchanged."""
    for key, value in substitutions:
        text = text.replace(f"${{{key}}}", value)
    left = re.search(r"\$\{(\w+)\}", text)
    if left is not None:
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: no substitution for {left.group(0)}")
    return dict(json.loads(text))


def _parsed(text: str, code: str, problem: str) -> Any:
    if len(text.encode()) > MAX_BYTES:
        raise AwsError("ValidationException", f"The text is longer than {MAX_BYTES} bytes")
    try:
        return json.loads(text)
    except ValueError as error:
        raise AwsError(code, f"{problem}: '{text[:100]}'") from error


def _listed(execution: Execution) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started_at,
    }
    return {**listed, "stopDate": execution.stopped_at} if execution.stopped_at else listed
