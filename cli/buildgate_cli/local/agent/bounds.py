"""What the processes of one build may take of the machine: memory, number, disk. A build that takes more is ended."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from buildgate_cli.local.agent import memory
from buildgate_cli.local.agent.build import Limits
from buildgate_cli.local.agent.cgroups import Membership

Passed = Literal["MEMORY_LIMIT", "PROCESS_LIMIT", "DISK_LIMIT", "DISK_FULL"]
LOOK_SECONDS: Final = 1.0
_WALK_SHARE: Final = 20
"""Measuring a folder may take one part in so many of the time: large folders are measured less often."""


class Bounds:
    """Looks at what a build takes. `folder` is the build's own: source, home and temporary files are in it.

    A command shorter than a second is not looked at: what it leaves behind is, at the next. What the kernel refused
    to the build's control group is known at once.
    """

    def __init__(self, limits: Limits, folder: Path, group: Membership | None = None) -> None:
        self._limits = limits
        self._folder = folder
        self._group = group
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._walk_at = 0.0

    def wait_seconds(self) -> float:
        """Return the seconds until the next look is due, 0 when it is."""
        return max(self._look_at - time.monotonic(), 0.0)

    def look(self, pids: Iterable[int]) -> Passed | None:
        """Return the bound that a build of these processes has passed, None when it keeps them all."""
        self._look_at = time.monotonic() + LOOK_SECONDS
        pids, limits = list(pids), self._limits
        passed = self.passed_at_once()
        if passed is not None:
            return passed
        if len(pids) > limits.processes:
            return "PROCESS_LIMIT"
        if limits.memory_bytes is not None and _holds_more(pids, limits.memory_bytes):
            return "MEMORY_LIMIT"
        if limits.disk_bytes is not None and self._fills_more(limits.disk_bytes):
            return "DISK_LIMIT"
        return None

    def passed_at_once(self) -> Passed | None:
        """Return a bound that needs no look at the processes: the kernel refused the build something, or the disk."""
        refused = self._group.passed() if self._group is not None else None
        return refused or ("DISK_FULL" if free_bytes(self._folder) < self._limits.free_bytes else None)

    def _fills_more(self, limit: int) -> bool:
        started = time.monotonic()
        if started < self._walk_at:
            return False
        size = folder_bytes(self._folder)
        ended = time.monotonic()
        self._walk_at = ended + _WALK_SHARE * (ended - started)
        return size > limit


def free_bytes(folder: Path) -> int:
    """Return what is free for us on a folder's disk; more than any disk has where the folder is gone."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 1 << 62
    return found.f_bavail * found.f_frsize


def to_be_left_free(folder: Path, most: int = Limits.free_bytes) -> int:
    """Return what has to stay free on a folder's disk: of a small one a tenth."""
    found = os.statvfs(folder)
    return min(most, found.f_blocks * found.f_frsize // 10)


def folder_bytes(folder: Path) -> int:
    """Return what a folder fills on the disk, files with several names counted once, links not followed.

    What goes away or is closed to us while it is measured does not count.
    """
    total, seen, folders = 0, set(), [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    found = _stat(entry)
                    if found is None or (found.st_nlink > 1 and (found.st_dev, found.st_ino) in seen):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif found.st_nlink > 1:
                        seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * 512
        except OSError:
            continue
    return total


def _stat(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:
        return None


def _holds_more(pids: list[int], limit: int) -> bool:
    return memory.resident_bytes(pids) > limit and memory.proportional_bytes(pids) > limit
