"""A build's log on its way to CloudWatch Logs and S3."""

import gzip
import logging
import queue
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.codebuild.objects import put_object

LOG = logging.getLogger(__name__)
_BATCH_EVENTS = 2_000
_BATCH_BYTES = 700_000
_EVENT_OVERHEAD_BYTES = 26
_WAITING_CHUNKS = 64


class Log(Protocol):
    """Where the lines of a build go."""

    def write(self, lines: list[str]) -> None: ...

    def close(self) -> None:
        """Bring on what is waiting; nothing is written afterwards."""


class Logs:
    """Several logs that get the same lines; none for a project that keeps no log."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self._logs = logs

    def write(self, lines: list[str]) -> None:
        for log in self._logs:
            log.write(lines)

    def close(self) -> None:
        for log in self._logs:
            log.close()


class ObjectLog:
    """Keeps the lines in a folder of its own, packed, and uploads them at the end, as CodeBuild does."""

    def __init__(self, client: Any, arn: str, folder: Path) -> None:
        self._client = client
        self._bucket, _, self._key = arn.removeprefix("arn:aws:s3:::").partition("/")
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "log.gz"
        self._file = gzip.GzipFile(self._path, "wb")
        self._is_lost = False

    def write(self, lines: list[str]) -> None:
        if self._is_lost:
            return
        try:
            self._file.write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:  # a full disk loses lines, never the build
            LOG.warning("log lines not kept: %s", error)
            self._is_lost = True

    def close(self) -> None:
        try:
            self._file.close()
            put_object(self._client, self._bucket, self._key, self._path)
        except (OSError, Failure) as error:
            LOG.warning("the log is not kept: %s", error)
        shutil.rmtree(self._folder, ignore_errors=True)


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
