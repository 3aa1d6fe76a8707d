"""Step Functions tasks: fields given by path, callbacks, heartbeats, retries, and an end that ends.

Rules from the Amazon States Language and the Step Functions developer guide: `TimeoutSecondsPath`,
`HeartbeatSecondsPath` and `MaxConcurrencyPath` select a non-negative integer; each attempt of a callback task has its
own token and its timer starts when the task does; a task whose worker cannot be started fails; an open token closes
with its attempt, and then answers TaskTimedOut.
"""

from __future__ import annotations

import contextvars
import json
import threading
from datetime import UTC, datetime
from typing import Any

from .executions import BOOK, CLOSED, current, end_of, is_running
from .fitting import Function, Seam
from .tokens import Failed, Succeeded, Task

_SFN = "ministack.services.stepfunctions"
_CALLBACK = ".waitForTaskToken"
_TIMEOUT_ERRORS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})

SEAM = Seam("Step Functions tasks")
SEAM.needs(
    _SFN,
    "_ExecutionError",
    "_resolve_path_or_ctx",
    "_apply_input_path",
    "_invoke_resource",
    "_task_tokens",
    "_SFN_WAIT_SCALE",
    "error_response_json",
    "json_response",
)


def _error(name: str, cause: str) -> Exception:
    from ministack.services import stepfunctions  # noqa: PLC0415 - imported when the seams are fitted, never before

    error: Exception = stepfunctions._ExecutionError(name, cause)  # noqa: SLF001
    return error


def _selected(state: dict[str, Any], field: str, raw_input: Any, context: Any) -> dict[str, Any]:
    """Return the state with `field` set from `<field>Path`, when it has one."""
    path = state.get(f"{field}Path")
    if path is None:
        return state
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    value = sfn._resolve_path_or_ctx(path, sfn._apply_input_path(state, raw_input, context), context)  # noqa: SLF001
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"The {field}Path parameter does not reference a valid integer value: {field}Path == {value!r}"
        raise _error("States.Runtime", message)
    return {**state, field: value}


@SEAM.replaces(_SFN, "_execute_task", "state_def", "raw_input", "execution", "ctx")
def honour_paths_and_the_end(original: Function) -> Function:
    """Resolve the two time limits given by path, and start no task of an execution that has ended."""

    def execute_task(state_def: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        if not is_running(execution):
            raise _error(CLOSED, "The execution has ended.")
        state = state_def
        for field in ("TimeoutSeconds", "HeartbeatSeconds"):
            state = _selected(state, field, raw_input, ctx)
        result = original(state, raw_input, execution, ctx)
        if not is_running(execution):
            raise _error(CLOSED, "The execution has ended.")
        return result

    return execute_task


@SEAM.replaces(_SFN, "_run_map_items", "state_def", "raw_input", "execution", "ctx")
def honour_max_concurrency_path(original: Function) -> Function:
    """Resolve `MaxConcurrencyPath`; zero means no limit but AWS's own of 40 for an inline Map."""

    def run_map_items(state_def: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        state = _selected(state_def, "MaxConcurrency", raw_input, ctx)
        limit = state.get("MaxConcurrency", 0)
        if isinstance(limit, int) and not 0 < limit <= 40:
            state = {**state, "MaxConcurrency": 40}
        return original(state, raw_input, execution, ctx)

    return run_map_items


@SEAM.replaces(_SFN, "_apply_parameters", "state_def", "data", "ctx")
def mint_a_token_for_each_attempt(original: Function) -> Function:
    """Give each attempt its own token: parameters are evaluated once per attempt, just before it starts."""

    def apply_parameters(state_def: dict[str, Any], data: Any, ctx: Any = None) -> Any:
        if ctx is not None and _CALLBACK in state_def.get("Resource", ""):
            ctx["Task"] = {"Token": BOOK.mint(current.get())}
        return original(state_def, data, ctx)

    return apply_parameters


@SEAM.replaces(_SFN, "_apply_jsonata_arguments", "state_def", "raw_input", "ctx")
def mint_a_token_for_each_jsonata_attempt(original: Function) -> Function:
    """Do the same for states written in JSONata."""

    def apply_arguments(state_def: dict[str, Any], raw_input: Any, ctx: Any = None) -> Any:
        if ctx is not None and _CALLBACK in state_def.get("Resource", ""):
            ctx["Task"] = {"Token": BOOK.mint(current.get())}
        return original(state_def, raw_input, ctx)

    return apply_arguments


@SEAM.replaces(_SFN, "_invoke_with_callback", "resource", "input_data", "token", "state_def")
def wait_for_the_callback(_original: Function) -> Function:
    """Start the work beside the wait: its failure, the callback, a limit or the execution's end settles the task."""

    def invoke_with_callback(resource: str, input_data: Any, token: str, state_def: dict[str, Any]) -> Any:
        task = BOOK.task(token)
        if task is None:
            raise _error(CLOSED, "The execution has ended.")
        copied = contextvars.copy_context()
        arguments = (task, resource.replace(_CALLBACK, ""), input_data)
        threading.Thread(target=copied.run, args=(_start, *arguments), daemon=True).start()
        try:
            outcome = task.wait(
                timeout_seconds=state_def.get("TimeoutSeconds"), heartbeat_seconds=state_def.get("HeartbeatSeconds")
            )
        finally:
            BOOK.close(token)
        if isinstance(outcome, Succeeded):
            return json.loads(outcome.output)
        if isinstance(outcome, Failed):
            raise _error(outcome.error, outcome.cause)
        raise _error(CLOSED, "The execution has ended.")

    return invoke_with_callback


def _start(task: Task, resource: str, input_data: Any) -> None:
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    try:
        sfn._invoke_resource(resource, input_data)  # noqa: SLF001
    except sfn._ExecutionError as failure:  # noqa: SLF001
        BOOK.settle(task.token, Failed(failure.error, failure.cause))
    except Exception as failure:  # noqa: BLE001 - a task that cannot start must fail, whatever the reason
        BOOK.settle(task.token, Failed("States.Runtime", str(failure)))


def _closed_answer(token: object) -> Any:
    """Return AWS's answer for a token that is not open."""
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    if BOOK.standing(token) == "closed":
        message = "Task Timed Out: 'Provided task does not exist anymore'"
        return sfn.error_response_json("TaskTimedOut", message, 400)
    return sfn.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)


def _is_of_an_activity(token: object) -> bool:
    from ministack.services import stepfunctions as sfn  # noqa: PLC0415

    return isinstance(token, str) and token in sfn._task_tokens  # noqa: SLF001


@SEAM.replaces(_SFN, "_send_task_success", "data")
def settle_once_with_success(original: Function) -> Function:
    """Let the first answer win; refuse output that is not JSON."""

    def send_task_success(data: dict[str, Any]) -> Any:
        from ministack.services import stepfunctions as sfn  # noqa: PLC0415

        token = data.get("taskToken")
        if _is_of_an_activity(token):
            return original(data)
        output = data.get("output", "")
        try:
            json.loads(output)
        except (TypeError, ValueError):
            return sfn.error_response_json("InvalidOutput", "Invalid Output: 'Invalid JSON'", 400)
        if isinstance(token, str) and BOOK.settle(token, Succeeded(output)):
            return sfn.json_response({})
        return _closed_answer(token)

    return send_task_success


@SEAM.replaces(_SFN, "_send_task_failure", "data")
def settle_once_with_failure(original: Function) -> Function:
    """Let the first answer win."""

    def send_task_failure(data: dict[str, Any]) -> Any:
        from ministack.services import stepfunctions as sfn  # noqa: PLC0415

        token = data.get("taskToken")
        if _is_of_an_activity(token):
            return original(data)
        failure = Failed(data.get("error") or "States.TaskFailed", data.get("cause") or "")
        if isinstance(token, str) and BOOK.settle(token, failure):
            return sfn.json_response({})
        return _closed_answer(token)

    return send_task_failure


@SEAM.replaces(_SFN, "_send_task_heartbeat", "data")
def note_the_heartbeat(original: Function) -> Function:
    """Restart the heartbeat limit of an open task."""

    def send_task_heartbeat(data: dict[str, Any]) -> Any:
        from ministack.services import stepfunctions as sfn  # noqa: PLC0415

        token = data.get("taskToken")
        if _is_of_an_activity(token):
            return original(data)
        task = BOOK.task(token) if isinstance(token, str) else None
        if task is None:
            return _closed_answer(token)
        task.beat()
        return sfn.json_response({})

    return send_task_heartbeat


@SEAM.replaces(_SFN, "_error_matches", "error_equals", "error")
def match_errors_as_aws_does(original: Function) -> Function:
    """Let nothing catch the end of the execution, and `States.Timeout` match a missed heartbeat too."""

    def error_matches(error_equals: list[str], error: str) -> bool:
        if error == CLOSED:
            return False
        if error in _TIMEOUT_ERRORS:
            return bool({"States.ALL", "States.Timeout", error} & set(error_equals))
        return bool(original(error_equals, error))

    return error_matches


@SEAM.replaces(_SFN, "_find_matching_retrier", "retriers", "error", "retry_counts")
def honour_max_delay(original: Function) -> Function:
    """Hold the growing interval of a retrier at its `MaxDelaySeconds`."""

    def find_matching_retrier(retriers: Any, error: str, retry_counts: dict[int, int]) -> Any:
        retrier, index = original(retriers, error, retry_counts)
        if retrier is None or "MaxDelaySeconds" not in retrier:
            return retrier, index
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retry_counts.get(index, 0)
        return {**retrier, "IntervalSeconds": min(delay, retrier["MaxDelaySeconds"]), "BackoffRate": 1}, index

    return find_matching_retrier


def _pause(seconds: float) -> None:
    execution = current.get()
    if execution and seconds > 0 and end_of(execution).wait(seconds):
        raise _error(CLOSED, "The execution has ended.")


@SEAM.replaces(_SFN, "_scaled_sleep", "seconds")
def wake_when_the_execution_ends(original: Function) -> Function:
    """Let a Wait state or a retry's pause end at once when its execution does."""

    def scaled_sleep(seconds: float) -> None:
        if not current.get():
            original(seconds)
        _pause(seconds)

    return scaled_sleep


@SEAM.replaces(_SFN, "_sleep_until", "iso_ts")
def wake_early_from_a_timestamp(original: Function) -> Function:
    """Do the same for a Wait state with a timestamp."""

    def sleep_until(iso_ts: str) -> None:
        if not current.get():
            original(iso_ts)
            return
        try:
            target = datetime.fromisoformat(iso_ts)
        except (ValueError, TypeError):
            return
        _pause((target - datetime.now(UTC)).total_seconds())

    return sleep_until
