"""Events for a function that may not run wait for it, as Lambda keeps what was throttled for up to six hours.

As shipped, a throttled event uses up the three tries of one that failed, and is given up after seconds.
"""

from __future__ import annotations

import contextvars
import importlib
import threading
import time
from typing import Any, Final

from .fitting import Function, Seam

_SERVICE: Final = "ministack.services.lambda_svc"
_LONGEST_SECONDS: Final = 6 * 3600
_PAUSE_SECONDS: Final = 0.25

SEAM = Seam("throttled events")
SEAM.needs(_SERVICE, "_functions", "_reserved_concurrency")


@SEAM.replaces(_SERVICE, "invoke_async_with_retry", "func", "event")
def wait_while_it_may_not_run(original: Function) -> Function:
    """Hold an event while its function's reserved concurrency is zero; its age is bounded as configured."""

    def invoke_async_with_retry(func: dict[str, Any], event: Any) -> None:
        if not _is_shut(func):
            original(func, event)
            return
        waiting = contextvars.copy_context()
        threading.Thread(target=waiting.run, args=(_wait, original, func, event), daemon=True).start()

    return invoke_async_with_retry


def _wait(original: Function, func: dict[str, Any], event: Any) -> None:
    settings = func.get("event_invoke_config") or {}
    until = time.monotonic() + int(settings.get("MaximumEventAgeInSeconds", _LONGEST_SECONDS))
    while _is_shut(func) and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    original({**func, "concurrency": _now(func).get("concurrency")}, event)


def _is_shut(func: dict[str, Any]) -> bool:
    service = importlib.import_module(_SERVICE)
    return bool(service._reserved_concurrency(_now(func), func.get("config") or func) == 0)  # noqa: SLF001


def _now(func: dict[str, Any]) -> dict[str, Any]:
    """Return the function as it is now; what was handed over is as it was when the event came."""
    name = (func.get("config") or func).get("FunctionName")
    return importlib.import_module(_SERVICE)._functions.get(name) or func  # noqa: SLF001
