"""Task tokens as Step Functions keeps them: one per attempt, settled once, closed for ever afterwards.

Knows nothing of the emulator. A token carries the execution it was minted for and a seal made with the cloud's secret,
so that a token of a task that is over (even one minted before a restart) is told apart from one that never was.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Literal

Standing = Literal["open", "closed", "invalid"]
_SEAL_BYTES = 16


@dataclass(frozen=True)
class Succeeded:
    """The worker's answer: a JSON text."""

    output: str


@dataclass(frozen=True)
class Failed:
    """The task failed: by its worker, by its own start, or by a time limit."""

    error: str
    cause: str


@dataclass(frozen=True)
class Aborted:
    """The execution ended while the task waited; nothing follows."""


Outcome = Succeeded | Failed | Aborted


class Task:
    """One attempt that waits for its callback."""

    def __init__(self, token: str, execution: str) -> None:
        self.token = token
        self.execution = execution
        self._changed = threading.Condition()
        self._outcome: Outcome | None = None
        self._beat_at = time.monotonic()

    def settle(self, outcome: Outcome) -> bool:
        """Record the outcome if there is none yet; only the first caller gets True."""
        with self._changed:
            if self._outcome is not None:
                return False
            self._outcome = outcome
            self._changed.notify_all()
            return True

    def beat(self) -> None:
        """Note a sign of life; the heartbeat limit counts from here."""
        with self._changed:
            self._beat_at = time.monotonic()
            self._changed.notify_all()

    def wait(self, *, timeout_seconds: float | None, heartbeat_seconds: float | None) -> Outcome:
        """Block until the task is settled, or settle it as timed out when a limit passes first."""
        started = time.monotonic()
        with self._changed:
            while self._outcome is None:
                limits = []
                if timeout_seconds is not None:
                    limits.append((started + timeout_seconds, "States.Timeout", "The task ran out of time."))
                if heartbeat_seconds is not None:
                    limits.append(
                        (self._beat_at + heartbeat_seconds, "States.HeartbeatTimeout", "The task sent no heartbeat.")
                    )
                due, error, cause = min(limits, default=(None, "", ""), key=lambda limit: limit[0])
                remaining = None if due is None else due - time.monotonic()
                if remaining is not None and remaining <= 0:
                    self._outcome = Failed(error, cause)
                else:
                    self._changed.wait(remaining)
            return self._outcome


class TokenBook:
    """Every open task of the cloud, and the art of telling a closed token from a made-up one."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"task tokens:" + secret.encode()).digest()
        self._lock = threading.Lock()
        self._open: dict[str, Task] = {}

    def mint(self, execution: str) -> str:
        """Open a task for a new attempt of `execution` and return its token."""
        body = json.dumps({"execution": execution, "nonce": secrets.token_hex(16)}, separators=(",", ":")).encode()
        token = base64.urlsafe_b64encode(self._seal(body) + body).decode()
        with self._lock:
            self._open[token] = Task(token, execution)
        return token

    def task(self, token: str) -> Task | None:
        """Return the open task of a token, or None."""
        with self._lock:
            return self._open.get(token)

    def close(self, token: str) -> None:
        """Forget a task whose outcome has been taken; its token is closed from now on."""
        with self._lock:
            self._open.pop(token, None)

    def standing(self, token: object) -> Standing:
        """Say whether a token is open, was one of ours once, or never was."""
        if not isinstance(token, str):
            return "invalid"
        if self.task(token) is not None:
            return "open"
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii", "strict"))
        except ValueError:
            return "invalid"
        seal, body = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        return "closed" if hmac.compare_digest(seal, self._seal(body)) else "invalid"

    def settle(self, token: str, outcome: Outcome) -> bool:
        """Settle an open task; False when the token is not open or another outcome came first. Safe to repeat."""
        with self._lock:
            task = self._open.pop(token, None)
        return task is not None and task.settle(outcome)

    def abort(self, execution: str) -> int:
        """Settle every open task of an execution that has ended, and return how many there were."""
        with self._lock:
            mine = [task for task in self._open.values() if task.execution == execution]
            for task in mine:
                del self._open[task.token]
        return sum(task.settle(Aborted()) for task in mine)

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()[:_SEAL_BYTES]
