"""Control groups: the kernel holds the processes of one build to their memory and their number, between looks too.

Version 2 of the interface or version 1, whichever of this machine holds the two controllers, where its folders may be
written (root, or a subtree that was delegated to us). A group is two folders: the outer one has the limits, the inner
one the processes. What a build makes itself the root of, by a namespace of its own, is the inner one.
Source: the kernel's admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Self

Kernel = Literal["MEMORY_LIMIT", "PROCESS_LIMIT"]
GATE: Final = ("/bin/sh", "-c", 'read -r _ && exec "$@" < /dev/null', "sh")
"""What a program is started by: it waits for a line on its standard input, and becomes the program."""
_INNER: Final = "build"
_CONTROLLERS: Final = ("memory", "pids")
_MEMORY_LIMITS: Final = {1: "memory.limit_in_bytes", 2: "memory.max"}
_SWAP_LIMITS: Final = {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}
_MEMORY_EVENTS: Final = {1: "memory.oom_control", 2: "memory.events"}
_GONE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Place:
    """Where this process may make groups: a folder of each controller, one and the same in version 2."""

    version: Literal[1, 2]
    memory: str
    pids: str

    def make(self, name: str, *, memory_bytes: int | None, processes: int) -> "Group":
        """Make a group with its limits. Raises OSError where the machine does not allow it; nothing is left then."""
        group = Group(self.version, f"{self.memory}/{name}", f"{self.pids}/{name}")
        self._let_limit()
        try:
            for folder in group.folders:
                folder.mkdir()
            if memory_bytes is not None:
                group.hold_memory(memory_bytes)
            (Path(group.pids) / "pids.max").write_text(str(processes))
            for folder in group.folders:
                (folder / _INNER).mkdir()
        except OSError:
            group.remove()
            raise
        return group

    def _let_limit(self) -> None:
        """In version 2, let groups in here have limits at all. Raises OSError where processes or owners are in the way.

        systemd has done so where it keeps groups; on other machines nobody has.
        """
        if self.version == 2:
            control = Path(self.memory) / "cgroup.subtree_control"
            missing = set(_CONTROLLERS) - set(control.read_text().split())
            if missing:
                control.write_text(" ".join(f"+{name}" for name in sorted(missing)))

    def left_by(self, is_left: Callable[[str], bool]) -> Iterator["Group"]:
        """Yield the groups of a name that somebody left here."""
        for folder in Path(self.pids).iterdir():
            if folder.is_dir() and is_left(folder.name):
                yield Group(self.version, f"{self.memory}/{folder.name}", str(folder))


@dataclass(frozen=True)
class Group:
    """The control group of one build: its folder of each controller."""

    version: Literal[1, 2]
    memory: str
    pids: str

    def to_text(self) -> str:
        """Return it as one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(**json.loads(text))

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(Path(path) for path in dict.fromkeys((self.memory, self.pids)))

    def hold_memory(self, limit: int) -> None:
        """Let its processes hold so much, with swap or without; who passes it is ended, in version 2 all of them."""
        folder = Path(self.memory)
        (folder / _MEMORY_LIMITS[self.version]).write_text(str(limit))
        with suppress(OSError):  # a kernel that does not count swap has no such file
            (folder / _SWAP_LIMITS[self.version]).write_text(str(limit if self.version == 1 else 0))
        with suppress(OSError):
            if self.version == 2:
                (folder / "memory.oom.group").write_text("1")

    def processes(self) -> list[int]:
        """Return the processes in it that this process sees."""
        found: list[int] = []
        for folder in self.folders:
            with suppress(OSError):
                found += map(int, (folder / _INNER / "cgroup.procs").read_text().split())
        return sorted({pid for pid in found if pid})

    def remove(self) -> None:
        """End what is left in it, and take it away. Safe to repeat; one that cannot go is left to a later sweep."""
        deadline = time.monotonic() + _GONE_SECONDS
        while True:
            for pid in self.processes():
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            left = [folder for each in self.folders for folder in (each / _INNER, each) if not _is_removed(folder)]
            if not left or time.monotonic() > deadline:
                return
            time.sleep(0.01)


class Membership:
    """A group as the agent holds it: opened before the fence closes, for behind it no group can be written.

    A group that cannot be opened raises OSError.
    """

    def __init__(self, group: Group) -> None:
        inner = [folder / _INNER for folder in group.folders]
        self._entrances = [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in inner]
        memory, pids = Path(group.memory), Path(group.pids)
        events = _MEMORY_EVENTS[group.version]
        self._memory = _opened(memory / _INNER / events, memory / events)
        self._pids = _opened(pids / _INNER / "pids.events", pids / "pids.events")

    def take(self, pid: int) -> None:
        """Put a process in, with all that it will start. Raises OSError."""
        for entrance in self._entrances:
            os.write(entrance, str(pid).encode())

    def close(self) -> None:
        for file in (*self._entrances, *self._memory, *self._pids):
            os.close(file)

    def passed(self) -> Kernel | None:
        """Return the limit at which the kernel ended or refused a process, None when it did neither."""
        if any(_count(file, b"oom_kill") for file in self._memory):
            return "MEMORY_LIMIT"
        if any(_count(file, b"max") for file in self._pids):
            return "PROCESS_LIMIT"
        return None


def place() -> Place:
    """Return where groups can be made. Raises OSError with the reason where they cannot; it was tried."""
    problem = "no control groups are mounted"
    for found in _candidates():
        try:
            _try(found)
        except OSError as error:
            problem = f"{error.filename or 'control groups'}: {error.strerror or error}"
        else:
            return found
    raise OSError(problem)


def _candidates() -> Iterator[Place]:
    """Yield where to try: below our own group, or beside it where version 2 wants no group between processes."""
    version_1 = {name: path for names, path in _own(1) for name in names if name in _CONTROLLERS}
    if len(version_1) == len(_CONTROLLERS):
        yield Place(1, str(version_1["memory"][0]), str(version_1["pids"][0]))
    for _, (own, top) in _own(2):
        for folder in (own, *own.parents):
            yield Place(2, str(folder), str(folder))
            if folder == top:
                break


def _own(version: int) -> Iterator[tuple[tuple[str, ...], tuple[Path, Path]]]:
    """Yield the controllers of a hierarchy, none in version 2, with this process's group in it and where it begins."""
    groups = [line.split(":", 2) for line in _lines("/proc/self/cgroup")]
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind != {1: "cgroup", 2: "cgroup2"}[version]:
            continue
        for _, names, group in groups:
            controllers = tuple(filter(None, names.split(",")))
            is_this = set(controllers) <= set(options.split(",")) if version == 1 else not names
            if bool(controllers) is (version == 1) and is_this:
                below = os.path.relpath(group, root)
                top = Path(mounted)
                yield controllers, (top if below.startswith("..") else top / below, top)


def _try(found: Place) -> None:
    """Make a group, put a process in and end it there. Raises OSError where that is not allowed."""
    group = found.make(f"buildgate-{os.getpid()}-try", memory_bytes=1 << 26, processes=8)
    try:
        membership = Membership(group)
        with subprocess.Popen([*GATE, "true"], stdin=subprocess.PIPE) as process:
            try:
                membership.take(process.pid)
                if process.pid not in group.processes():
                    raise OSError("a process that was put into a group is not there")
            finally:
                process.kill()
        membership.close()
    finally:
        group.remove()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _opened(*paths: Path) -> list[int]:
    return [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in paths if path.exists()]


def _count(file: int, name: bytes) -> int:
    with suppress(OSError):
        for line in os.pread(file, 4096, 0).splitlines():
            if line.startswith(name + b" "):
                return int(line.split()[1])
    return 0


def _is_removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
