"""The run machine through a botocore-shaped client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from buildgate.adapters.aws_errors import calling, code_of
from buildgate.domain import payloads
from buildgate.domain.errors import INTERRUPTED
from buildgate.domain.redaction import shorten

if TYPE_CHECKING:
    from buildgate.domain.runs import Run

_CLOSED = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
_CAUSE_LIMIT = 1_000


class StepFunctionsExecutions:
    """Starts executions and answers their waiting tasks.

    A task that timed out, does not exist any more, or whose token is unknown are one answer: it waits no more.
    """

    def __init__(self, client: Any, machine_arn: str) -> None:
        self._client = client
        self._machine_arn = machine_arn

    def start(self, run: Run) -> None:
        state = json.dumps({"run_id": run.run_id, "correlation_id": run.correlation_id, payloads.NAME: payloads.FORMAT})
        with calling("Step Functions StartExecution"):
            try:
                self._client.start_execution(stateMachineArn=self._machine_arn, name=run.execution_name, input=state)
            except ClientError as error:
                if code_of(error) != "ExecutionAlreadyExists":
                    raise

    def is_alive(self, run: Run) -> bool:
        return self._described(run).get("status") == "RUNNING"

    def was_interrupted(self, run: Run) -> bool:
        return self._described(run).get("error") == INTERRUPTED

    def _described(self, run: Run) -> Mapping[str, Any]:
        """Return the run's newest execution, or nothing where it never started."""
        arn = self._machine_arn.replace(":stateMachine:", ":execution:") + f":{run.execution_name}"
        with calling("Step Functions DescribeExecution"):
            try:
                described: Mapping[str, Any] = self._client.describe_execution(executionArn=arn)
            except ClientError as error:
                if code_of(error) == "ExecutionDoesNotExist":
                    return {}
                raise
        return described

    def succeed(self, token: str) -> bool:
        return self._answer(lambda: self._client.send_task_success(taskToken=token, output="{}"))

    def fail(self, token: str, *, error: str, cause: str) -> bool:
        short = shorten(cause, limit=_CAUSE_LIMIT)
        return self._answer(lambda: self._client.send_task_failure(taskToken=token, error=error, cause=short))

    def _answer(self, send: Callable[[], Any]) -> bool:
        with calling("Step Functions SendTask"):
            try:
                send()
            except ClientError as error:
                if code_of(error) in _CLOSED:
                    return False
                raise
        return True
