"""Retry and Catch: which errors they match, and how long a retry waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

NEVER_CAUGHT = frozenset({"States.Runtime", "States.DataLimitExceeded"})
TIMEOUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})


def matches(names: list[str], error: str) -> bool:
    """Whether an `ErrorEquals` matches an error.

    Source: "Handling errors in Step Functions workflows". States.ALL sees everything but States.Runtime and
    States.DataLimitExceeded; States.TaskFailed everything but time-outs; States.Timeout missed heartbeats too.
    """
    if error in names:
        return error != "States.Runtime"
    if error in NEVER_CAUGHT:
        return False
    if "States.ALL" in names:
        return True
    if error in TIMEOUTS:
        return "States.Timeout" in names
    return "States.TaskFailed" in names


def next_delay(
    retriers: list[dict[str, Any]], attempts: dict[int, int], error: str, dice: random.Random
) -> float | None:
    """Return how long to wait before the next attempt, counting it; None when nothing retries this error any more."""
    for number, retrier in enumerate(retriers):
        if not matches(retrier["ErrorEquals"], error):
            continue
        done = attempts.get(number, 0)
        if done >= retrier.get("MaxAttempts", 3):
            return None
        attempts[number] = done + 1
        delay = float(retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** done)
        delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
        return dice.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
    return None


def catcher(catchers: list[dict[str, Any]], error: str) -> dict[str, Any] | None:
    """Return the first catcher that matches an error."""
    return next((one for one in catchers if matches(one["ErrorEquals"], error)), None)
