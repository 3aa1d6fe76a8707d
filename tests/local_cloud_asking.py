"""Waiting for what a cloud does in its own time."""

import time
from collections.abc import Callable
from typing import Any


def until(ask: Callable[[], Any], *, within: float = 20) -> Any:
    """Return the first answer of `ask` that is not None; fail when none comes in time."""
    deadline = time.monotonic() + within
    while (found := ask()) is None:
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(0.05)
    return found
