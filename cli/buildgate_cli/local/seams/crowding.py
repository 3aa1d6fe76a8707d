"""No more handlers run at once than the machine can carry.

AWS starts a new environment for each concurrent invocation; on one machine a stage of forty builds would start forty
Python processes. Here an invocation waits for its turn. A person's request through the front does not wait; and one
that waits very long goes ahead all the same, so that functions which invoke each other cannot wait for ever.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from .fitting import Function, Seam
from .front_door import front_api

_SERVICE = "ministack.services.lambda_svc"
_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
_PATIENCE_SECONDS = 20.0

SEAM = Seam("crowding")
_turns = threading.BoundedSemaphore(_AT_ONCE)
_holders = threading.local()


@SEAM.replaces(_SERVICE, "acquire_worker", "func_name", "config", "code_zip", "qualifier", "max_concurrency")
def wait_for_a_turn(original: Function) -> Function:
    """Lease a worker when it is this invocation's turn."""

    def acquire_worker(*arguments: Any, **named: Any) -> Any:
        _holders.has_turn = not front_api.get() and _turns.acquire(timeout=_PATIENCE_SECONDS)
        try:
            return original(*arguments, **named)
        except BaseException:
            _pass_on()
            raise

    return acquire_worker


@SEAM.replaces(_SERVICE, "release_worker", "worker")
def pass_the_turn_on(original: Function) -> Function:
    """Give the worker back and let the next invocation in."""

    def release_worker(worker: Any) -> None:
        try:
            original(worker)
        finally:
            _pass_on()

    return release_worker


def _pass_on() -> None:
    """Give up this thread's turn, if it holds one."""
    if getattr(_holders, "has_turn", False):
        _holders.has_turn = False
        _turns.release()
