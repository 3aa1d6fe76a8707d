"""Step Functions executions: idempotent starts, an abort that stops work, and the machine's own time limit.

`StartExecution` with the name and input of a running execution returns that execution; any other reuse of a name is
ExecutionAlreadyExists (API reference). An execution that was aborted or timed out starts no further task, its tokens
close, and its status never changes again.
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
from typing import Any

from .executions import current, forget, is_running, mark_ended
from .fitting import Function, Seam

_SFN = "ministack.services.stepfunctions"
_NAME = re.compile(r"^[^\x00-\x1f\x7f-\x9f\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}$")

SEAM = Seam("Step Functions executions")
SEAM.needs(
    _SFN,
    "_executions",
    "_state_machines",
    "_resolve_state_machine_arn",
    "_emit_execution_status_event",
    "_add_event",
    "now_iso",
    "error_response_json",
    "json_response",
)


@SEAM.replaces(_SFN, "_start_execution", "data")
def start_once_per_name(original: Function) -> Function:
    """Return the running execution of the same name and input; refuse bad names and input that is not JSON."""

    def start_execution(data: dict[str, Any]) -> Any:
        from ministack.services import stepfunctions as sfn  # noqa: PLC0415 - imported when the seams are fitted

        name, given = data.get("name"), data.get("input", "{}")
        if name is not None and not (isinstance(name, str) and _NAME.match(name)):
            return sfn.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
        try:
            json.loads(given)
        except (TypeError, ValueError):
            return sfn.error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
        machine = sfn._resolve_state_machine_arn(data.get("stateMachineArn", ""))  # noqa: SLF001
        if name and machine:
            arn = machine.replace(":stateMachine:", ":execution:") + ":" + name
            known = sfn._executions.get(arn)  # noqa: SLF001
            if is_running(known) and known["input"] == given:
                return sfn.json_response({"executionArn": arn, "startDate": known["startDate"]})
        return original(data)

    return start_execution


@SEAM.replaces(_SFN, "_stop_execution", "data")
def abort_what_still_waits(original: Function) -> Function:
    """After the abort is recorded, close the execution's tokens and wake its waits."""

    def stop_execution(data: dict[str, Any]) -> Any:
        answer = original(data)
        if answer[0] == 200:
            mark_ended(data.get("executionArn", ""))
        return answer

    return stop_execution


@SEAM.replaces(_SFN, "_fail_execution", "execution", "error", "cause")
def keep_the_first_end(original: Function) -> Function:
    """Let a failure end only an execution that still runs."""

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if is_running(execution):
            original(execution, error, cause)

    return fail_execution


@SEAM.replaces(_SFN, "_run_execution", "exec_arn")
def run_within_the_machine_limit(original: Function) -> Function:
    """Run an execution under its machine's `TimeoutSeconds`, and close whatever is open when it is over."""

    def run_execution(exec_arn: str) -> None:
        current.set(exec_arn)
        timer = _limit(exec_arn)
        try:
            original(exec_arn)
        finally:
            if timer is not None:
                timer.cancel()
            mark_ended(exec_arn)
            forget(exec_arn)

    return run_execution


def _limit(execution_arn: str) -> threading.Timer | None:
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    execution = sfn._executions.get(execution_arn)  # noqa: SLF001
    machine = sfn._state_machines.get(execution["stateMachineArn"]) if execution else None  # noqa: SLF001
    try:
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    except ValueError:
        seconds = None
    if not isinstance(seconds, int | float) or seconds <= 0:
        return None
    timer = threading.Timer(seconds, contextvars.copy_context().run, (_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: dict[str, Any]) -> None:
    """End an execution that outran its machine's limit as TIMED_OUT."""
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    if not is_running(execution):
        return
    execution.update(status="TIMED_OUT", stopDate=sfn.now_iso(), error="States.Timeout", cause="")
    details = {"executionTimedOutEventDetails": {"error": "States.Timeout", "cause": ""}}
    sfn._add_event(execution, "ExecutionTimedOut", details)  # noqa: SLF001
    mark_ended(execution["executionArn"])
    sfn._emit_execution_status_event(execution)  # noqa: SLF001
