"""The emulator's process: fit the seams, serve on loopback, and end when the supervisor does.

Started by `emulator.py` with a scrubbed environment and a pipe as standard input. The pipe closes when the supervisor
ends, however it ends; then state is saved and the process leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from typing import Any

from .clock import loosen

CHANGED_EXIT = 78
"""Exit status when the installed emulator does not fit the seams (EX_CONFIG)."""

_LAST_RESORT_SECONDS = 8.0


def main() -> int:
    """Run until SIGTERM or until standard input closes; return the exit status."""
    os.umask(0o077)
    loosen()
    from .seams.catalogue import fit  # noqa: PLC0415 - read the environment only here
    from .seams.fitting import EmulatorChangedError  # noqa: PLC0415

    try:
        fit()
    except EmulatorChangedError as changed:
        sys.stderr.write(f"emulator changed: {changed}\n")
        return CHANGED_EXIT
    asyncio.run(_serve())
    return 0


async def _serve() -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack import app  # noqa: PLC0415

    from .seams.faulty import faulty  # noqa: PLC0415
    from .seams.front_door import guarded, hosts_from_environment  # noqa: PLC0415
    from .seams.saving import keep_saving  # noqa: PLC0415

    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 5  # a closed connection keeps its descriptor that long
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_watch_supervisor, args=(loop, stop), daemon=True, name="supervisor").start()
    keep_saving()
    entrance: Any = guarded(faulty(app.app), allowed_hosts=hosts_from_environment())
    await serve(entrance, config, shutdown_trigger=stop.wait)
    end_handlers()


def end_handlers() -> None:
    """End the processes of Lambda handlers: one that waits for an answer would outlive the cloud by its retries."""
    from .seams.failures import end_workers  # noqa: PLC0415

    end_workers()


def _watch_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Ask for an orderly stop when standard input closes, and leave anyway if that takes too long."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    loop.call_soon_threadsafe(stop.set)
    threading.Event().wait(_LAST_RESORT_SECONDS)
    end_handlers()
    os._exit(1)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # handlers may still run in threads of the pool; nothing of theirs is worth waiting for
