"""How much CPU, memory and disk the processes of one build used, minute by minute.

A look reads three files of /proc for each living process, once a second. What ended in between is in the figures that the
kernel keeps of children somebody waited for, so that short commands count in full. Without /proc only those do.
"""

import os
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from buildgate_cli.local.agent import memory
from buildgate_cli.local.agent.bounds import LOOK_SECONDS
from buildgate_cli.local.agent.build import Used
from buildgate_cli.local.agent.processes import stat_fields

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_CPU_FIELDS = slice(11, 15)
"""utime, stime, cutime and cstime of /proc/PID/stat, counted from the state (proc(5))."""
_BLOCK_BYTES = 512
_IS_IN_KIBIBYTES = os.uname().sysname != "Darwin"


class Usage:
    """Measures a build and tells `tell` of each whole minute; a build that had none is told of as a whole at its end.

    It begins with itself: what this process's children used before does not count.
    """

    def __init__(self, tell: Callable[[Used], None], minute_seconds: float = 60.0) -> None:
        self._tell = tell
        self._minute_seconds = minute_seconds
        self._started = time.monotonic()
        self._before = self._last = _Totals.of(())
        self._memory_bytes = 0
        self._has_told = False

    def look(self, pids: Iterable[int]) -> None:
        """Take in what these processes, the build's living ones, have used so far."""
        pids = list(pids)
        if memory.resident_bytes(pids) > self._memory_bytes:
            self._memory_bytes = max(self._memory_bytes, memory.proportional_bytes(pids))
        self._last = self._last.at_least(_Totals.of(pids))
        if time.monotonic() - self._started >= self._minute_seconds - LOOK_SECONDS / 2:  # the look nearest to its end
            self._end_minute()

    def close(self) -> None:
        """The build has ended. Closing twice tells nothing twice."""
        self._last = self._last.at_least(_Totals.of(()))
        if not self._has_told:
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1024 if _IS_IN_KIBIBYTES else 1)
            self._memory_bytes = self._memory_bytes or largest
            self._end_minute()

    def _end_minute(self) -> None:
        now = time.monotonic()
        before, after = self._before, self._last
        self._tell(
            Used(
                seconds=max(now - self._started, 1e-3),
                cpu_seconds=after.cpu_seconds - before.cpu_seconds,
                memory_bytes=self._memory_bytes,
                read_bytes=after.read_bytes - before.read_bytes,
                written_bytes=after.written_bytes - before.written_bytes,
            )
        )
        self._started, self._before, self._memory_bytes, self._has_told = now, after, 0, True


class _Totals:
    """What a build used since it began, and whatever else this process waited for before that."""

    def __init__(self, cpu_seconds: float, read_bytes: int, written_bytes: int) -> None:
        self.cpu_seconds = cpu_seconds
        self.read_bytes = read_bytes
        self.written_bytes = written_bytes

    @classmethod
    def of(cls, pids: Iterable[int]) -> "_Totals":
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = ended.ru_utime + ended.ru_stime
        read, written = ended.ru_inblock * _BLOCK_BYTES, ended.ru_oublock * _BLOCK_BYTES
        for pid in pids:
            cpu += _cpu_seconds(pid)
            ins, outs = _disk_bytes(pid)
            read, written = read + ins, written + outs
        return cls(cpu, read, written)

    def at_least(self, other: "_Totals") -> "_Totals":
        """Return the larger of each: totals never fall, but a process may end between two reads."""
        return _Totals(
            max(self.cpu_seconds, other.cpu_seconds),
            max(self.read_bytes, other.read_bytes),
            max(self.written_bytes, other.written_bytes),
        )


def _cpu_seconds(pid: int) -> float:
    fields = stat_fields(pid) or []
    return sum(int(ticks) for ticks in fields[_CPU_FIELDS]) / _TICKS_A_SECOND


def _disk_bytes(pid: int) -> tuple[int, int]:
    """Return what a process and the children it waited for read from and wrote to disks; nothing where that is closed."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
    except OSError:
        return 0, 0
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    return int(found.get("read_bytes", 0)), int(found.get("write_bytes", 0))
