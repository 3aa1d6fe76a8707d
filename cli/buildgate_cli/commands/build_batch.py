"""`buildgate build batch`: start, list, show, stop and retry batches; and the overrides that starting has in common."""

from __future__ import annotations

import secrets as randomness
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from buildgate_cli import cloud_context, completion
from buildgate_cli.errors import UserError
from buildgate_cli.human import ago, dollars, duration
from buildgate_cli.output import print_json, print_table, print_tree, say, status_text

app = typer.Typer(help="Batches: list, matrix, graph and fan-out builds.", no_args_is_help=True)

SourceVersion = Annotated[
    str | None,
    typer.Option("--source-version", "-r", help="Branch, tag, commit or S3 version to build.", show_default=False),
]
Plain = Annotated[
    list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE, as often as needed.", show_default=False)
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", help="NAME=/parameter, read from Parameter Store by the build.", show_default=False),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option("--secret", help="NAME=secret:key, read from Secrets Manager by the build.", show_default=False),
]
Buildspec = Annotated[
    str | None,
    typer.Option("--buildspec", "-b", help="Path in the source, or @FILE to send a local file.", show_default=False),
]
Image = Annotated[str | None, typer.Option(help="Image to build in.", show_default=False)]
Compute = Annotated[str | None, typer.Option(help="Compute type, e.g. BUILD_GENERAL1_LARGE.", show_default=False)]
EnvironmentType = Annotated[str | None, typer.Option(help="Environment type, e.g. ARM_CONTAINER.", show_default=False)]
Privileged = Annotated[bool | None, typer.Option("--privileged/--no-privileged", help="Run Docker in the build.")]
Timeout = Annotated[int | None, typer.Option(help="Minutes the build may take.", show_default=False)]
QueuedTimeout = Annotated[int | None, typer.Option(help="Minutes it may wait in the queue.", show_default=False)]
Role = Annotated[str | None, typer.Option(help="ARN of the service role.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any other override: MEMBER=VALUE, e.g. cache.type=NO_CACHE.", show_default=False),
]
Overrides = Annotated[
    Path | None, typer.Option("--overrides", help="YAML or JSON file of the call's members.", show_default=False)
]
Token = Annotated[
    str | None, typer.Option(help="Idempotency token: a repeat with it starts nothing new.", show_default=False)
]
BatchId = Annotated[
    str,
    typer.Argument(
        help="Batch: its id or ARN, or a project's name for its newest batch.",
        metavar="BATCH",
        autocompletion=completion.projects,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs; while watching, a document a line.")]
Watched = Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends; exit 0 only if it SUCCEEDED.")]
Interval = Annotated[
    float | None, typer.Option(min=0.1, help="Seconds between looks; never less than 5 on AWS.", show_default=False)
]


def new_token() -> str:
    """Return a token of this call: repeats that the SDK makes by itself start nothing twice."""
    return randomness.token_hex(16)


@app.command()
def start(
    project: Annotated[str, typer.Argument(help="Project to build.", autocompletion=completion.projects)],
    source_version: SourceVersion = None,
    plain: Plain = None,
    parameters: Parameters = None,
    secrets: Secrets = None,
    buildspec: Buildspec = None,
    image: Image = None,
    compute: Compute = None,
    environment_type: EnvironmentType = None,
    privileged: Privileged = None,
    timeout: Timeout = None,
    queued_timeout: QueuedTimeout = None,
    role: Role = None,
    settings: Settings = None,
    overrides: Overrides = None,
    watch: Watched = False,
    token: Token = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Start a batch, with any of StartBuildBatch's overrides. The buildspec's `batch` says what it consists of."""
    from buildgate_cli.builds import request  # noqa: PLC0415  # the SDK, only where it is used

    wishes = request.Wishes(
        source_version=source_version,
        plain=plain or (),
        parameters=parameters or (),
        secrets=secrets or (),
        buildspec=buildspec,
        image=image,
        compute=compute,
        environment_type=environment_type,
        privileged=privileged,
        timeout_minutes=timeout,
        queued_timeout_minutes=queued_timeout,
        role=role,
        settings=settings or (),
        file=overrides,
    )
    client = cloud_context.current().client("codebuild")
    shape = client.meta.service_model.operation_model("StartBuildBatch").input_shape
    asked = request.parameters_of(wishes, project, shape)
    key = token or str(asked.pop("idempotencyToken", "")) or new_token()
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
            one["id"],
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
    pace = looking.pace_for(cloud, interval)
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
