"""`buildgate run`: start, list, show, watch, stop and retry runs."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import completion, run_tree
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import ago, duration, elapsed, safe
from buildgate_cli.output import note, print_json, print_table, print_tree, say, status_text

if TYPE_CHECKING:
    from buildgate_cli.api_client import ApiClient
    from buildgate_cli.run_watch import Watch

app = typer.Typer(help="Start, watch, stop and retry runs.", no_args_is_help=True)

ID_LENGTH: Final = 26
LATEST: Final = "latest"
RUNS_LIMIT: Final = 50
WAIT_SECONDS: Final = 15.0
RunId = Annotated[
    str,
    typer.Argument(help="Run: its id, the end of its id, or `latest`.", autocompletion=completion.runs, metavar="ID"),
]
OptionalRunId = Annotated[
    str | None,
    typer.Argument(
        help="Run: its id, the end of its id, or `latest`; the newest when left out.",
        autocompletion=completion.runs,
        metavar="ID",
    ),
]
PipelineName = Annotated[
    str | None, typer.Option("--pipeline", "-p", help="Of this pipeline only.", autocompletion=completion.pipelines)
]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]


class Follow(enum.StrEnum):
    """What `watch` goes on with."""

    LATEST = "latest"


@app.command()
def start(
    pipeline: Annotated[str, typer.Argument(help="Pipeline to run.", autocompletion=completion.pipelines)],
    branch: Annotated[str | None, typer.Option(help="Branch to build; the trigger's own by default.")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag to build.")] = None,
    commit: Annotated[str | None, typer.Option(help="Commit to build, of the branch or tag.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Start a run without a push."""
    if branch and tag:
        raise UserError("--branch and --tag exclude each other.", "Give one of them.")
    ref = f"branch:{branch}" if branch else f"tag:{tag}" if tag else None
    wanted = {"ref": ref, "commit": commit}
    client = _client()
    body = {key: value for key, value in wanted.items() if value}
    run = client.post("pipelines", pipeline, "runs", body=body)["run"]
    if as_json and not watch:
        print_json({"run": run})
        return
    if not as_json:
        say(f"started {run['run_id']} of {run['pipeline']}", "green")
    if watch:
        _watch(_watcher(client, as_json=as_json), run["run_id"])


@app.command("list")
def list_runs(
    pipeline: PipelineName = None,
    limit: Annotated[int, typer.Option(min=1, max=RUNS_LIMIT, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    client = _client()
    answer = client.get("runs", pipeline=pipeline, limit=limit)
    if as_json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    awaited = _awaited(client, answer["runs"])
    rows = [
        [
            run["run_id"],
            run["pipeline"],
            status_text(run["status"]),
            _source(run),
            ago(run.get("started_at"), now),
            duration(elapsed(run.get("started_at"), run.get("finished_at"), now)),
            awaited.get(run["run_id"]) or _first_line(run.get("reason") or run.get("message")),
        ]
        for run in answer["runs"]
    ]
    empty = "No run yet. Push to a repository that a pipeline's trigger names, or `buildgate run start PIPELINE`."
    columns = ["RUN", "PIPELINE", "STATUS", "SOURCE", "STARTED", "TOOK", "WHY"]
    print_table(columns, rows, empty=empty, right=("TOOK",))


@app.command()
def show(run_id: OptionalRunId = None, as_json: Json = False) -> None:
    """Show a run: its stages with builds, gates and approvals."""
    client = _client()
    answer = client.get("runs", resolve(client, run_id or LATEST))
    if as_json:
        print_json(answer)
        return
    from buildgate_cli.run_watch import print_outcome  # noqa: PLC0415  # the live display, only where a run is shown

    run, now = answer["run"], datetime.now(UTC)
    print_tree(run_tree.tree(run, now))
    if run_tree.is_final(run):
        print_outcome(run, now)


@app.command()
def watch(
    run_id: OptionalRunId = None,
    pipeline: PipelineName = None,
    follow: Annotated[
        Follow | None, typer.Option(help="`latest`: when a newer run of the pipeline begins, go on with that one.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, max=3600, help="Seconds to wait for a run to appear.")] = WAIT_SECONDS,
    as_json: Json = False,
) -> None:
    """Watch a run until it ends. Ends with 0 if it SUCCEEDED, with 1 if it did not, with 3 if the cloud is gone."""
    client = _client()
    watcher = _watcher(client, as_json=as_json, follows_latest=follow is not None)
    if run_id is None or run_id == LATEST:
        run_id = watcher.newest(pipeline=pipeline, wait_seconds=0 if run_id else wait)
    else:
        run_id = resolve(client, run_id)
    _watch(watcher, run_id)


@app.command()
def stop(
    run_id: RunId,
    comment: Annotated[str, typer.Option(help="Why; kept with the run.")] = "",
    as_json: Json = False,
) -> None:
    """Stop a run and its builds."""
    client = _client()
    found = resolve(client, run_id)
    answer = client.post("runs", found, "stop", body={"comment": comment})
    if as_json:
        print_json(answer)
        return
    say(f"{found}: {answer['result']}; its builds are being stopped", "yellow")


@app.command()
def retry(
    run_id: RunId,
    stage: Annotated[str, typer.Option("--from", help="Stage to begin again with; the ones before it are kept.")],
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Retry a run from a stage, with the same commit and pipeline version."""
    client = _client()
    answer = client.post("runs", resolve(client, run_id), "retry", body={"stage": stage})
    if as_json and not watch:
        print_json(answer)
        return
    run = answer["run"]
    if not as_json:
        say(f"retrying from stage {stage}: run {run['run_id']}", "green")
    if watch:
        _watch(_watcher(client, as_json=as_json), run["run_id"])


def resolve(client: ApiClient, text: str) -> str:
    """Return the full id of a run from its id, the unique end (or beginning) of it, or `latest`.

    Raises:
        UserError: When nothing, or more than one recent run, fits.
    """
    text = text.strip().lower()
    if len(text) >= ID_LENGTH:
        return text
    recent = [run["run_id"] for run in client.get("runs", limit=1 if text == LATEST else RUNS_LIMIT)["runs"]]
    if text == LATEST:
        if not recent:
            raise UserError("There is no run yet.", "Start one with `buildgate run start PIPELINE`.", ExitCode.REFUSED)
        return str(recent[0])
    fitting = [found for found in recent if found.endswith(text) or found.startswith(text)]
    if len(fitting) > 1:
        raise UserError(f"{text} fits {len(fitting)} runs.", f"Write more of the id: {', '.join(fitting[:3])}")
    if not fitting:
        raise UserError(f"No recent run fits {text}.", "See `buildgate run list`.", ExitCode.REFUSED)
    return str(fitting[0])


def _awaited(client: ApiClient, runs: list[dict[str, Any]]) -> dict[str, str]:
    """Return by run which approval or lane it waits for; nothing is asked where every run has ended."""
    if all(run_tree.is_final(run) for run in runs):
        return {}
    waiting = client.get("approvals")["approvals"]
    asked = {found["run_id"]: f"waits for approval of stage {found['stage']}" for found in waiting}
    names = {run["pipeline"] for run in runs if not run_tree.is_final(run) and run["run_id"] not in asked}
    lanes = [lane for name in sorted(names) for lane in client.get("pipelines", name, "lanes")["lanes"]]
    return {turn["run_id"]: f"waits for {lane['lane']}" for lane in lanes for turn in lane["waiting"]} | asked


def _client() -> ApiClient:
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    return connect()


def _watcher(client: ApiClient, *, as_json: bool, follows_latest: bool = False) -> Watch:
    from buildgate_cli import run_watch  # noqa: PLC0415  # as above

    interval = run_watch.LOCAL_SECONDS if client.is_local else run_watch.AWS_SECONDS
    return run_watch.Watch(client, interval, as_json=as_json, follows_latest=follows_latest)


def _watch(watcher: Watch, run_id: str) -> None:
    from buildgate_cli.run_watch import exit_code  # noqa: PLC0415  # as above

    try:
        run = watcher.until_over(run_id)
    except KeyboardInterrupt:
        note(f"The run goes on. Look again with `buildgate run watch {run_id}`.")
        raise
    raise typer.Exit(exit_code(run))


def _source(run: dict[str, Any]) -> Text:
    ref = safe(run.get("ref") or "-")
    commit = safe(run.get("commit") or "")[:8]
    return Text(f"{ref} {commit}".strip(), style="cyan")


def _first_line(text: str | None) -> str:
    lines = (text or "").splitlines()
    return lines[0][:80] if lines else ""
