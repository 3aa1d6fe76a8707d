"""The process that handlers branch off: it has loaded the libraries they share, and forks one for each order.

An order comes through a socket from the emulator: JSON (script, folder, environment), with the new process's three
streams and the pipe on which its number and, later, its end are reported. It ends when the emulator's end of the socket
closes. For each set of layers that brings the project's own modules, another one branches off which has loaded those
as well (`preloading`), and is handed the orders of functions with these layers.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.local import preloading
from buildgate_cli.local.clock import loosen

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTH: Final = struct.Struct("!I")
HANDED_OVER: Final = 4
"""Standard input, output and error of the new process, and the pipe on which it is reported."""
KEPT_BRANCHES: Final = 3
"""For how many sets of layers a process is kept: those of functions that are being replaced are still asked for."""


def main(orders: socket.socket) -> None:
    """Fork a process for every order until the orders end."""
    loosen()
    preloading.load_libraries()
    gc.freeze()
    serve(orders, Branches())


def serve(orders: socket.socket, branches: Branches | None = None) -> None:
    """Do so without loading anything more; orders of `branches` go to these."""
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
            own = (orders.fileno(), wake, woken, *reports.values())
            if branches is not None and (layers := preloading.layers_of(order["environment"])):
                branches.hand_on(layers, order, handles, held=own)
                for handle in handles:
                    os.close(handle)
                continue
            process = os.fork()
            if process == 0:
                _let_go((*own, *(branches.handles() if branches else ()), handles[3]))
                _run(order, handles[:3])
            for handle in handles[:3]:
                os.close(handle)
            os.write(handles[3], f"{process}\n".encode())
            reports[process] = handles[3]


class Branches:
    """The processes that have loaded the project's modules of a set of layers, the one asked last at the end."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], socket.socket] = {}

    def handles(self) -> list[int]:
        """Return what a process that branches off has to let go of."""
        return [orders.fileno() for orders in self._kept.values()]

    def hand_on(
        self, layers: tuple[str, ...], order: dict[str, Any], handles: Sequence[int], *, held: Sequence[int]
    ) -> None:
        """Hand an order on to the process of its layers; one that is gone is followed by another.

        `held` is what this process holds besides and the other one must not.
        """
        body = json.dumps(order).encode()
        for _ in range(2):
            orders = self._kept.pop(layers, None) or self._open(layers, (*held, *handles))
            try:
                send(orders, body, handles)
            except OSError:
                orders.close()
                continue
            self._kept[layers] = orders
            break
        while len(self._kept) > KEPT_BRANCHES:
            self._kept.pop(next(iter(self._kept))).close()

    def _open(self, layers: tuple[str, ...], held: Sequence[int]) -> socket.socket:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            status = 1
            try:
                _let_go((*held, *self.handles(), ours.fileno()))
                preloading.load_project(layers)
                gc.freeze()
                serve(theirs)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        return ours


def send(orders: socket.socket, body: bytes, handles: Sequence[int]) -> None:
    """Send one order and what it hands over. Raises OSError when nobody is there to take it."""
    orders.sendmsg([LENGTH.pack(len(body))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", handles))])
    orders.sendall(body)


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
            pipe = reports.pop(process, None)
            if pipe is None:  # a branch, which nobody waits for
                continue
            with contextlib.suppress(OSError):
                os.write(pipe, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(pipe)


def _let_go(handles: Sequence[int]) -> None:
    """Let go of everything that is the parent's."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
