"""How much memory processes hold."""

from collections.abc import Iterable
from pathlib import Path

_PAGE_BYTES = 4096


def resident_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes, pages they share counted once per process: quick and never too low."""
    return sum(_resident(pid) for pid in pids)


def proportional_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes, shared pages divided among those that share them. Slower."""
    return sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        return _resident(pid)
    return 0
