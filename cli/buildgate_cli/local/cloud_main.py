"""The supervisor's process, for a cloud that runs in the background or beside another program.

It writes one JSON line to standard output when the cloud is up or could not come up, and nothing after that; its log
is in the home. `--tied` ends it when standard input closes, so that it cannot outlive the program that started it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildgate_cli.errors import ExitCode, UserError, as_user_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOG = logging.getLogger(__name__)
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Give an event that is set by Ctrl-C, SIGTERM or the terminal's end; the old handlers return afterwards."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in ENDING_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str]) -> int:
    """Run one cloud until a signal, or until standard input closes when tied; return the exit status."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    from .cloud import Cloud, Settings  # noqa: PLC0415 - slow to import; a bad option is answered before

    settings = Settings(
        home=options.home, speed=options.speed, oidc_issuer=options.oidc_issuer, oidc_audience=options.oidc_audience
    )
    cloud = Cloud(settings if options.template is None else replace(settings, template=options.template))
    with ended_by_signals() as stop:
        if options.tied:
            threading.Thread(target=_watch_owner, args=(stop,), daemon=True).start()
        try:
            with cloud:
                _log_to(cloud)
                _report({"ready": True, "cloud": str(cloud.home.cloud_file)})
                LOG.info("the cloud is up at %s", cloud.front_url)
                cloud.watch(stop)
                LOG.info("the cloud goes down")
        except Exception as error:
            known = as_user_error(error)
            if known is None:
                LOG.exception("the cloud met a defect")
                known = UserError(f"The cloud met a defect: {error!r}", f"Read {cloud.home.log}.")
            _report({"ready": False, "error": known.message, "fix": known.fix, "exit_code": known.exit_code})
            return known.exit_code
    return ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="buildgate-local-cloud")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--template", type=Path, default=None)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--oidc-issuer", default="")
    parser.add_argument("--oidc-audience", default="buildgate")
    parser.add_argument("--tied", action="store_true")
    return parser


def _watch_owner(stop: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    stop.set()


def _log_to(cloud: Any) -> None:
    """Send everything from now on to the cloud's log, so that no reader of our output is needed."""
    with cloud.home.appending(cloud.home.log) as log:
        os.dup2(log.fileno(), 2)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def _report(content: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps(content) + "\n").encode())
        os.dup2(2, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
