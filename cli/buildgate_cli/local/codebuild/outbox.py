"""Events leave in the order in which they happened, without holding up what they tell of."""

import logging
import queue
import threading
import time

from buildgate_cli.local.events import Emit, Event

LOG = logging.getLogger(__name__)
_TRIES = 3
_PAUSE_SECONDS = 0.2


class Outbox:
    """Hands events to `emit` from one thread. An event the bus refuses three times is lost, as AWS may lose one."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="codebuild-events", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Send what is waiting and end."""
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            self._send(event)

    def _send(self, event: Event) -> None:
        for attempt in range(_TRIES):
            try:
                self._emit(event)
            except Exception as error:  # noqa: BLE001 - whatever the bus raises, later events must still go out
                LOG.warning("event %s not taken (try %d): %s", event.detail_type, attempt + 1, error)
                time.sleep(_PAUSE_SECONDS)
            else:
                return
