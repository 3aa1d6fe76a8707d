"""Running processes under a deadline, a stop signal and a bound on what they print."""

import contextlib
import errno
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal, Self

from buildgate_cli.local.agent import processes
from buildgate_cli.local.agent.bounds import Bounds, Passed
from buildgate_cli.local.agent.cgroups import GATE, Membership
from buildgate_cli.local.agent.usage import Usage
from buildgate_cli.local.agent.users import User

Reason = Literal["STOPPED", "TIMED_OUT", "OUTPUT_LIMIT", "ORPHANED"] | Passed
_FOREVER_SECONDS = 60.0
_KILLED_SECONDS = 5.0
"""How long a process that was killed may take to be seen as ended."""
_CHUNK = 64 * 1024
_MAX_CAPTURED_BYTES = 1024 * 1024
_SIZE_PIPE = 1024 * 1024


class InterruptedBuildError(Exception):
    """The build has to end now; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Interrupt:
    """A request to end the build, made from any thread or signal handler; the first one counts."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._read, self._write = os.pipe()
        self._is_open = True
        self._lock = threading.RLock()  # reentrant: a signal handler may ask in the thread that is closing

    def request(self, reason: Reason) -> None:
        """Ask for the end. Asking again, or after `close`, changes nothing."""
        with self._lock:
            if self.reason is None and self._is_open:
                self.reason = reason
                os.write(self._write, b"!")

    def fileno(self) -> int:
        """Become readable when requested."""
        return self._read

    def close(self) -> None:
        with self._lock:
            self._is_open = False
            os.close(self._read)
            os.close(self._write)


class Execution:
    """Runs one process after another; all of them, and what they leave behind, write into one pipe.

    `output` takes the bytes as they come. `deadline` is a value of time.monotonic(). `mark` is unique to the build and
    travels in the environment of its processes. With `bounds` a build whose processes take more is ended; they are
    looked at once a second. With a `group` all of them are in it. `owns_process` says that this whole process exists for the build, so that everything it
    ever started belongs to it, marked or not.
    """

    def __init__(
        self,
        output: Callable[[bytes], None],
        interrupt: Interrupt,
        *,
        deadline: float,
        mark: str,
        grace_seconds: float = 5.0,
        bounds: Bounds | None = None,
        usage: Usage | None = None,
        group: Membership | None = None,
        owns_process: bool = False,
    ) -> None:
        self._output = output
        self.interrupt = interrupt
        self._deadline = deadline
        self._mark = mark
        self._grace_seconds = grace_seconds
        self._owns_process = owns_process
        self._elder = frozenset(processes.descendants(os.getpid())) if owns_process else frozenset[int]()
        self._bounds = bounds
        self._usage = usage
        self._group = group
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, _SIZE_PIPE)

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        into: IO[bytes] | None = None,
        user: User | None = None,
    ) -> int:
        """Run to the end and return the exit code, negative for a signal. Output goes to the log, or into a file.

        `user` is another one than this process's. Raises InterruptedBuildError with every process of the build gone, OSError when the process cannot start.
        """
        self.check()
        process = subprocess.Popen(
            arguments if self._group is None else _behind_gate(arguments, environment),
            cwd=folder,
            env={**environment, processes.MARK: self._mark},
            stdin=subprocess.DEVNULL if self._group is None else subprocess.PIPE,
            stdout=into or self._write,
            stderr=into or self._write,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=user.groups if user else None,
        )
        self._let_go(process)
        try:
            self._pump_until_exit(process)
        except InterruptedBuildError:
            self.end_all(self._grace_seconds)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILLED_SECONDS)
            self._drain()
            raise
        self._drain()
        if self._owns_process and not self._elder:
            processes.reap_orphans()
        return process.returncode

    def _let_go(self, process: "subprocess.Popen[bytes]") -> None:
        """Put a process that waits at its gate into the group, then let it begin. Raises OSError."""
        if self._group is None or process.stdin is None:
            return
        try:
            self._group.take(process.pid)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(b"\n")
                process.stdin.close()
        except OSError:
            process.kill()
            process.wait(_KILLED_SECONDS)
            raise

    def capture(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], user: User | None = None
    ) -> tuple[int, bytes]:
        """Run to the end and return the exit code and what the process printed, apart from the log. For helpers."""
        with tempfile.TemporaryFile() as file:
            code = self.run(arguments, folder=folder, environment=environment, into=file, user=user)
            file.seek(0)
            return code, file.read(_MAX_CAPTURED_BYTES)

    def check(self) -> None:
        """Raise InterruptedBuildError when the build has to end."""
        if self.interrupt.reason is None and time.monotonic() >= self._deadline:
            self.interrupt.request("TIMED_OUT")
        if self.interrupt.reason is not None:
            raise InterruptedBuildError(self.interrupt.reason)

    def end_all(self, grace_seconds: float) -> int:
        """End everything the build has started, background processes too; returns how many had to be killed.

        Too many processes get no grace: they are held still first, or new ones would come as fast as old ones go.
        """
        if self.interrupt.reason == "PROCESS_LIMIT":
            processes.hold(self._started)
            grace_seconds = 0.0
        return processes.end(self._started, grace_seconds=grace_seconds)

    def _started(self) -> set[int]:
        """Return the build's processes; what this process had started before the build is none of them."""
        own = processes.descendants(os.getpid(), but=self._elder) if self._owns_process else []
        return {*processes.marked(self._mark), *own}

    def close(self) -> None:
        """Read what is left and close the pipe."""
        self._drain()
        os.close(self._read)
        os.close(self._write)

    def _pump_until_exit(self, process: "subprocess.Popen[bytes]") -> None:
        with selectors.DefaultSelector() as selector, _ExitNotice(process) as notice:
            selector.register(self._read, selectors.EVENT_READ)
            selector.register(self.interrupt, selectors.EVENT_READ)
            if notice.fileno is not None:
                selector.register(notice.fileno, selectors.EVENT_READ)
            while process.poll() is None:
                self.check()
                wait = max(self._deadline - time.monotonic(), 0.0)
                selector.select(min(wait, notice.poll_seconds, self._bounds_wait(process.pid)))
                self._read_once()
        if self._bounds is not None and (passed := self._bounds.passed_at_once()):
            self.interrupt.request(passed)
            self.check()

    def _bounds_wait(self, running: int) -> float:
        """Look at what the build takes when it is time to, and return the seconds until the next look.

        `running` is the process that is waited for.
        """
        if self._bounds is None:
            return _FOREVER_SECONDS
        if self._bounds.wait_seconds() == 0:
            pids = processes.living(self._started(), but=running)
            passed = self._bounds.look(pids)
            if self._usage is not None:
                self._usage.look(pids)
            if passed is not None:
                self.interrupt.request(passed)
        return self._bounds.wait_seconds()

    def _read_once(self) -> bool:
        try:
            chunk = os.read(self._read, _CHUNK)
        except BlockingIOError:
            return False
        self._output(chunk)
        return True

    def _drain(self) -> None:
        """Read what has been written so far. Bounded by the pipe's size: background processes may go on writing."""
        for _ in range(2 * _SIZE_PIPE // _CHUNK):
            if not self._read_once():
                return


class _ExitNotice:
    """A descriptor that becomes readable when a process ends, where the system has one; else a short poll."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.fileno: int | None = None
        if hasattr(os, "pidfd_open"):
            try:
                self.fileno = os.pidfd_open(process.pid)
            except OSError:
                self.fileno = None
        self.poll_seconds = 0.02 if self.fileno is None else _FOREVER_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.fileno is not None:
            os.close(self.fileno)


def _behind_gate(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the command that becomes another once it is let go. Raises FileNotFoundError as starting that one would."""
    program = shutil.which(arguments[0], path=environment.get("PATH"))
    if program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), arguments[0])
    return [*GATE, program, *arguments[1:]]


def exit_reason(code: int) -> str:
    """Return CodeBuild's words for how a command ended."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal: {signal.strsignal(-code) or -code}".lower()
    except ValueError:
        return f"signal: {-code}"
