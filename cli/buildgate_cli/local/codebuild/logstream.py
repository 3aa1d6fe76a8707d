"""A build's log on its way to CloudWatch Logs."""

import logging
import queue
import threading
import time
from typing import Any

LOG = logging.getLogger(__name__)
_BATCH_EVENTS = 2_000
_BATCH_BYTES = 700_000
_EVENT_OVERHEAD_BYTES = 26
_WAITING_CHUNKS = 64


class NoLog:
    """Where the lines of a build go whose project keeps no log."""

    def write(self, lines: list[str]) -> None:
        """Forget the lines."""

    def close(self) -> None:
        """Nothing is waiting."""


class LogStream:
    """Sends lines to one log stream from a thread; when the service is slow, writing waits, so memory stays bounded.

    A service that refuses lines loses them: a build is not failed for its log.
    """

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._queue: queue.Queue[list[dict[str, Any]] | None] = queue.Queue(maxsize=_WAITING_CHUNKS)
        self._thread = threading.Thread(target=self._work, name=f"log-{stream}", daemon=True)
        self._thread.start()

    def write(self, lines: list[str]) -> None:
        stamp = int(time.time() * 1000)
        self._queue.put([{"timestamp": stamp, "message": line or " "} for line in lines])

    def close(self) -> None:
        """Send what is waiting; returns when it is sent."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        self._call(self._client.create_log_group, logGroupName=self._names["logGroupName"])
        self._call(self._client.create_log_stream, **self._names)
        is_open = True
        while is_open:
            chunk = self._queue.get()
            batch: list[dict[str, Any]] = []
            while chunk is not None:
                batch += chunk
                if len(batch) >= _BATCH_EVENTS or self._queue.empty():
                    break
                chunk = self._queue.get()
            is_open = chunk is not None
            for part in _parts(batch):
                self._call(self._client.put_log_events, **self._names, logEvents=part)

    def _call(self, operation: Any, **arguments: Any) -> None:
        try:
            operation(**arguments)
        except Exception as error:  # noqa: BLE001 - any refusal loses lines, never the build
            if "AlreadyExists" not in str(error):
                LOG.warning("log lines not kept: %s", error)


def _parts(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return events in batches that PutLogEvents takes."""
    parts: list[list[dict[str, Any]]] = []
    size = _BATCH_BYTES
    for event in events:
        weight = 4 * len(event["message"]) + _EVENT_OVERHEAD_BYTES
        if size + weight > _BATCH_BYTES or len(parts[-1]) >= _BATCH_EVENTS:
            parts.append([])
            size = 0
        parts[-1].append(event)
        size += weight
    return parts
