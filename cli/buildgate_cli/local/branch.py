"""The process that handlers branch off: it has loaded the libraries they share, and forks one for each order.

An order comes through a socket from the emulator: JSON (script, folder, environment), with the new process's three
streams and the pipe on which its number and, later, its end are reported. It ends when the emulator's end of the socket
closes. What is loaded beforehand is third-party code that looks at no environment; the project's comes from layers.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final

from buildgate_cli.local.clock import loosen

SHARED: Final = (
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "botocore.session",
    "defusedxml.ElementTree",
    "jinja2",
    "pydantic",
)
LENGTH: Final = struct.Struct("!I")
HANDED_OVER: Final = 4
"""Standard input, output and error of the new process, and the pipe on which it is reported."""


def main(orders: socket.socket) -> None:
    """Fork a process for every order until the orders end."""
    loosen()
    for name in SHARED:
        importlib.import_module(name)
    gc.freeze()
    reports: dict[int, int] = {}
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = select.poll()  # select refuses descriptors from 1024 on
    for handle in (orders.fileno(), wake):
        waiting.register(handle, select.POLLIN)
    while True:
        ready = {handle for handle, _ in waiting.poll()}
        if wake in ready:
            os.read(wake, 4096)
            _report_the_dead(reports)
        if orders.fileno() in ready:
            received = _receive(orders)
            if received is None:
                return
            order, handles = received
            process = os.fork()
            if process == 0:
                _be_born(orders, (wake, woken, *reports.values(), handles[3]))
                _run(order, handles[:3])
            for handle in handles[:3]:
                os.close(handle)
            os.write(handles[3], f"{process}\n".encode())
            reports[process] = handles[3]


def _receive(orders: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next order and what it hands over, or None when there will be no more."""
    head, ancillary, _, _ = orders.recvmsg(LENGTH.size, socket.CMSG_LEN(HANDED_OVER * array.array("i").itemsize))
    if not head:
        return None
    handles = array.array("i")
    for _level, _kind, data in ancillary:
        handles.frombytes(data[: len(data) - len(data) % handles.itemsize])
    left, body = LENGTH.unpack(head)[0], b""
    while len(body) < left:
        part = orders.recv(left - len(body))
        if not part:
            return None
        body += part
    return json.loads(body), list(handles)


def _report_the_dead(reports: dict[int, int]) -> None:
    """Write the exit status of every process that has ended, as `subprocess` gives it."""
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            pipe = reports.pop(process)
            with contextlib.suppress(OSError):
                os.write(pipe, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(pipe)


def _be_born(orders: socket.socket, handles: tuple[int, ...]) -> None:
    """Let go of everything that is the parent's."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    orders.close()
    for handle in handles:
        os.close(handle)


def _run(order: dict[str, Any], streams: list[int]) -> None:
    """Be what `python script` would be, started in the folder with exactly this environment and these streams."""
    for number, given in enumerate(streams):
        os.dup2(given, number)
        os.close(given)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = [order["script"]]
    sys.path[0] = str(Path(order["script"]).parent)
    status = 1
    try:
        runpy.run_path(order["script"], run_name="__main__")
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - the interpreter's own edge: nothing may run on as the parent
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
