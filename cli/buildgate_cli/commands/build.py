"""`buildgate build`: start builds, watch many at once, read logs, stop, retry, compare."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from buildgate_cli import cloud_context, completion
from buildgate_cli.commands import build_batch
from buildgate_cli.commands.build_options import Interval, Json, Overrides, Token, Watched, new_token, with_overrides
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import ago, dollars, duration
from buildgate_cli.output import console, note, print_facts, print_json, print_table, say, status_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate_cli.builds.watch import Row

app = typer.Typer(help="Start builds, watch many at once, read logs, stop, retry, compare.", no_args_is_help=True)
app.add_typer(build_batch.app, name="batch")

PHASES: Final = ("DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS")
_ID_HELP: Final = "Build: its id or ARN, project#number, or a project's name for its newest build."
Project = Annotated[str, typer.Argument(help="Project to build.", autocompletion=completion.projects)]
BuildId = Annotated[str, typer.Argument(help=_ID_HELP, metavar="BUILD", autocompletion=completion.builds)]


@app.command()
@with_overrides
def start(
    project: Project,
    overrides: Overrides,
    environments: Annotated[
        str | None,
        typer.Option(help="Comma-separated: a build for each, all at once, told by ENVIRONMENT.", show_default=False),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop the other environments when one fails.")] = False,
    no_watch: Annotated[
        bool, typer.Option("--no-watch", help="With --environments: return once all are started.")
    ] = False,
    watch: Watched = False,
    token: Token = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Start a build, or one per environment, with any of StartBuild's overrides.

    Repeating a start with the same --token within five minutes starts nothing new.
    """
    from buildgate_cli.builds import request  # noqa: PLC0415  # the SDK, only where it is used
    from buildgate_cli.builds import start as starting  # noqa: PLC0415

    cloud = cloud_context.current()
    asked, key = overrides.request(cloud, project, "StartBuild", token)
    client = cloud.client("codebuild")
    if environments is None:
        rows = [starting.start_one(client, asked, key)]
    else:
        timestamp = datetime.now(UTC).isoformat(timespec="seconds")
        names = request.environments_of(environments)
        rows = starting.start_environments(client, asked, names, timestamp=timestamp, token=key)
    if watch or (environments is not None and not no_watch):
        raise typer.Exit(_watch(rows, interval=interval, as_json=as_json, is_fail_fast=fail_fast))
    raise typer.Exit(_print_started(rows, as_json=as_json))


@app.command("list")
def list_builds(
    project: Annotated[
        str | None, typer.Argument(help="Of this project only.", autocompletion=completion.projects)
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Only those that ended (or are) so, e.g. FAILED.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many to look at.")] = 20,
    as_json: Json = False,
) -> None:
    """List builds, newest first."""
    from buildgate_cli.builds import facts, ids  # noqa: PLC0415

    wanted = None if status is None else facts.status_named(status)
    client = cloud_context.current().client("codebuild")
    found, remarks = facts.readable(ids.described(client, list(ids.newest_ids(client, project, limit))))
    for remark in remarks:
        note(f"left out: {remark}")
    shown = [one for one in found if wanted in {None, one.status.value}]
    now = datetime.now(UTC)
    if as_json:
        print_json({"builds": [facts.to_data(one, now) for one in shown]})
        return
    rows = [
        [
            ids.shown(one.build_id),
            f"#{one.number}" if one.number is not None else "-",
            status_text(one.status.value),
            one.commit[:8] or one.source_version or "-",
            ago(one.started_at.isoformat(), now),
            duration(facts.seconds(one, now)),
            dollars(facts.cost_micro_usd(one, now)),
            facts.first_line(facts.why(one)),
        ]
        for one in shown
    ]
    columns = ["BUILD", "NO", "STATUS", "SOURCE", "STARTED", "TOOK", "COST", "WHY"]
    none = "No build. Start one with `buildgate build start PROJECT`."
    empty = f"None of the newest {len(found)} builds is {wanted}." if found else none
    print_table(columns, rows, empty=empty, right=("TOOK", "COST"))


@app.command()
def show(
    build_id: BuildId,
    raw: Annotated[bool, typer.Option("--raw", help="Print what AWS says, secrets masked, as JSON.")] = False,
    as_json: Json = False,
) -> None:
    """Show a build: what it built, its phases as a waterfall, what it exported and cost."""
    from buildgate_cli.builds import facts, ids  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    data = ids.one(client, ids.resolve(client, build_id))
    now = datetime.now(UTC)
    if raw:
        print_json(facts.without_secrets(data))
        return
    build = facts.read(data)
    if as_json:
        print_json(facts.to_data(build, now))
        return
    variables = ", ".join(name if kind == "PLAINTEXT" else f"{name} ({kind})" for name, kind in build.variables)
    print_facts(
        [
            ("build", build.build_id),
            ("number", build.number),
            ("status", status_text(build.status.value)),
            ("why", facts.reason(build) or None),
            ("source", facts.source(build)),
            ("started", f"{ago(build.started_at.isoformat(), now)} by {build.initiator or '-'}"),
            ("machine", f"{build.environment_type} {build.compute_type}, {build.image}"),
            ("took", duration(facts.seconds(build, now))),
            ("cost", dollars(facts.cost_micro_usd(build, now))),
            ("variables", variables or None),
            ("exported", ", ".join(f"{name}={value}" for name, value in build.exported) or None),
            ("artifacts", facts.artifacts(data) or None),
            ("reports", ", ".join(arn.rsplit("/", 1)[-1] for arn in build.report_arns) or None),
            ("retry of", build.retry_of or None),
            ("batch", build.batch or None),
        ]
    )
    console.print()
    print_table(
        ["PHASE", "STATUS", "TOOK", "WHEN"], facts.waterfall(build, now), empty="No phase yet.", right=("TOOK",)
    )


@app.command()
def watch(
    build_ids: Annotated[list[str], typer.Argument(help=_ID_HELP, metavar="BUILD")],
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop the others when one fails.")] = False,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Watch builds until the last has ended. Ends with 0 only if all SUCCEEDED."""
    from buildgate_cli.builds import ids  # noqa: PLC0415
    from buildgate_cli.builds.watch import Row  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    found = list(dict.fromkeys(ids.resolve(client, one) for one in build_ids))
    rows = [Row(one, one) for one in found]
    raise typer.Exit(_watch(rows, interval=interval, as_json=as_json, is_fail_fast=fail_fast))


@app.command()
def logs(
    build_id: BuildId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the build has ended.")] = False,
    phase: Annotated[str | None, typer.Option(help="Of this phase only, e.g. BUILD.", show_default=False)] = None,
    interval: Interval = None,
) -> None:
    """Print a build's log. With --follow no line is lost, and it ends with 0 only if the build SUCCEEDED."""
    from buildgate_cli.builds import ids, looking  # noqa: PLC0415
    from buildgate_cli.builds import logs as reading  # noqa: PLC0415

    if phase is not None and phase.upper() not in PHASES:
        raise UserError(f"{phase} is no phase with a log.", f"Name one of {', '.join(PHASES)}.")
    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    found = ids.resolve(client, build_id)
    stream = reading.Stream(cloud.client("logs"), *reading.place_of(ids.one(client, found)))
    pace = looking.pace_for(cloud, interval)
    if follow:
        lines = reading.Follower(stream, pace, lambda: ids.one(client, found)).follow()
    else:
        lines = (line for page in stream.more() for line in page)
    _print_lines(reading.of_phase(lines, phase.upper()) if phase else lines)
    if follow:
        status = ids.one(client, found)["buildStatus"]
        raise typer.Exit(ExitCode.OK if status == "SUCCEEDED" else ExitCode.REFUSED)


@app.command()
def stop(
    build_ids: Annotated[list[str] | None, typer.Argument(help=_ID_HELP, metavar="BUILD")] = None,
    run: Annotated[
        str | None, typer.Option(help="Stop this run, with every build of it.", autocompletion=completion.runs)
    ] = None,
    as_json: Json = False,
) -> None:
    """Stop builds, or a whole run. Stopping what has ended changes nothing."""
    if bool(build_ids) == bool(run):
        raise UserError("Name builds to stop, or a run with --run.", "buildgate build stop BUILD...")
    client = cloud_context.current().client("codebuild")
    from buildgate_cli.builds import ids, stopping  # noqa: PLC0415

    if run:
        answers = stopping.stop_run(client, run)
    else:
        found = dict.fromkeys(ids.resolve(client, one) for one in build_ids or ())
        answers = [stopping.stop_build(client, one) for one in found]
    if as_json:
        print_json({"builds": answers})
        return
    for answer in answers:
        say(f"{answer['build_id']}: {answer['outcome']}", "yellow")


@app.command()
def retry(
    build_id: BuildId,
    watch: Watched = False,
    token: Token = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Start a build again as it was asked for, overrides included."""
    from buildgate_cli.builds import facts, ids  # noqa: PLC0415
    from buildgate_cli.builds.watch import Row  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    found = ids.resolve(client, build_id)
    data = client.retry_build(id=found, idempotencyToken=token or new_token())["build"]
    rows = [Row(data["projectName"], data["id"], facts.read(data))]
    if watch:
        raise typer.Exit(_watch(rows, interval=interval, as_json=as_json))
    raise typer.Exit(_print_started(rows, as_json=as_json))


@app.command()
def compare(
    first: BuildId,
    second: BuildId,
    all_rows: Annotated[bool, typer.Option("--all", help="Show what is the same, and the least of time, too.")] = False,
    as_json: Json = False,
) -> None:
    """Compare two builds: source, machine, variables, phases, cost. Ends with 0 whatever it finds."""
    from buildgate_cli.builds import compare as comparing  # noqa: PLC0415
    from buildgate_cli.builds import facts, ids  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    found = [ids.one(client, ids.resolve(client, text)) for text in (first, second)]
    one, two = (facts.read(data) for data in found)
    rows = comparing.compare(one, two, datetime.now(UTC), (facts.variables(found[0]), facts.variables(found[1])))
    if as_json:
        print_json({"first": one.build_id, "second": two.build_id, "differences": rows})
        return
    names = [f"{each.project}#{each.number}" if each.number else each.build_id for each in (one, two)]
    columns = ["", "WHAT", *names, "CHANGE"]
    print_table(columns, comparing.cells(rows, only_different=not all_rows), empty="The builds do not differ.")


def _watch(rows: list[Row], *, interval: float | None, as_json: bool, is_fail_fast: bool = False) -> int:
    from buildgate_cli.builds import looking, stopping  # noqa: PLC0415
    from buildgate_cli.builds.watch import Watch, finish  # noqa: PLC0415

    cloud = cloud_context.current()
    looker = looking.Looker(looking.patient_client(cloud), looking.pace_for(cloud, interval, relaxes=True))
    client = cloud.client("codebuild")

    def stop_one(build_id: str) -> None:
        stopping.stop_build(client, build_id)

    watching = Watch(looker, rows, as_json=as_json, is_fail_fast=is_fail_fast, stop=stop_one)
    try:
        watching.until_over()
    except KeyboardInterrupt:
        still = [row.build_id for row in rows if row.build_id and not row.is_over]
        note(f"The builds go on. Stop them with `buildgate build stop {' '.join(still)}`.")
        raise
    return finish(watching)


def _print_started(rows: Sequence[Row], *, as_json: bool) -> int:
    now = datetime.now(UTC)
    if as_json:
        print_json({"builds": [row.to_data(now) for row in rows]})
    else:
        for row in rows:
            say(f"{row.label}: started {row.build_id}" if row.build_id else f"{row.label}: {row.why}")
    return ExitCode.OK if all(row.build_id for row in rows) else ExitCode.REFUSED


def _print_lines(lines: Any) -> None:
    from buildgate_cli.builds.lines import printable  # noqa: PLC0415

    for line in lines:
        typer.echo(printable(line) if console.is_terminal else line)
