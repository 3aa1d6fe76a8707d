"""Which build runs when: a queue in front of a bounded number of running builds."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from buildgate_cli.local.codebuild.execution import Execution
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.settings import Settings

LOG = logging.getLogger(__name__)
_QUEUE_CHECK_SECONDS = 1.0
_WRITE_AGAIN_SECONDS = 1.0


class Conductor:
    """Starts queued builds in order as places become free; a build that waits past its queued timeout is ended.

    `on_end` hears of every build that ran, with its agent's last message, after the build is complete.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        prepare: Callable[[str], Execution],
        on_end: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._prepare = prepare
        self._on_end = on_end
        self._changed = threading.Condition()
        self._waiting: dict[str, float] = {}
        self._running: dict[str, Execution] = {}
        self._threads: set[threading.Thread] = set()
        self._is_closed = False
        self._dispatcher = threading.Thread(target=self._dispatch, name="codebuild-queue", daemon=True)
        self._dispatcher.start()

    def has_room(self) -> bool:
        """Say whether one more build may wait."""
        with self._changed:
            free = self._settings.concurrent_builds - len(self._running)
            return len(self._waiting) < free + self._settings.queue_factor * self._settings.concurrent_builds

    def submit(self, build_id: str, queued_seconds: float) -> None:
        """Put a build at the end of the queue, for at most so long."""
        self._ledger.end_phase(build_id)
        self._ledger.begin_phase(build_id, "QUEUED")
        with self._changed:
            self._waiting[build_id] = time.monotonic() + queued_seconds
            self._changed.notify_all()

    def stop(self, build_id: str) -> None:
        """Stop a build wherever it is; one that is complete or unknown is left alone."""
        with self._changed:
            is_waiting = self._waiting.pop(build_id, None) is not None
            running = self._running.get(build_id)
        if is_waiting:
            self._ledger.finish(build_id, "STOPPED")
        elif running is not None:
            running.stop()

    def close(self, timeout_seconds: float = 20.0) -> None:
        """End every agent and return when none runs. Their builds stay open in the ledger: they become FAULT later."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            running, threads = list(self._running.values()), list(self._threads)
            self._changed.notify_all()
        for execution in running:
            execution.kill()
        deadline = time.monotonic() + timeout_seconds
        for thread in (*threads, self._dispatcher):
            thread.join(max(deadline - time.monotonic(), 0.1))

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_ready, timeout=_QUEUE_CHECK_SECONDS)
                if self._is_closed:
                    return
                late = self._take_late()
                while self._waiting and len(self._running) < self._settings.concurrent_builds:
                    self._start(next(iter(self._waiting)))
            for build_id in late:
                self._note_end(build_id, "TIMED_OUT")

    def _is_ready(self) -> bool:
        return self._is_closed or bool(self._waiting and len(self._running) < self._settings.concurrent_builds)

    def _take_late(self) -> list[str]:
        now = time.monotonic()
        late = [build_id for build_id, deadline in self._waiting.items() if deadline <= now]
        for build_id in late:
            del self._waiting[build_id]
        return late

    def _start(self, build_id: str) -> None:
        del self._waiting[build_id]
        execution = self._prepare(build_id)
        self._running[build_id] = execution
        thread = threading.Thread(target=self._run, args=(execution,), name=f"build-{build_id}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run(self, execution: Execution) -> None:
        build_id = execution.build_id
        last: Mapping[str, Any] = {"status": "FAULT"}
        try:
            self._ledger.end_phase(build_id)
            last = execution.run()
        except Exception:  # one build's defect must not take its place in the queue for ever
            LOG.exception("build %s broke", build_id)
        finally:
            self._end(build_id, last)

    def _note_end(self, build_id: str, status: str, **members: Any) -> None:
        """Complete a build in the ledger; while that cannot be written, as on a full disk, it is tried again."""
        while True:
            try:
                self._ledger.finish(build_id, status, **members)
            except (sqlite3.OperationalError, OSError) as error:
                LOG.warning("the end of build %s could not be written and is tried again: %s", build_id, error)
                with self._changed:
                    if self._changed.wait_for(lambda: self._is_closed, timeout=_WRITE_AGAIN_SECONDS):
                        return
            else:
                return

    def _end(self, build_id: str, last: Mapping[str, Any]) -> None:
        with self._changed:
            is_closed = self._is_closed
        if not is_closed:
            exported = [{"name": name, "value": value} for name, value in last.get("exported", {}).items()]
            self._note_end(build_id, last["status"], exportedEnvironmentVariables=exported)
        with self._changed:
            self._running.pop(build_id, None)
            self._threads.discard(threading.current_thread())
            self._changed.notify_all()
        if not is_closed:
            self._on_end(build_id, last)
