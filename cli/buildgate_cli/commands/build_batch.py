"""`buildgate build batch`: start, list, show, stop and retry batches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from buildgate_cli import cloud_context, completion
from buildgate_cli.commands.build_options import Interval, Json, Overrides, Token, Watched, new_token, with_overrides
from buildgate_cli.errors import UserError
from buildgate_cli.human import ago, dollars, duration
from buildgate_cli.output import print_json, print_table, print_tree, say, status_text

app = typer.Typer(help="Batches: list, matrix, graph and fan-out builds.", no_args_is_help=True)

BatchId = Annotated[
    str,
    typer.Argument(
        help="Batch: its id or ARN, or a project's name for its newest batch.",
        metavar="BATCH",
        autocompletion=completion.projects,
    ),
]


@app.command()
@with_overrides
def start(
    project: Annotated[str, typer.Argument(help="Project to build.", autocompletion=completion.projects)],
    overrides: Overrides,
    watch: Watched = False,
    token: Token = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Start a batch, with any of StartBuildBatch's overrides. The buildspec's `batch` says what it consists of."""
    cloud = cloud_context.current()
    asked, key = overrides.request(cloud, project, "StartBuildBatch", token)
    client = cloud.client("codebuild")
    data = client.start_build_batch(**asked, idempotencyToken=key)["buildBatch"]
    _started(client, data, watch=watch, interval=interval, as_json=as_json)


@app.command("list")
def list_batches(
    project: Annotated[
        str | None, typer.Argument(help="Of this project only.", autocompletion=completion.projects)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List batches, newest first."""
    from buildgate_cli.builds import ids  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    request: dict[str, Any] = {"sortOrder": "DESCENDING", "maxResults": limit}
    call = client.list_build_batches
    if project:
        request["projectName"], call = project, client.list_build_batches_for_project
    found = list(call(**request)["ids"])[:limit]
    data = {one["id"]: one for one in client.batch_get_build_batches(ids=found)["buildBatches"]} if found else {}
    rows = [data[one] for one in found if one in data]
    if as_json:
        print_json({"batches": [_summary(one) for one in rows]})
        return
    now = datetime.now(UTC)
    cells = [
        [
            ids.shown(one["id"]),
            status_text(one["buildBatchStatus"]),
            len(one.get("buildGroups", [])),
            one.get("sourceVersion") or "-",
            ago(one["startTime"].isoformat(), now),
            duration(((one.get("endTime") or now) - one["startTime"]).total_seconds()),
        ]
        for one in rows
    ]
    empty = "No batch. Start one with `buildgate build batch start PROJECT`."
    print_table(
        ["BATCH", "STATUS", "BUILDS", "SOURCE", "STARTED", "TOOK"], cells, empty=empty, right=("BUILDS", "TOOK")
    )


@app.command()
def show(batch_id: BatchId, as_json: Json = False) -> None:
    """Show a batch as a tree, with the cost of every build in it."""
    from buildgate_cli.builds import batches  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    batch = batches.get(client, batches.resolve(client, batch_id))
    now = datetime.now(UTC)
    if as_json:
        print_json(batch.to_data(now))
        return
    print_tree(batches.tree(batch, now))
    if batch.artifacts:
        say(f"artifacts {batch.artifacts}")
    say(f"{len(batch.members)} builds, {dollars(batch.cost_micro_usd(now))} in {duration(batch.seconds(now))}")


@app.command()
def stop(batch_id: BatchId, as_json: Json = False) -> None:
    """Stop a batch and its builds."""
    from buildgate_cli.builds import batches  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    data = client.stop_build_batch(id=batches.resolve(client, batch_id))["buildBatch"]
    if as_json:
        print_json(_summary(data))
        return
    word = f"had ended: {data['buildBatchStatus']}" if data.get("complete") else "stopping"
    say(f"{data['id']}: {word}", "yellow")


@app.command()
def retry(
    batch_id: BatchId,
    all_builds: Annotated[bool, typer.Option("--all", help="Run all builds again.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Run those again that failed (the default).")] = False,
    watch: Watched = False,
    token: Token = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Run a failed batch again: what failed and what depends on it, or all of it."""
    from buildgate_cli.builds import batches  # noqa: PLC0415

    if all_builds and failed:
        raise UserError("--all and --failed exclude each other.", "Give one of them.")
    client = cloud_context.current().client("codebuild")
    kind = "RETRY_ALL_BUILDS" if all_builds else "RETRY_FAILED_BUILDS"
    found = batches.resolve(client, batch_id)
    data = client.retry_build_batch(id=found, retryType=kind, idempotencyToken=token or new_token())["buildBatch"]
    _started(client, data, watch=watch, interval=interval, as_json=as_json)


def _started(client: Any, data: dict[str, Any], *, watch: bool, interval: float | None, as_json: bool) -> None:
    from buildgate_cli.builds import batches, looking  # noqa: PLC0415

    if not watch:
        if as_json:
            print_json(_summary(data))
        else:
            say(f"started {data['id']}", "green")
        return
    cloud = cloud_context.current()
    pace = looking.pace_for(cloud, interval, relaxes=True)
    batch = batches.until_over(looking.patient_client(cloud), data["id"], pace, as_json=as_json)
    raise typer.Exit(batches.finish(batch, as_json=as_json))


def _summary(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "batch_id": data["id"],
        "project": data["projectName"],
        "status": data["buildBatchStatus"],
        "phase": data.get("currentPhase", ""),
        "builds": len(data.get("buildGroups", [])),
        "started_at": data["startTime"].isoformat(),
        "finished_at": data["endTime"].isoformat() if data.get("endTime") else None,
    }
