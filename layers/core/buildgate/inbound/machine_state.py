"""What the state machine, its status events and the schedule hand to functions, and the moves it gets back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.errors import INTERRUPTED, Corrupt
from buildgate.domain.lanes import TurnRef
from buildgate.domain.steps import AwaitTurn, Close, HandOver, JudgeGates, Park, RunBuilds
from buildgate.domain.times import from_text

_BEAT = timedelta(minutes=1)
_PUSHES_EVERY = timedelta(minutes=15)
_LEAST_BEAT = timedelta(seconds=2)
"""Where the schedule beats faster, times of whole seconds tell no shorter ones apart; two looks do no harm, none would."""


def move_data(run_id: str, move: RunBuilds | JudgeGates | Park | AwaitTurn | HandOver | Close) -> dict[str, Any]:
    """Return a move as the machine reads it: ``kind``, ``items``, ``max_concurrency``, ``timeout_seconds``."""
    items: list[dict[str, Any]] = []
    kind, at_once, timeout = "CLOSE", 1, 60
    match move:
        case RunBuilds(slots, max_concurrency, seconds):
            kind, at_once, timeout = "BUILDS", max_concurrency, seconds
            items = [{"slot": slot.ref.to_text(), "timeout_seconds": seconds} for slot in slots]
        case JudgeGates(stage, names):
            kind, at_once = "GATES", len(names)
            items = [{"stage": stage.index, "name": name} for name in names]
        case Park(stage, name, seconds):
            kind, timeout = "PARK", seconds
            items = [{"approval": ApprovalRef(run_id, stage.index, stage.attempt, name).to_text()}]
        case AwaitTurn(ref, seconds):
            kind, timeout = "PARK", seconds
            items = [{"approval": ref.to_text()}]
        case HandOver():
            kind = "HAND_OVER"
    return {"kind": kind, "items": items, "max_concurrency": at_once, "timeout_seconds": timeout}


def correlation_of(event: Mapping[str, Any]) -> str:
    """Return the correlation id that the machine hands on with each call: its execution's input, as it was started.

    An execution that an older version started has none; nothing depends on it but what is logged.
    """
    given = event.get("input")
    return str(given.get("correlation_id") or "") if isinstance(given, Mapping) else ""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Which approval to ask for; with a token the machine waits for it, without one it is a reminder."""

    ref: ApprovalRef
    token: str


def parse_approval_request(event: Mapping[str, Any]) -> ApprovalRequest:
    """Return the request of ``{"approval": "run.stage.attempt.name", "token"?: ...}``."""
    ref = ApprovalRef.from_text(str(event.get("approval", "")))
    if ref is None:
        raise Corrupt(f"{event.get('approval')!r} names no approval")
    return ApprovalRequest(ref, str(event.get("token", "")))


@dataclass(frozen=True, slots=True)
class TurnWait:
    """For which turn in a lane the machine waits."""

    ref: TurnRef
    token: str


def parse_wait(event: Mapping[str, Any]) -> ApprovalRequest | TurnWait:
    """Return what the machine parks for: an approval, or a turn, which is named in an approval's place."""
    ref = TurnRef.from_text(str(event.get("approval", "")))
    return parse_approval_request(event) if ref is None else TurnWait(ref, str(event.get("token", "")))


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """An execution of the run machine failed, timed out or was aborted.

    It was interrupted when not its work failed but the service that ran it restarted, as a local cloud does.
    """

    event_id: str
    run_id: str
    execution_name: str
    status: str
    is_interrupted: bool = False


def parse_execution_event(event: Mapping[str, Any]) -> ExecutionEnded | None:
    """Return the end of an execution, or None when the event is the machine's own call."""
    if event.get("detail-type") != "Step Functions Execution Status Change":
        return None
    try:
        detail = event["detail"]
        name, status = str(detail["name"]), str(detail["status"])
    except (KeyError, TypeError) as error:
        raise Corrupt(f"an execution event without {error}") from error
    is_interrupted = status == "FAILED" and detail.get("error") == INTERRUPTED
    return ExecutionEnded(str(event.get("id", "")), name.rsplit("-", 1)[0], name, status, is_interrupted)


@dataclass(frozen=True, slots=True)
class Tick:
    """A beat of the schedule. A sweep looks at everything; pushes are looked for four times an hour."""

    event_id: str
    is_sweep: bool
    looks_for_pushes: bool


def parse_tick(event: Mapping[str, Any], *, time_scale: float) -> Tick:
    """Return the beat of a scheduled event, or of ``{"sweep": true}``.

    Args:
        event: What the schedule or an operator sent.
        time_scale: How many times faster the schedule beats; branches are looked at that much more often.
    """
    is_sweep = bool(event.get("sweep"))
    try:
        at = from_text(str(event["time"]))
    except (KeyError, ValueError):
        return Tick(str(event.get("id", "")), is_sweep, looks_for_pushes=is_sweep)
    scale = max(1.0, time_scale)
    beat, period = max(_LEAST_BEAT, _BEAT / scale), _PUSHES_EVERY / scale
    return Tick(
        str(event.get("id", "")),
        is_sweep,
        looks_for_pushes=at.timestamp() % period.total_seconds() < beat.total_seconds(),
    )


def cause_text(cause: Any) -> str:
    """Return what a failed task said: a Lambda's cause is JSON that holds its message."""
    if not isinstance(cause, str) or not cause:
        return ""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return cause
    return str(parsed.get("errorMessage", cause)) if isinstance(parsed, dict) else cause
