"""A cloud in a process of its own: start it, see whether it runs, end it by its id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .state import Home

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 30.0


def start_in_background(
    home: Home, *, speed: float, template: Path | None = None, options: Sequence[str] = ()
) -> dict[str, Any]:
    """Start a supervisor that outlives this process, wait until the cloud is up, and return its description.

    `options` are more of the supervisor's own. Raises the UserError that kept it from coming up.
    """
    home.prepare()
    command = [sys.executable, "-m", "buildgate_cli.local.cloud_main", "--home", str(home.path), "--speed", str(speed)]
    if template is not None:
        command += ["--template", str(template)]
    command += options
    with home.appending(home.log) as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=home.path, start_new_session=True
        )
    return read_first_report(process, home)


def read_first_report(process: subprocess.Popen[bytes], home: Home) -> dict[str, Any]:
    """Return the description of the cloud a supervisor process has just brought up, or raise what it reported."""
    if process.stdout is None:
        raise UserError("The local cloud cannot be heard.")
    line = process.stdout.readline()
    process.stdout.close()
    if not line:
        status = process.wait()
        raise UserError(f"The local cloud ended at once (status {status}).", f"Read {home.log}.", ExitCode.UNAVAILABLE)
    report = json.loads(line)
    if not report["ready"]:
        process.wait(STOP_SECONDS)
        raise UserError(report["error"], report["fix"], report["exit_code"])
    description: dict[str, Any] = json.loads(home.cloud_file.read_text(encoding="utf-8"))
    return description


def running(home: Home) -> dict[str, Any] | None:
    """Return the description of the cloud that runs in a home, or None.

    A description whose supervisor was killed is removed, so that no command takes it for a running cloud.
    """
    try:
        description: dict[str, Any] = json.loads(home.cloud_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if home.is_locked():
        return description
    home.cloud_file.unlink(missing_ok=True)
    return None


def stop_running(home: Home) -> bool:
    """Ask the supervisor of a home to end and wait until it has; False when none runs."""
    description = running(home)
    if description is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(description["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while home.is_locked():
        if time.monotonic() > deadline:
            message = f"The local cloud (process {description['pid']}) does not end."
            raise UserError(message, f"End it with `kill -9 {description['pid']}`.", ExitCode.UNAVAILABLE)
        time.sleep(0.05)
    return True
