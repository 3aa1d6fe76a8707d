"""Waiting for what a cloud does in its own time."""

import time
from collections.abc import Callable
from typing import Any

SHORTEST_PAUSE, LONGEST_PAUSE = 0.03, 0.5
"""Seconds between two questions."""


def until(ask: Callable[[], Any], *, within: float = 20) -> Any:
    """Return the first answer of `ask` that is not None; fail when none comes in time.

    It asks less often the longer it waits, never later than by a tenth: what is waited for needs the processor more.
    """
    began = time.monotonic()
    while (found := ask()) is None:
        waited = time.monotonic() - began
        assert waited < within, "nothing came in time"
        time.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited / 10)))
    return found
