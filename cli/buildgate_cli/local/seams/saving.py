"""The cloud's state reaches the disk while it runs, so that a killed process loses seconds, not everything.

As shipped, state is saved only by an orderly stop. A thread saves after changes, about every second while that is
quick, and writes only the services whose state differs from what was last written. A state that has grown large is
saved less often: saving never takes more than a twentieth of the time.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
import time
from typing import Any

from .fitting import Function, Seam

_APP, _PERSISTENCE = "ministack.app", "ministack.core.persistence"

_REST = 20.0

SEAM = Seam("saving")
SEAM.needs(_APP, "_build_persistence_save_dict", "PERSIST_STATE")
SEAM.needs(_PERSISTENCE, "save_all", "_json_default", "_state_format_version", "STATE_DIR")

_written: dict[str, bytes] = {}
_saving = threading.Lock()
changed = threading.Event()
"""Set by the front door when a request may have changed something."""


@SEAM.replaces(_PERSISTENCE, "save_state", "service", "data")
def write_what_differs(_original: Function) -> Function:
    """Write a service's state whole or not at all, flushed to disk, and only when it changed."""
    persistence: Any = importlib.import_module(_PERSISTENCE)

    def save_state(service: str, data: Any) -> None:
        wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": data}  # noqa: SLF001
        text = json.dumps(wrapped, default=persistence._json_default).encode()  # noqa: SLF001
        digest = hashlib.blake2b(text).digest()
        if _written.get(service) == digest:
            return
        path = os.path.join(persistence.STATE_DIR, f"{service}.json")  # noqa: PTH118
        with open(f"{path}.new", "wb") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)  # noqa: PTH105
        _written[service] = digest

    return save_state


def save_now() -> None:
    """Write every service's changed state. Safe to repeat and to call from any thread."""
    app = importlib.import_module(_APP)
    persistence = importlib.import_module(_PERSISTENCE)
    with _saving:
        persistence.save_all(app._build_persistence_save_dict())  # noqa: SLF001


def keep_saving(every_seconds: float = 1.0) -> threading.Thread:
    """Start the thread that saves after changes."""

    def loop() -> None:
        while True:
            changed.wait()
            changed.clear()
            began = time.monotonic()
            save_now()
            threading.Event().wait(max(every_seconds, _REST * (time.monotonic() - began)))

    thread = threading.Thread(target=loop, daemon=True, name="saving")
    thread.start()
    return thread
