"""Schedule rules fire soon after the cloud starts, and as often as the cloud's speed says.

`BUILDGATE_SPEED` divides the period of `rate(...)` rules: 60 turns a minute into a second.
"""

from __future__ import annotations

import importlib
import os
import time

from .fitting import Function, Seam

_EVENTS = "ministack.services.eventbridge"
_TICK_SECONDS = 0.5
_FIRST_AFTER_SECONDS = 2.0

SEAM = Seam("schedules")
SEAM.needs(_EVENTS, "_SCHEDULER_TICK_INTERVAL", "_rule_last_fired", "_rules")


def speed() -> float:
    """Return by how much the cloud shortens schedules; 1 is AWS's own pace."""
    return max(float(os.environ.get("BUILDGATE_SPEED", "1")), 0.001)


@SEAM.replaces(_EVENTS, "_parse_rate_seconds", "expr")
def fire_at_the_clouds_speed(original: Function) -> Function:
    """Divide the period of a rate by the speed; never less than the scheduler's own tick."""
    importlib.import_module(_EVENTS)._SCHEDULER_TICK_INTERVAL = _TICK_SECONDS  # type: ignore[attr-defined]  # noqa: SLF001

    def parse_rate_seconds(expr: str) -> float | None:
        seconds = original(expr)
        return None if seconds is None else max(seconds / speed(), _TICK_SECONDS)

    return parse_rate_seconds


@SEAM.replaces(_EVENTS, "_tick_scheduled_rules")
def fire_soon_after_the_start(original: Function) -> Function:
    """Let a rate rule that was never seen fire in a moment, so that what a stop left open is healed at once.

    A rule that fired in the future was never seen: the clock was put back, and would silence it until it caught up.
    """

    def tick() -> None:
        events = importlib.import_module(_EVENTS)
        fired = events._rule_last_fired  # noqa: SLF001
        for key in [key for key, at in fired.items() if at > time.time()]:
            del fired[key]
        for key, rule in list(events._rules._data.items()):  # noqa: SLF001
            period = events._parse_rate_seconds(rule.get("ScheduleExpression") or "")  # noqa: SLF001
            if period is not None and key not in fired:
                fired[key] = time.time() - period + min(_FIRST_AFTER_SECONDS, period)
        original()

    return tick
