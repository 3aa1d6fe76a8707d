"""What a build does not see: the cloud's own folder, other builds' folders, and every process that is not its own.

Without a container, by Linux namespaces alone (mount, process, IPC; a user namespace where the agent is not root). The
agent becomes process 1 of its own world: what a build kills is its own, and all of it ends with the agent. Programs that
it starts cannot mount or look beyond, root's neither, nor change a control group. What stays in reach: the network, and every other file of whoever
runs the cloud.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x0002_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
_BEYOND = (2, 16, 17, 19, 21, 22, 25, 27, 34, 38, 39, 40)
"""Capabilities that reach beyond the fence: read files by handle, modules, raw I/O, trace, mount and the rest of
administration, reboot, the clock, device nodes, the kernel's log, performance events, BPF, checkpoints."""


@dataclass(frozen=True)
class Fence:
    """Absolute paths: folders that look empty, and the folders below them that are there all the same."""

    hidden: tuple[str, ...]
    shown: tuple[str, ...]
    read_only: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return it as one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Fence":
        return cls(**{name: tuple(paths) for name, paths in json.loads(text).items()})


def enter(fence: Fence) -> None:
    """Go on behind the fence, in a child that is process 1 there; this process waits, and leaves as the child does.

    Call it before there are threads. Raises OSError when the machine does not allow it.
    """
    libc, folder = ctypes.CDLL(None, use_errno=True), Path.cwd()
    is_root, uid, gid = os.geteuid() == 0, os.geteuid(), os.getegid()
    _call(libc.unshare, _NEWNS | _NEWPID | _NEWIPC | (0 if is_root else _NEWUSER))
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    child = os.fork()
    if child:
        _leave_as(child)
    _call(libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _mount(libc, "none", "/", _REC | _PRIVATE)
    _hide(libc, fence)
    _mount(libc, "proc", "/proc", _NOSUID | _NODEV | _NOEXEC, kind="proc")
    _seal_control_groups(libc)
    for capability in _BEYOND:
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # a kernel that does not know one refuses it
    os.chdir(folder)  # by way of the new mounts: the old way leads behind the fence


def _hide(libc: ctypes.CDLL, fence: Fence) -> None:
    kept = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (*fence.shown, *fence.read_only)}
    for path in fence.hidden:
        _mount(libc, "tmpfs", path, _NOSUID | _NODEV, kind="tmpfs", data="mode=0711,size=1m,nr_inodes=1k")
    for path, handle in kept.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        _mount(libc, f"/proc/self/fd/{handle}", path, _BIND | _REC)
        os.close(handle)
        if path in fence.read_only:
            # A mount keeps what it forbids already; a user namespace may not take that away.
            forbidden = os.statvfs(path).f_flag & (_NOSUID | _NODEV | _NOEXEC)
            _mount(libc, "none", path, _REMOUNT | _BIND | _RDONLY | forbidden)
    for path in fence.hidden:
        _mount(libc, "none", path, _REMOUNT | _RDONLY | _NOSUID | _NODEV, data="mode=0711,size=1m,nr_inodes=1k")


def _seal_control_groups(libc: ctypes.CDLL) -> None:
    """Leave them to be read only: a build would lift its limits, or leave its group."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] in {"cgroup", "cgroup2"}:
            path = before.split()[4]
            forbidden = os.statvfs(path).f_flag & (_NOSUID | _NODEV | _NOEXEC)
            _mount(libc, "none", path, _REMOUNT | _BIND | _RDONLY | forbidden)


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int, *, kind: str = "", data: str = "") -> None:
    texts = [os.fsencode(text) if text else None for text in (source, target, kind)]
    _call(libc.mount, *texts, ctypes.c_ulong(flags), os.fsencode(data) if data else None)


def _call(function: "ctypes._NamedFuncPointer", *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


def _leave_as(child: int) -> None:
    """Wait for the child and leave with its status, or with 128 and the number of the signal that ended it."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def main() -> int:
    """Try it out: 0 when this machine lets a process behind a fence, else 1 with the reason on standard output."""
    with tempfile.TemporaryDirectory() as place:
        hidden, shown = Path(place, "hidden"), Path(place, "hidden", "shown")
        shown.mkdir(parents=True)
        (hidden / "secret").touch()
        os.chdir(shown)
        child = os.fork()
        if child == 0:
            os._exit(_try(Fence((str(hidden),), (str(shown),))))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _try(fence: Fence) -> int:
    try:
        enter(fence)
        (hidden,) = fence.hidden
        left = list(_problems(Path(hidden)))
    except (OSError, AttributeError, ValueError) as error:
        left = [str(error)]
    os.write(1, "; ".join(left).encode())
    return 1 if left else 0


def _problems(hidden: Path) -> Iterator[str]:
    if (hidden / "secret").exists():
        yield "hidden files are still seen"
    if os.getpid() != 1 or len([path for path in Path("/proc").iterdir() if path.name.isdecimal()]) != 1:
        yield "other processes are still seen"


if __name__ == "__main__":
    sys.exit(main())
