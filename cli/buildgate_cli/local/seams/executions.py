"""What both Step Functions seams share: the token book, the execution a thread works for, and its end."""

from __future__ import annotations

import contextvars
import os
import threading
from typing import Any

from .tokens import TokenBook

CLOSED = "Buildgate.ExecutionClosed"
"""Error name raised in the threads of an execution that has ended; no Retry and no Catch sees it."""

BOOK = TokenBook(os.environ.get("AWS_SECRET_ACCESS_KEY", ""))
current: contextvars.ContextVar[str] = contextvars.ContextVar("buildgate_execution", default="")
"""ARN of the execution this thread works for; threads of a Map or Parallel state inherit it."""

_lock = threading.Lock()
_ends: dict[str, threading.Event] = {}


def end_of(execution: str) -> threading.Event:
    """Return the event that is set when the execution ends."""
    with _lock:
        return _ends.setdefault(execution, threading.Event())


def mark_ended(execution: str) -> None:
    """Wake every wait of an execution that has ended and close its tokens. Safe to repeat."""
    end_of(execution).set()
    BOOK.abort(execution)


def forget(execution: str) -> None:
    """Drop what is kept for an execution whose last thread is about to leave."""
    with _lock:
        _ends.pop(execution, None)


def is_running(execution: Any) -> bool:
    """Say whether an execution record still runs."""
    return bool(execution) and execution.get("status") == "RUNNING"
