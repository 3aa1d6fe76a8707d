"""No more handlers run at once than the machine can carry.

AWS starts a new environment for each concurrent invocation; on one machine five hundred events at once would start five
hundred Python processes, and all of them would time out. Here an invocation waits for its turn, however long that
takes, and a state machine's task begins to count its seconds when it has its turn. A person's request through the
front waits for other people's only. And one that a function may have asked for
goes ahead after a while all the same, so that functions which invoke each other cannot wait for ever.
"""

from __future__ import annotations

import contextvars
import importlib
import os
import threading
from typing import Any

from .fitting import Function, Seam
from .front_door import front_api

_SERVICE, _SFN = "ministack.services.lambda_svc", "ministack.services.stepfunctions"
_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
_PATIENCE_SECONDS = 20.0

SEAM = Seam("crowding")
SEAM.needs(_SERVICE, "_invoke_depth")
_work = threading.BoundedSemaphore(_AT_ONCE)
_people = threading.BoundedSemaphore(_AT_ONCE)
_holders = threading.local()


class Turn:
    """The right to run one handler; whoever uses it first gives it back."""

    def __init__(self, lane: threading.Semaphore) -> None:
        self._lane = lane
        self._lock = threading.Lock()
        self._is_used = False

    def use(self) -> threading.Semaphore | None:
        """Return what has to be released, or None when somebody else has used the turn."""
        with self._lock:
            is_used, self._is_used = self._is_used, True
        return None if is_used else self._lane


_given: contextvars.ContextVar[Turn | None] = contextvars.ContextVar("buildgate_turn", default=None)


@SEAM.replaces(_SFN, "_invoke_resource_with_timeout", "resource", "input_data", "timeout")
def wait_before_the_seconds_count(original: Function) -> Function:
    """Let a task's function wait for its turn before the task's time begins, as no function waits on AWS."""

    def invoke_resource_with_timeout(resource: str, input_data: Any, timeout: float) -> Any:
        if ":lambda:" not in resource:
            return original(resource, input_data, timeout)
        _work.acquire()
        turn = Turn(_work)
        token = _given.set(turn)
        try:
            return original(resource, input_data, timeout)
        finally:
            _given.reset(token)
            if turn.use():
                _work.release()

    return invoke_resource_with_timeout


@SEAM.replaces(_SERVICE, "acquire_worker", "func_name", "config", "code_zip", "qualifier", "max_concurrency")
def wait_for_a_turn(original: Function) -> Function:
    """Lease a worker when it is this invocation's turn."""

    def acquire_worker(*arguments: Any, **named: Any) -> Any:
        _holders.lane = _take_a_turn()
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


def _take_a_turn() -> threading.Semaphore | None:
    """Wait for a turn, unless one was given, and return what has to be released; None when patience ran out."""
    given = _given.get()
    lane = given.use() if given else None
    if lane is not None:
        return lane
    lane = _people if front_api.get() else _work
    return lane if lane.acquire(timeout=_patience()) else None


def _patience() -> float | None:
    """Return how long this invocation waits at the most; only what came by the Invoke API may come from a function."""
    depth = importlib.import_module(_SERVICE)._invoke_depth.get()  # noqa: SLF001
    return _PATIENCE_SECONDS if depth else None


def _pass_on() -> None:
    """Give up this thread's turn, if it holds one."""
    lane, _holders.lane = getattr(_holders, "lane", None), None
    if lane is not None:
        lane.release()
