"""Handlers' processes branch off one that has already loaded the libraries they share (`branch`).

Each function has processes of its own, and each of them would load the AWS SDK first: most of half a second of a
processor, a dozen times for one push.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.local.branch import send

from .fitting import Function, Seam

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUNTIME: Final = "ministack.core.lambda_runtime"

LET_GO_SECONDS = 5
"""How long a process that was killed may take to be seen as ended after its end of the socket closed."""

SEAM = Seam("nursery")
SEAM.needs(_RUNTIME, "subprocess.Popen", "_PYTHON_WORKER_SCRIPT")


@SEAM.replaces(_RUNTIME, "_detect_runtime_binary", "runtime")
def branch_off(original: Function) -> Function:
    """Let the module that starts handlers start Python's from the nursery, which loads what they share meanwhile."""
    importlib.import_module(_RUNTIME).subprocess = _Processes(Nursery())  # type: ignore[attr-defined]
    return original


class _Processes:
    """The module `subprocess` as the emulator's module of handlers sees it."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: Sequence[str], **options: Any) -> Any:  # noqa: N802 - the name it stands for
        if len(command) == 2 and command[1].endswith("_worker.py"):
            return self._nursery.start(command[1], folder=options["cwd"], environment=options["env"])
        return subprocess.Popen(command, **options)


class Nursery:
    """The process that handlers branch off. It ends with the process that made it; when it is killed, another follows."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._is_stopped = False
        self._open()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def start(self, script: str, *, folder: str, environment: Mapping[str, str]) -> Branched:
        """Start a script. Raises OSError when no process can be started."""
        with contextlib.suppress(ConnectionError):  # what has loaded the layers may have ended: another one follows
            return self._start(script, folder, environment)
        try:
            return self._start(script, folder, environment)
        except OSError as error:
            with self._one_at_a_time:
                if self._is_stopped or not self._is_gone(error):
                    raise
                self._orders.close()
                self._open()
        return self._start(script, folder, environment)

    def _is_gone(self, error: OSError) -> bool:
        """Whether the process has ended; one that lets go of its orders is about to, a moment before it can be seen."""
        if isinstance(error, ConnectionError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(LET_GO_SECONDS)
        return self._process.poll() is not None

    def _open(self) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "buildgate_cli.local.branch", str(theirs.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def _start(self, script: str, folder: str, environment: Mapping[str, str]) -> Branched:
        body = json.dumps({"script": script, "folder": folder, "environment": dict(environment)}).encode()
        pipes = [os.pipe() for _ in range(4)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1], pipes[3][1]]
        try:
            with self._one_at_a_time:
                send(self._orders, body, theirs)
        except OSError:
            for handle in (pipes[0][1], pipes[1][0], pipes[2][0], pipes[3][0]):
                os.close(handle)
            raise
        finally:
            for handle in theirs:
                os.close(handle)
        return Branched(pipes[0][1], pipes[1][0], pipes[2][0], report=pipes[3][0])

    def stop(self) -> None:
        """End the nursery; what branched off lives on until its own streams close."""
        self._is_stopped = True
        self._orders.close()
        self._process.wait()


class Branched:
    """A running handler's process, with as much of `subprocess.Popen` as the emulator uses."""

    def __init__(self, stdin: int, stdout: int, stderr: int, *, report: int) -> None:
        self.stdin = os.fdopen(stdin, "w", encoding="utf-8", buffering=1)
        self.stdout = os.fdopen(stdout, encoding="utf-8", errors="replace")
        self.stderr = os.fdopen(stderr, encoding="utf-8", errors="replace")
        self.returncode: int | None = None
        self._report = os.fdopen(report, encoding="ascii")
        self._lock = threading.Lock()
        self.pid = int(self._report.readline() or 0)
        if not self.pid:
            for stream in (self.stdin, self.stdout, self.stderr, self._report):
                stream.close()
            raise ConnectionResetError("the process that handlers branch off has ended")

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired when it still runs after `timeout` seconds."""
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _look(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and _is_readable(self._report.fileno(), timeout):
                self.returncode = int(self._report.readline() or -signal.SIGKILL)
                self._report.close()
        return self.returncode


def _is_readable(handle: int, timeout: float | None) -> bool:
    """Wait until a descriptor can be read; `select` itself refuses descriptors from 1024 on."""
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(None if timeout is None else max(0, timeout) * 1000))
