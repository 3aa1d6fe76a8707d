"""`buildgate ops`: look an installation over, and try again what was given up."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from buildgate_cli import cloud_context
from buildgate_cli.errors import ExitCode
from buildgate_cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.ops.redrive import Retried

app = typer.Typer(help="Look an installation over, and try again what was given up.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red", "done": "green", "would": "cyan", "failed": "red"}


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is wrong and what to do. Ends with 1 when something has to be mended."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415 - the SDK's signer
    from buildgate_cli.ops.doctor import examine, isolation_in  # noqa: PLC0415

    cloud = cloud_context.current()
    now = datetime.now(UTC)
    findings = list(examine(cloud.client, cloud.outputs, ask=lambda: connect().get("pipelines"), now=now))
    if cloud.state_dir is not None:
        findings.append(isolation_in(cloud.state_dir))
    if as_json:
        print_json({"findings": [asdict(one) for one in findings]})
    else:
        rows = [[one.what, _coloured(one.state), one.says, one.fix] for one in findings]
        print_table(["WHAT", "STATE", "SAYS", "WHAT TO DO"], rows, empty="nothing was looked at")
    if any(one.state == "fail" for one in findings):
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def redrive(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be tried, and try nothing.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many messages of each queue at the most.")] = 1_000,
    as_json: Json = False,
) -> None:
    """Hand what lies in the failure queues to its functions again; what is done leaves its queue.

    Ends with 1 when something failed again: it stays in its queue, and shows up there after five minutes.
    """
    retried = list(_retried(cloud_context.current(), limit=limit, is_dry=dry_run))
    if as_json:
        print_json({"messages": [asdict(one) for one in retried]})
    elif not retried:
        say("The failure queues are empty.", "green")
    else:
        rows = [[one.message_id, one.function, _coloured(one.outcome), one.reason] for one in retried]
        print_table(["MESSAGE", "FUNCTION", "OUTCOME", "REASON"], rows, empty="")
    if any(one.outcome in {"failed", "unreadable"} for one in retried):
        raise typer.Exit(ExitCode.REFUSED)


def _retried(cloud: CloudContext, *, limit: int, is_dry: bool) -> Iterator[Retried]:
    from buildgate_cli.ops.doctor import QUEUES  # noqa: PLC0415
    from buildgate_cli.ops.redrive import redrive as drive  # noqa: PLC0415

    sqs, functions = cloud.client("sqs"), cloud.client("lambda")
    for output in QUEUES:
        if output in cloud.outputs:
            yield from drive(sqs, functions, cloud.outputs[output], limit=limit, is_dry=is_dry)
        else:
            note(f"The stack has no output {output}.")


def _coloured(word: str) -> Text:
    return Text(word, style=_COLOURS.get(word, "red"))
