"""The clock of a local cloud, which can be put forward and back: by the seconds in the home's file `clock-shift`.

CodeBuild and CodeCommit always read it. With `BUILDGATE_TEST_CLOCK=1` when the cloud starts, the emulator and the
handlers live by it too, whoever asks the time there; timers, which count what has passed, go on as they do on AWS when
a clock is set. Builds keep this machine's clock, as builds on another machine would. For tests, and for trying what
a jump does.
"""

from __future__ import annotations

import datetime as dt
import os
import time as _time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CLOCK_FILE = "clock-shift"
SWITCH = "BUILDGATE_TEST_CLOCK"
FILE_VARIABLE = "BUILDGATE_CLOCK_FILE"
_REAL_TIME, _REAL_GMTIME, _REAL_LOCALTIME = _time.time, _time.gmtime, _time.localtime
_LOOK_SECONDS = 0.02


def clock_of(home: Path) -> Callable[[], datetime]:
    """Return this machine's clock, put forward or back."""
    path = home / CLOCK_FILE
    return lambda: datetime.fromtimestamp(_REAL_TIME(), UTC) + timedelta(seconds=_shift_in(path))


def variables(home: Path) -> dict[str, str]:
    """Return what the emulator's environment needs for its clock to follow."""
    return {FILE_VARIABLE: str(home / CLOCK_FILE)} if os.environ.get(SWITCH) == "1" else {}


def is_loose() -> bool:
    """Say whether this process's clock can be put forward and back."""
    return FILE_VARIABLE in os.environ


def loosen() -> None:
    """Let this process live by the cloud's clock when its environment names one. Call it before anything is imported.

    `time.time` and its like are replaced, and `datetime.datetime` by a subclass that all of its kind are instances of.
    """
    if not is_loose():
        return
    shift = _Shift(Path(os.environ[FILE_VARIABLE]))
    now = shift.now
    _time.time = now
    _time.time_ns = lambda: int(now() * 1e9)
    _time.gmtime = lambda seconds=None, /: _REAL_GMTIME(now() if seconds is None else seconds)
    _time.localtime = lambda seconds=None, /: _REAL_LOCALTIME(now() if seconds is None else seconds)
    dt.datetime = _loose_datetime(now)  # type: ignore[misc]


def _shift_in(path: Path) -> float:
    try:
        return float(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0.0


class _Shift:
    """The seconds in the file, read anew every now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds = 0.0
        self._look_at = 0.0

    def now(self) -> float:
        moment = _time.monotonic()
        if moment >= self._look_at:
            self._seconds = _shift_in(self._path)
            self._look_at = moment + _LOOK_SECONDS
        return _REAL_TIME() + self._seconds


def _loose_datetime(now: Callable[[], float]) -> Any:
    real = datetime

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real) if cls is loose else type.__instancecheck__(cls, value)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real) if cls is loose else type.__subclasscheck__(cls, other)

    class Loose(real, metaclass=Kind):  # type: ignore[misc,valid-type]  # the class as it was
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(now(), UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

    loose = Loose
    Loose.__name__ = Loose.__qualname__ = "datetime"
    Loose.__module__ = "datetime"
    return Loose
