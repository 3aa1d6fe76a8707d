"""`buildgate demo`: the main job from push to release, in a local cloud of its own that is gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import cloud_context, run_tree, run_watch
from buildgate_cli.errors import ExitCode
from buildgate_cli.output import console, print_json, print_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_YOUNG_SECONDS: Final = 600.0

app = typer.Typer(help="Show the main job: push, builds, gate, approval, release.")


@app.command()
def demo(
    approve: Annotated[
        bool | None, typer.Option("--approve/--ask", help="Approve by itself; by default only without a terminal.")
    ] = None,
    failing: Annotated[bool, typer.Option("--failing", help="Break a unit test first, and see it stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run and its metrics as data.")] = False,
) -> None:
    """Start a local cloud, push the sample shop, and follow it to its release. Leaves nothing behind."""
    from buildgate_cli.demo import Demo  # noqa: PLC0415
    from buildgate_cli.local.cloud import Cloud, Settings  # noqa: PLC0415 - only this command needs the cloud's code
    from buildgate_cli.local.cloud_main import ended_by_signals  # noqa: PLC0415

    began = time.monotonic()

    def step(text: str) -> None:
        if not as_json:
            console.print(Text.assemble((f"{time.monotonic() - began:6.1f} s  ", "dim"), text), soft_wrap=True)

    home = _new_home()
    approves = approve if approve is not None else not sys.stdin.isatty()
    with ended_by_signals() as stop, _gone_afterwards(home), Cloud(Settings(home=home, tell=step)) as cloud:
        run = Demo(cloud, step, approves=approves or as_json, stop=stop, break_a_test=failing).play()
        answer = _metrics(home)
    if as_json:
        print_json({"run": run, "metrics": answer, "seconds": round(time.monotonic() - began, 1)})
    else:
        _print_end(run, answer, seconds=time.monotonic() - began)
    wanted = "FAILED" if failing else "SUCCEEDED"
    raise typer.Exit(ExitCode.OK if run["status"] == wanted else ExitCode.REFUSED)


def _new_home() -> Path:
    """Return a folder of this demo's own, so that two of them, or a cloud that is kept, do not meet."""
    shelf = cloud_context.home().parent / ".buildgate"
    _sweep(shelf)
    folder = shelf / f"demo-{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True, mode=0o700)
    return folder


def _sweep(shelf: Path) -> None:
    """Remove what demos left that were killed: nobody holds their homes, and none has just begun."""
    from buildgate_cli.local.state import Home  # noqa: PLC0415 - only this command needs the cloud's code

    for left in shelf.glob("demo-*-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _YOUNG_SECONDS and not Home(left).is_locked():
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _gone_afterwards(home: Path) -> Iterator[None]:
    """Remove the home at the end, however that comes; no second Ctrl-C cuts it short while signals only set an event."""
    try:
        yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _metrics(home: Path) -> list[dict[str, Any]]:
    from buildgate_cli.api_client import ApiClient  # noqa: PLC0415 - the SDK's signer

    client = ApiClient(cloud_context.read_local(home, person=""))
    names = client.every("projects")
    return [client.get("metrics", "projects", name, days=1) for name in names]


def _print_end(run: dict[str, Any], metrics: list[dict[str, Any]], *, seconds: float) -> None:
    from buildgate_cli.demo import clock  # noqa: PLC0415
    from buildgate_cli.human import dollars, duration, percent  # noqa: PLC0415
    from buildgate_cli.output import print_table  # noqa: PLC0415

    console.print()
    print_tree(run_tree.tree(run, clock()))
    run_watch.print_outcome(run, clock())
    console.print()
    rows = [
        [
            one["project"],
            one["summary"]["builds"],
            percent(one["summary"]["success_ratio"]),
            duration(one["summary"]["p50_seconds"]),
            dollars(one["summary"]["cost_micro_usd"]),
        ]
        for one in metrics
    ]
    columns = ["PROJECT", "BUILDS", "SUCCESS", "MEDIAN", "COST"]
    print_table(columns, rows, empty="no build was recorded", right=columns[1:])
    console.print(f"\nDone in {seconds:.0f} s. Keep such a cloud running with: make up", style="dim")
