"""`buildgate local build`: what it takes and what it prints."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.host import Allowed, image_refusal
from buildgate_cli.local.agent.lines import container_line
from buildgate_cli.local.agent.shell import NAME
from buildgate_cli.local.agent.standalone import Options, Result, run_standalone
from buildgate_cli.output import print_json, print_table, say, status_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def read_variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return `NAME=VALUE` arguments as variables. Raises UserError for one that is not of that form."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not NAME.fullmatch(name):
            raise UserError(f"{pair!r} is not NAME=VALUE.", "Write, for example, -e STAGE=test.")
        found[name] = value
    return found


def build(options: Options, *, allowed: Allowed, as_json: bool) -> int:
    """Run the build, stream its log and print how it ended; 0 only when it SUCCEEDED.

    With JSON the log goes to standard error. Raises UserError when there is no such folder, or when the image is one of
    CodeBuild's for another kind of machine and `allowed` says nothing of this one.
    """
    if not options.folder.is_dir():
        raise UserError(f"{options.folder} is not a folder.", "Name the folder that holds the source.")
    reason = image_refusal(options.image)
    if reason and not allowed.is_host:
        fix = "--allow-host runs its commands on this machine all the same."
        raise UserError(f"{options.image}: {reason}.", fix, ExitCode.REFUSED)
    stream = sys.stderr if as_json else sys.stdout

    def write(text: str) -> None:
        stream.write(text + "\n")
        stream.flush()

    if reason:
        write(container_line(f"{reason}: its commands run on this machine as asked", datetime.now(UTC)))
    interrupt = Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupt.request("STOPPED"))
    result = run_standalone(options, write, interrupt)
    if as_json:
        print_json(_data(result))
    else:
        _print(result, options)
    return 0 if result.outcome.status == "SUCCEEDED" else 1


def _data(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "status": outcome.status,
        "phases": [
            {
                "name": phase.name,
                "status": phase.status,
                "seconds": round((phase.ended_at - phase.started_at).total_seconds(), 3),
                "contexts": [{"code": code, "message": message} for code, message in phase.contexts],
            }
            for phase in outcome.phases
        ],
        "exported": dict(outcome.exported),
        "artifacts": result.kept.artifacts,
        "reports": {group: [file.name for file in files] for group, files in result.kept.reports.items()},
        "folder": str(result.folder),
    }


def _print(result: Result, options: Options) -> None:
    say("")
    rows = [
        (
            phase.name,
            status_text(phase.status),
            f"{(phase.ended_at - phase.started_at).total_seconds():.1f} s",
            "; ".join(f"{code}: {message}" for code, message in phase.contexts),
        )
        for phase in result.outcome.phases
    ]
    print_table(("phase", "status", "time", "remark"), rows, empty="No phase ran.", right=("time",))
    _print_kept("artifact", result.kept.artifacts, options.artifacts)
    reports = {group: [file.name for file in files] for group, files in result.kept.reports.items()}
    _print_kept("report", reports, options.reports)
    for name, value in result.outcome.exported.items():
        say(f"exported {name}={value}")
    if not options.is_in_place:
        say(f"The build ran on a copy, in {result.folder / 'src'}")
    say(f"The build {result.outcome.status}.")


def _print_kept(what: str, kept: Mapping[str, list[str]], folder: Path | None) -> None:
    for name, files in kept.items():
        place = f" -> {folder}" if folder is not None else ""
        say(f"{what} {name}: {len(files)} file(s){place}")
