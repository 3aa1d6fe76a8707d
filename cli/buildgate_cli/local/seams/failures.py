"""A failing Lambda function keeps the class of its exception, as AWS reports it in `errorType`.

State machines match Retry and Catch on that name. The emulator's Python worker sends the text of the exception only; it
is made to send the class as well, and the result carries it on.
"""

from __future__ import annotations

import contextvars
import importlib
from typing import Any

from .fitting import Function, Seam

_RUNTIME = "ministack.core.lambda_runtime"
_SERVICE = "ministack.services.lambda_svc"
_SENT = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_SENT_WITH_CLASS = '{"status": "error", "error": str(e), "type": type(e).__name__, "trace": traceback.format_exc()}'

SEAM = Seam("Lambda failures")
SEAM.needs(_RUNTIME, "_PYTHON_WORKER_SCRIPT", "reset")

_last_reply: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("buildgate_reply", default=None)


def worker_script_problem() -> str | None:
    """Return why the worker script can no longer be made to send the exception's class, or None."""
    script = importlib.import_module(_RUNTIME)._PYTHON_WORKER_SCRIPT  # noqa: SLF001
    return None if script.count(_SENT) == 1 else f"{_RUNTIME}._PYTHON_WORKER_SCRIPT reports errors otherwise"


SEAM.checks.append(worker_script_problem)


@SEAM.replaces(_RUNTIME, "Worker._spawn", "self")
def send_the_class(original: Function) -> Function:
    """Start workers from the script that names the exception's class."""
    runtime = importlib.import_module(_RUNTIME)
    runtime._PYTHON_WORKER_SCRIPT = runtime._PYTHON_WORKER_SCRIPT.replace(_SENT, _SENT_WITH_CLASS)  # type: ignore[attr-defined]  # noqa: SLF001
    return original


@SEAM.replaces(_RUNTIME, "Worker.invoke", "self", "event", "request_id")
def keep_the_reply(original: Function) -> Function:
    """Keep the worker's whole reply for the caller in the same thread."""

    def invoke(self: Any, event: Any, request_id: str, **options: Any) -> Any:
        reply = original(self, event, request_id, **options)
        _last_reply.set(reply)
        return reply

    return invoke


@SEAM.replaces(_SERVICE, "_execute_function_warm", "func", "event", "request_id")
def name_the_class(original: Function) -> Function:
    """Put the exception's class and stack trace into the error a caller sees."""

    def execute_function_warm(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        _last_reply.set(None)
        result: dict[str, Any] = original(func, event, request_id)
        reply, body = _last_reply.get() or {}, result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["requestId"] = request_id
            if "type" in reply:
                body["errorType"] = reply["type"]
                body["stackTrace"] = str(reply.get("trace", "")).rstrip().splitlines()[1:-1]
            elif "died" in str(reply.get("error", "")):
                body["errorType"] = "Runtime.ExitError"
        return result

    return execute_function_warm


def end_workers() -> None:
    """End every process that runs handlers."""
    importlib.import_module(_RUNTIME).reset()
