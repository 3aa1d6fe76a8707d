"""The cloud's state reaches the disk while it runs, so that a killed process loses seconds, not everything.

As shipped, state is saved only by an orderly stop. A thread saves after changes, about every second while that is
quick, and writes only the services whose state differs from what was last written. A state that has grown large is
saved less often: looking for differences never takes more than a fiftieth of a processor, however busy the machine is.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from .fitting import Function, Seam

if TYPE_CHECKING:
    from collections.abc import Callable

_APP, _PERSISTENCE = "ministack.app", "ministack.core.persistence"

_REST = 50.0
_LONG_BYTES = 4096
LOG = logging.getLogger(__name__)

SEAM = Seam("saving")
SEAM.needs(_APP, "_build_persistence_save_dict", "PERSIST_STATE")
SEAM.needs("ministack.services.cloudformation", "_PERSISTED_STORES")
SEAM.needs(_PERSISTENCE, "save_all", "_json_default", "_state_format_version", "STATE_DIR")

_written: dict[str, bytes] = {}
_saving = threading.Lock()
changed = threading.Event()
"""Set by the front door when a request may have changed something."""
unsaved: set[str] = set()
"""The services whose state could not be saved the last time: a full disk, or a change while it was copied."""


@SEAM.replaces(_PERSISTENCE, "save_state", "service", "data")
def write_what_differs(_original: Function) -> Function:
    """Write a service's state whole or not at all, flushed to disk, and only when it changed.

    One that cannot be written keeps no other from being written.
    """
    persistence: Any = importlib.import_module(_PERSISTENCE)

    def save_state(service: str, data: Any) -> None:
        try:
            write(service, data)
        except (OSError, RuntimeError) as error:  # a RuntimeError says that it changed while it was read
            unsaved.add(service)
            LOG.error("the state of %s could not be saved and is tried again: %s", service, error)  # noqa: TRY400 - told every second

    def write(service: str, data: Any) -> None:
        digest = _digest(data, persistence._json_default)  # noqa: SLF001
        if _written.get(service) == digest:
            return
        wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": data}  # noqa: SLF001
        text = json.dumps(wrapped, default=persistence._json_default).encode()  # noqa: SLF001
        path = os.path.join(persistence.STATE_DIR, f"{service}.json")  # noqa: PTH118
        with open(f"{path}.new", "wb") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)  # noqa: PTH105
        _written[service] = digest

    return save_state


@SEAM.replaces("ministack.services.cloudformation", "get_state")
def look_at_stacks(_original: Function) -> Function:
    """Give stacks as they are: copying them first takes a third of the time, and every other state is smaller."""
    stacks: Any = importlib.import_module("ministack.services.cloudformation")
    return lambda: {key: store() for store, key in stacks._PERSISTED_STORES}  # noqa: SLF001


def _digest(data: Any, default: Callable[[Any], Any]) -> bytes:
    """Return what tells one state of a service from another, while this process runs.

    The code of layers is megabytes that never change: Python remembers the hash of such bytes from the first time on.
    """

    def shortened(value: Any) -> Any:
        is_long = type(value) is bytes and len(value) > _LONG_BYTES
        return ["bytes", len(value), hash(value)] if is_long else default(value)

    return hashlib.blake2b(json.dumps(data, default=shortened).encode()).digest()


def save_now() -> None:
    """Write every service's changed state. Safe to repeat and to call from any thread."""
    app = importlib.import_module(_APP)
    persistence = importlib.import_module(_PERSISTENCE)
    with _saving:
        unsaved.clear()
        states = app._build_persistence_save_dict()  # noqa: SLF001
        persistence.save_all({service: _noting(service, state) for service, state in states.items()})


def _noting(service: str, get_state: Callable[[], Any]) -> Callable[[], Any]:
    """Return the getter of a service's state, which notes that it failed: the state may change while it is copied."""

    def noted() -> Any:
        try:
            return get_state()
        except Exception:  # whatever it is, the emulator logs it and leaves this service out
            unsaved.add(service)
            raise

    return noted


def keep_saving(every_seconds: float = 1.0) -> threading.Thread:
    """Start the thread that saves after changes, and again what could not be saved."""

    def loop() -> None:
        while True:
            changed.wait()
            changed.clear()
            began = time.thread_time()
            save_now()
            if unsaved:
                changed.set()
            threading.Event().wait(max(every_seconds, _REST * (time.thread_time() - began)))

    thread = threading.Thread(target=loop, daemon=True, name="saving")
    thread.start()
    return thread
