"""How our services put events on the local bus, and how tests lose, repeat or delay them on purpose."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FAULTS_FILE = "event-faults.json"


@dataclass(frozen=True)
class Event:
    """One event for the default bus. `detail` is JSON-ready."""

    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: dict[str, Any]
    time: datetime


Emit = Callable[[Event], None]


def bus_emitter(events_client: Any) -> Emit:
    """Return an emitter that calls PutEvents on the given client. Raises what the client raises."""

    def emit(event: Event) -> None:
        answer = events_client.put_events(
            Entries=[
                {
                    "Source": event.source,
                    "DetailType": event.detail_type,
                    "Resources": list(event.resources),
                    "Detail": json.dumps(event.detail),
                    "Time": event.time,
                }
            ]
        )
        if answer.get("FailedEntryCount"):
            raise ConnectionError(f"the bus refused an event: {answer['Entries']}")

    return emit


def with_faults(emit: Emit, home: Path) -> Emit:
    """Return an emitter that loses, repeats or delays events as the file `event-faults.json` in the home says. For tests.

    The file is a list of rules `{"source", "action": "drop" | "duplicate" | "delay", "times": N}` with the optional keys
    `detail-type`, `detail` (members that must be equal) and `seconds` (of the delay; later events go first). The first
    rule that matches and has turns left counts one down; the file is rewritten.
    """
    path = home / FAULTS_FILE
    lock = threading.Lock()

    def faulty(event: Event) -> None:
        with lock:
            rule = _take_fault(path, event)
        action = rule.get("action")
        if action == "drop":
            return
        if action == "delay":
            later = threading.Timer(float(rule.get("seconds", 1)), emit, (event,))
            later.daemon = True
            later.start()
            return
        emit(event)
        if action == "duplicate":
            emit(event)

    return faulty


def _take_fault(path: Path, event: Event) -> dict[str, Any]:
    if not path.exists():
        return {}
    rules: list[dict[str, Any]] = json.loads(path.read_text())
    for rule in rules:
        if rule["times"] > 0 and _matches(rule, event):
            rule["times"] -= 1
            path.write_text(json.dumps(rules))
            return rule
    return {}


def _matches(rule: dict[str, Any], event: Event) -> bool:
    return (
        rule["source"] == event.source
        and rule.get("detail-type", event.detail_type) == event.detail_type
        and all(event.detail.get(key) == value for key, value in rule.get("detail", {}).items())
    )
