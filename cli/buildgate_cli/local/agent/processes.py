"""Every process a build started, found and ended, wherever it hid.

The agent adopts orphans (a Linux "child subreaper"), so a build's processes stay its descendants even after `setsid`
and a double fork. Should the agent itself be killed, its processes are still known by the mark in their environment.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path

MARK = "BUILDGATE_BUILD_MARK"
_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36
_HOLD_ROUNDS = 200


def adopt_orphans() -> None:
    """Become the parent of every orphan among this process's descendants. A no-op where the system cannot."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int, *, but: Container[int] = ()) -> list[int]:
    """Return the living descendants of a process, nearest first; those of `but` and what they started are left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, level = [], [root]
    while level:
        level = [child for pid in level for child in children.get(pid, ()) if child not in but]
        found += level
    return found


def marked(mark: str) -> list[int]:
    """Return the processes that carry a mark in their environment, this one excepted. Empty without /proc."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in _pids():
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if pid != os.getpid() and wanted in environment.split(b"\0"):
            found.append(pid)
    return found


def end(find: Callable[[], Iterable[int]], *, grace_seconds: float) -> int:
    """End all processes `find` returns: SIGTERM, after the grace SIGKILL, again until none is left.

    Returns how many had to be killed. Zombies that are our children are reaped on the way.
    """
    _signal_all(find(), signal.SIGTERM)
    if _wait_gone(find, grace_seconds):
        return 0
    killed = 0
    for _ in range(50):
        alive = [pid for pid in find() if not _is_reaped(pid)]
        if not alive:
            break
        killed += _signal_all(alive, signal.SIGKILL)
        _wait_gone(find, 0.1)
    return killed


def living(pids: Iterable[int], *, but: int) -> list[int]:
    """Return the processes that live, `but` in any case; dead ones that we adopted are taken leave of on the way.

    `but` is the child somebody waits for: its end is theirs to see.
    """
    return [pid for pid in pids if pid == but or not _is_reaped(pid)]


def hold(find: Callable[[], Iterable[int]]) -> None:
    """Hold all processes `find` returns still, again until no new one comes up: held ones start no others."""
    held: set[int] = set()
    for _ in range(_HOLD_ROUNDS):
        moving = set(find()) - held
        if not moving:
            return
        _signal_all(moving, signal.SIGSTOP)
        held |= moving


def reap_orphans() -> None:
    """Take leave of dead adopted processes. Only while no child is being waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _wait_gone(find: Callable[[], Iterable[int]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    pause = 0.002
    while any(not _is_reaped(pid) for pid in find()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return True


def _signal_all(pids: Iterable[int], number: signal.Signals) -> int:
    """Signal each, older ones first: a shell goes before the command whose end would let it go on.

    What holds or kills goes to their process groups, too, which the kernel reaches at once with all who are in them: no
    process slips by that came up since it was looked, however fast they follow each other.
    """
    wanted = sorted(pids)
    groups = _groups_of(wanted) if number in {signal.SIGSTOP, signal.SIGKILL} else set[int]()
    sent = sum(_is_sent(os.kill, pid, number) for pid in wanted)
    for group in groups:
        _is_sent(os.killpg, group, number)
    return sent


def _is_sent(send: Callable[[int, int], None], to: int, number: signal.Signals) -> bool:
    try:
        send(to, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _groups_of(pids: Iterable[int]) -> set[int]:
    """Return the groups of processes, never this one's: each command of a build began a session of its own."""
    found = set()
    for pid in pids:
        try:
            found.add(os.getpgid(pid))
        except (ProcessLookupError, PermissionError):
            continue
    return found - {os.getpgrp()}


def _is_reaped(pid: int) -> bool:
    """Say whether a process is gone or dead; reaps it when it is a dead child of ours."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    except ChildProcessError:
        pass
    return _state(pid) in {None, "Z", "X"}


def _state(pid: int) -> str | None:
    if not _PROC.is_dir():
        return "?" if pid in dict(_parents()) else None
    fields = stat_fields(pid)
    return fields[0] if fields else None


def _parents() -> list[tuple[int, int]]:
    if not _PROC.is_dir():
        return _parents_by_ps()
    found = []
    for pid in _pids():
        fields = stat_fields(pid)
        if fields:
            found.append((pid, int(fields[1])))
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()] if _PROC.is_dir() else []


def stat_fields(pid: int) -> list[str] | None:
    """Return the fields after the command name: state, parent, ..."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _parents_by_ps() -> list[tuple[int, int]]:
    done = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False)
    pairs = (line.split() for line in done.stdout.splitlines())
    return [(int(pid), int(parent)) for pid, parent in pairs]
