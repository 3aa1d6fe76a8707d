"""EventBridge takes events of AWS services from the services that this cloud runs beside the emulator.

As shipped, PutEvents refuses sources that begin with `aws.` and stamps every event with the moment it arrives; a
service's own event has the time at which things happened (PutEvents, `Time`).
"""

from __future__ import annotations

import contextvars
import importlib
import json
from typing import Any

from .fitting import Function, Seam

_EVENTS = "ministack.services.eventbridge"
_MOST_ENTRIES = 10

SEAM = Seam("event sources")
SEAM.needs(_EVENTS, "json_response")

_happened_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("buildgate_event_time", default=None)


@SEAM.replaces(_EVENTS, "_now_ts")
def tell_the_events_own_time(original: Function) -> Function:
    """Return the time of the event that is being put, or the clock's."""

    def now_ts() -> float:
        happened_at = _happened_at.get()
        return original() if happened_at is None else happened_at

    return now_ts


@SEAM.replaces(_EVENTS, "_put_events", "data", "allow_aws_source")
def accept_service_sources(original: Function) -> Function:
    """Accept `aws.*` sources, and put each entry at its own time."""

    def put_events(data: dict[str, Any], allow_aws_source: bool = True) -> Any:
        entries = data.get("Entries") or []
        if not 0 < len(entries) <= _MOST_ENTRIES:
            return original(data, allow_aws_source=True)
        answers = [json.loads(_put_one(original, entry)[2]) for entry in entries]
        return importlib.import_module(_EVENTS).json_response(
            {
                "FailedEntryCount": sum(answer["FailedEntryCount"] for answer in answers),
                "Entries": [result for answer in answers for result in answer["Entries"]],
            }
        )

    return put_events


def _put_one(original: Function, entry: dict[str, Any]) -> Any:
    time = entry.get("Time")
    token = _happened_at.set(float(time) if isinstance(time, int | float) else None)
    try:
        return original({"Entries": [entry]}, allow_aws_source=True)
    finally:
        _happened_at.reset(token)
