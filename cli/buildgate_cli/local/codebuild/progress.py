"""A build's life in the store, and the events that tell of it."""

import threading
from collections.abc import Callable
from typing import Any

from buildgate_cli.local.agent.build import PhaseResult
from buildgate_cli.local.codebuild import notices
from buildgate_cli.local.codebuild.names import Clock
from buildgate_cli.local.codebuild.store import Document, Store
from buildgate_cli.local.events import Event

KIND = "build"
OPEN = "open-build"
Change = Callable[[Document], None]


class Ledger:
    """Every build's record `{"build": as the API shows it, "plan": the project as used, "request": ...}`.

    Changes are written before their events go out; a build that is complete changes no more.
    """

    def __init__(self, store: Store, put_event: Callable[[Event], None], now: Clock) -> None:
        self._store = store
        self._put_event = put_event
        self._now = now
        self._lock = threading.RLock()
        self._listeners: list[Callable[[str], None]] = []

    def on_finish(self, listener: Callable[[str], None]) -> None:
        """Have every build's id told to the listener once the build is complete."""
        self._listeners.append(listener)

    def add(self, record: Document) -> None:
        build = record["build"]
        with self._lock:
            self._save(record)
            self._put_event(notices.state_change(build, self._now()))

    def record(self, build_id: str) -> Document | None:
        return self._store.get(KIND, build_id)

    def build(self, build_id: str) -> Document | None:
        record = self.record(build_id)
        return record["build"] if record else None

    def ids(self, *, project: str | None = None, is_ascending: bool = False) -> list[str]:
        return self._store.keys(KIND, parent=project, is_ascending=is_ascending)

    def open_ids(self, project: str | None = None) -> list[str]:
        """Return the builds that are not complete."""
        return self._store.keys(OPEN, parent=project)

    def note(self, build_id: str, **members: Any) -> None:
        """Set members of a build whether or not it is complete: what became known later."""
        with self._lock:
            record = self.record(build_id)
            if record is not None:
                record["build"] |= members
                self._save(record)

    def change(self, build_id: str, change: Change) -> None:
        """Apply a change to the API's view of an open build."""
        with self._lock:
            record = self.record(build_id)
            if record is not None and not record["build"]["buildComplete"]:
                change(record["build"])
                self._save(record)

    def begin_phase(self, build_id: str, name: str, at: float | None = None) -> None:
        started_at = at if at is not None else self._now().timestamp()

        def change(build: Document) -> None:
            build["phases"].append({"phaseType": name, "startTime": started_at})
            build["currentPhase"] = name

        self.change(build_id, change)

    def end_phase(
        self,
        build_id: str,
        status: str = "SUCCEEDED",
        contexts: tuple[tuple[str, str], ...] = (),
        at: float | None = None,
    ) -> None:
        """End the phase that is open and tell the bus."""
        ended_at = at if at is not None else self._now().timestamp()

        def change(build: Document) -> None:
            phase = build["phases"][-1]
            if "endTime" in phase:
                return
            over_at = max(ended_at, phase["startTime"])  # the clock may have been put back
            phase |= {
                "endTime": over_at,
                "durationInSeconds": round(over_at - phase["startTime"]),
                "phaseStatus": status,
            }
            if contexts:
                phase["contexts"] = [{"statusCode": code, "message": text} for code, text in contexts]
            self._put_event(notices.phase_change(build, phase, self._now()))

        self.change(build_id, change)

    def end_agent_phase(self, build_id: str, result: PhaseResult) -> None:
        self.end_phase(build_id, result.status, result.contexts, result.ended_at.timestamp())

    def finish(self, build_id: str, status: str, **members: Any) -> None:
        """Complete a build, once: its open phase ends too, with the status of the build."""
        with self._lock:
            build = self.build(build_id)
            if build is None or build["buildComplete"]:
                return
            if "endTime" not in build["phases"][-1]:
                self.end_phase(build_id, status)
            self._complete(build_id, status, members)
        for listener in self._listeners:
            listener(build_id)

    def _complete(self, build_id: str, status: str, members: dict[str, Any]) -> None:
        record = self.record(build_id)
        if record is None:
            return
        build = record["build"]
        ended_at = max(self._now().timestamp(), build["startTime"])  # the clock may have been put back
        build["phases"].append({"phaseType": "COMPLETED", "startTime": ended_at})
        build |= {"currentPhase": "COMPLETED", "buildStatus": status, "buildComplete": True, "endTime": ended_at}
        build |= {name: value for name, value in members.items() if value}
        self._save(record)
        self._put_event(notices.state_change(build, self._now()))

    def delete(self, build_id: str) -> bool:
        return self._store.delete(KIND, build_id)

    def _save(self, record: Document) -> None:
        build = record["build"]
        names = {"parent": build["projectName"], "rank": build["startTime"]}
        with self._store.whole():
            self._store.put(KIND, build["id"], record, **names)
            if build["buildComplete"]:
                self._store.delete(OPEN, build["id"])
            else:
                self._store.put(OPEN, build["id"], {}, **names)
