"""EventBridge rules deliver as AWS does: asynchronous Lambda invocations, retries, and a failure queue.

A target that cannot be reached is permanent (EventBridge user guide, "dead-letter queues"): the event goes to the
target's queue at once, with the rule, the target and the error as message attributes. Any other failure is retried
under the target's retry policy first. A function that fails is Lambda's business: it retries and then uses the
function's own OnFailure destination.
"""

from __future__ import annotations

import contextvars
import importlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .fitting import Function, Seam

_EVENTS = "ministack.services.eventbridge"
_MAX_ATTEMPTS, _MAX_AGE_SECONDS = 185, 86_400
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0

SEAM = Seam("rule targets")
SEAM.needs("ministack.services.lambda_svc", "_get_func_record_for_ref", "_execution_record_for_config")
SEAM.needs("ministack.services.lambda_svc", "invoke_async_with_retry")
SEAM.needs("ministack.services.sqs", "_queue_by_arn", "_act_send_message")
SEAM.needs("ministack.services.sns", "_topics")
SEAM.needs("ministack.services.stepfunctions", "_resolve_state_machine_arn")
SEAM.needs(_EVENTS, "_pattern_event_view")


@dataclass(frozen=True)
class Undelivered:
    """Why an event did not reach its target; `permanent` failures are not retried."""

    code: str
    message: str
    permanent: bool = True


_problem: contextvars.ContextVar[Undelivered | None] = contextvars.ContextVar("buildgate_undelivered", default=None)


@SEAM.replaces(_EVENTS, "_invoke_target", "target", "event", "rule", "view")
def deliver_or_keep(original: Function) -> Function:
    """Deliver an event to one target; what cannot be delivered goes to the target's failure queue."""

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        problem = _attempt(original, target, event, rule, view)
        if problem is None:
            return
        if problem.permanent:
            _keep(target, event, rule, problem, attempts=0)
            return
        retrying = contextvars.copy_context()
        arguments = (original, target, event, rule, problem)
        threading.Thread(target=retrying.run, args=(_retry, *arguments), daemon=True).start()

    return invoke_target


def _attempt(original: Function, target: Any, event: Any, rule: Any, view: Any) -> Undelivered | None:
    token = _problem.set(None)
    try:
        original(target, event, rule, view)
        return _problem.get()
    finally:
        _problem.reset(token)


def _retry(original: Function, target: Any, event: Any, rule: Any, problem: Undelivered) -> None:
    policy = target.get("RetryPolicy") or {}
    allowed = int(policy.get("MaximumRetryAttempts", _MAX_ATTEMPTS))
    until = time.monotonic() + int(policy.get("MaximumEventAgeInSeconds", _MAX_AGE_SECONDS))
    attempts, pause = 0, _FIRST_PAUSE_SECONDS
    last: Undelivered | None = problem
    while last is not None and not last.permanent and attempts < allowed and time.monotonic() + pause < until:
        time.sleep(pause)
        attempts, pause = attempts + 1, min(pause * 2, _LONGEST_PAUSE_SECONDS)
        last = _attempt(original, target, event, rule, None)
    if last is not None:
        _keep(target, event, rule, last, attempts=attempts)


def _keep(target: Any, event: Any, rule: Any, problem: Undelivered, *, attempts: int) -> None:
    """Send the event to the target's failure queue, if it has one."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    sqs = importlib.import_module("ministack.services.sqs")
    queue = sqs._queue_by_arn(queue_arn) if queue_arn else None  # noqa: SLF001
    if queue is None:
        return
    events = importlib.import_module(_EVENTS)
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": problem.code,
        "ERROR_MESSAGE": problem.message,
        "RETRY_ATTEMPTS": str(attempts),
    }
    body = json.dumps(events._pattern_event_view(event).event_with_detail())  # noqa: SLF001
    sqs._act_send_message(  # noqa: SLF001
        {
            "QueueUrl": queue["url"],
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
        },
        queue["url"],
    )


def _missing(kind: str, arn: object) -> Undelivered:
    return Undelivered("RESOURCE_NOT_FOUND", f"The {kind} {arn} does not exist.")


def _reporting(deliver: Callable[..., Undelivered | None]) -> Function:
    """Return `deliver` with its answer, or what it raised, noted for the rule that called it."""

    def dispatch(*arguments: Any) -> None:
        try:
            problem = deliver(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a target raises is a failed delivery, to be tried again
            problem = Undelivered("INTERNAL_ERROR", str(error), permanent=False)
        _problem.set(problem)

    return dispatch


@SEAM.replaces(_EVENTS, "_dispatch_to_lambda", "arn", "payload")
def invoke_asynchronously(_original: Function) -> Function:
    """Invoke the function as an event: Lambda retries it and uses its OnFailure destination."""

    def deliver(arn: str, payload: str) -> Undelivered | None:
        service = importlib.import_module("ministack.services.lambda_svc")
        function, config, name = service._get_func_record_for_ref(arn)  # noqa: SLF001
        if not function or not config:
            return _missing("function", name)
        record = service._execution_record_for_config(function, config)  # noqa: SLF001
        service.invoke_async_with_retry(record, json.loads(payload))
        return None

    return _reporting(deliver)


@SEAM.replaces(_EVENTS, "_dispatch_to_sqs", "spec", "payload", "sqs_parameters")
def miss_no_queue(original: Function) -> Function:
    """Report a queue that does not exist."""

    def deliver(spec: Any, payload: str, sqs_parameters: Any = None) -> Undelivered | None:
        if not importlib.import_module("ministack.services.sqs")._queue_by_arn(str(spec)):  # noqa: SLF001
            return _missing("queue", spec)
        original(spec, payload, sqs_parameters)
        return None

    return _reporting(deliver)


@SEAM.replaces(_EVENTS, "_dispatch_to_sns", "arn", "payload")
def miss_no_topic(original: Function) -> Function:
    """Report a topic that does not exist."""

    def deliver(arn: str, payload: str) -> Undelivered | None:
        if arn not in importlib.import_module("ministack.services.sns")._topics:  # noqa: SLF001
            return _missing("topic", arn)
        original(arn, payload)
        return None

    return _reporting(deliver)


@SEAM.replaces(_EVENTS, "_dispatch_to_stepfunctions", "arn", "payload")
def miss_no_machine(original: Function) -> Function:
    """Report a state machine that does not exist."""

    def deliver(arn: str, payload: str) -> Undelivered | None:
        machines = importlib.import_module("ministack.services.stepfunctions")
        if machines._resolve_state_machine_arn(arn) is None:  # noqa: SLF001
            return _missing("state machine", arn)
        original(arn, payload)
        return None

    return _reporting(deliver)
