"""`buildgate metrics`: what builds took, cost and said, read from the table. Without a verb it is the summary."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from buildgate_cli import completion
from buildgate_cli.metric_tables import sparkline
from buildgate_cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["app", "sparkline"]


class SummaryByDefault(TyperGroup):
    """Reads `metrics PROJECT` as `metrics summary PROJECT`: the question that is asked most needs no verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb in front when the first word is none."""
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h", "--install-completion"}:
            args = ["summary", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=SummaryByDefault, help="Show what builds took and cost.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="CodeBuild project.", autocompletion=completion.projects)]
Days = Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")]
From = Annotated[str | None, typer.Option("--from", help="Exact window instead: start, as a date or a time (UTC).")]
To = Annotated[
    str | None, typer.Option("--to", help="Its end, not included; a date includes that day. Now if left out.")
]
Branch = Annotated[str | None, typer.Option(help="Only builds of this branch or tag.")]
Compute = Annotated[str | None, typer.Option(help="Only builds on this compute type.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]


def _ask(*path: str, **query: str | int | None) -> Any:
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    return connect().get("metrics", *path, **query)


def _window(days: int, first: str | None, last: str | None) -> dict[str, str | int | None]:
    return {"from": first, "to": last} if first else {"days": days}


def _show(answer: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    if as_json:
        print_json(answer)
    else:
        show(answer)


def _print_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, fieldnames=list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([{name: _inert(row.get(name)) for name in columns} for row in rows])


def _inert(value: Any) -> Any:
    """Return a cell that a spreadsheet does not run as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


@app.command()
def summary(
    project: Project,
    days: Days = 30,
    first: From = None,
    last: To = None,
    branch: Branch = None,
    compute: Compute = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show builds, success, durations and cost of a project. `metrics PROJECT` means this."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    answer = _ask("projects", project, **_window(days, first, last), branch=branch, compute=compute)
    if as_csv:
        _print_csv(["day", "builds", "success_ratio", "p50_seconds", "p95_seconds", "cost_micro_usd"], answer["by_day"])
        return
    _show(answer, as_json, lambda found: metric_tables.summary(project, found, days))


def _view(name: str, table: str, text: str) -> None:
    """Add a verb that asks for one view of a project and shows it as a table."""

    def verb(
        project: Project,
        days: Days = 30,
        first: From = None,
        last: To = None,
        branch: Branch = None,
        compute: Compute = None,
        as_json: AsJson = False,
    ) -> None:
        from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

        answer = _ask("projects", project, name, **_window(days, first, last), branch=branch, compute=compute)
        _show(answer, as_json, getattr(metric_tables, table))

    verb.__doc__ = text
    app.command(name)(verb)


_view("trend", "trend", "Show how a project moves: daily series with slopes, and when its duration changed.")
_view("cost", "cost", "Show where a project's money goes, and what the month will come to.")
_view("cache", "cache", "Show what a project's cache saves, per key.")
_view("failures", "failures", "Show a project's failures, grouped by what they say, with their class.")
_view(
    "tests", "tests", "Show test cases: flaky ones, when they began to fail, the slowest and those that became slower."
)
_view("recommend", "advice", "Show what to change: evidence, saving, command and the way back.")
_view("builds", "builds", "List a project's builds of a window, newest first.")


@app.command()
def report(project: Project, days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False) -> None:
    """Show everything that is known of a project: one document with --json."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    answer = _ask("projects", project, "report", **_window(days, first, last))
    if as_json:
        print_json(answer)
        return
    metric_tables.summary(project, answer, days)
    for show in ("trend", "cost", "cache", "failures", "tests", "advice", "posture"):
        say("")
        getattr(metric_tables, show)(answer)


@app.command()
def posture(
    project: Annotated[
        str | None, typer.Argument(help="CodeBuild project; all without one.", autocompletion=completion.projects)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how safely projects are set up: checks with severity and fix, and a score."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    answer = _ask("projects", project, "posture") if project else _ask("account", "posture")
    _show(answer, as_json, metric_tables.posture)


@app.command()
def dora(
    pipeline: Annotated[
        str | None, typer.Argument(help="Pipeline; all without one.", autocompletion=completion.pipelines)
    ] = None,
    days: Days = 90,
    as_json: AsJson = False,
) -> None:
    """Show DORA's five metrics with their levels, and the rule beside each number."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    _show(_ask("dora", pipeline=pipeline, days=days), as_json, metric_tables.dora)


@app.command()
def attribution(
    days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show what teams, cost centres and projects used, from tags."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    answer = _ask("account", "attribution", **_window(days, first, last))
    if as_csv:
        rows = [{**one, **one["summary"]} for one in answer["shares"]]
        _print_csv(["kind", "name", "team", "cost_centre", "builds", "cost_micro_usd", "cost_unknown"], rows)
        return
    _show(answer, as_json, metric_tables.shares)


@app.command()
def compare(days: Days = 30, as_json: AsJson = False) -> None:
    """Show teams beside each other, as percentiles of the group."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    _show(_ask("account", "benchmarks", days=days), as_json, metric_tables.standings)


@app.command()
def quarantine(as_json: AsJson = False) -> None:
    """List builds that were set aside because their description cannot be true."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    _show(_ask("account", "quarantine"), as_json, metric_tables.quarantine)


@app.command("self-cost")
def self_cost(days: Days = 30, as_json: AsJson = False) -> None:
    """Show what Buildgate itself costs, line by line, modelled from what it did."""
    from buildgate_cli import metric_tables  # noqa: PLC0415  # tables are loaded when one is shown

    _show(_ask("account", "self-cost", days=days), as_json, metric_tables.self_cost)


@app.command("list")
def list_projects(days: Days = 30, as_json: AsJson = False) -> None:
    """List the projects whose builds were recorded, with their totals."""
    from buildgate_cli.human import dollars, duration, percent  # noqa: PLC0415  # as the tables

    answer = _ask("account", "overview", days=days)
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            name,
            found["builds"],
            percent(found["success_ratio"]),
            duration(found["p50_seconds"]),
            dollars(found["cost_micro_usd"]),
        ]
        for name, found in answer["projects"].items()
    ]
    columns = ["PROJECT", "BUILDS", "SUCCESS", "MEDIAN", "COST"]
    print_table(columns, rows, empty="no build was recorded", right=columns[1:])


@app.command()
def verify(project: Project, days: Days = 30, as_json: AsJson = False) -> None:
    """Count a project's days again from its builds, and name any difference (exit code 1)."""
    from buildgate_cli.history import verify_days  # noqa: PLC0415  # talks to the API

    found = verify_days(project, days)
    if as_json:
        print_json(found)
    else:
        rows = [[one["day"], one["counter"], one["stored"], one["recounted"]] for one in found["differences"]]
        if rows:
            print_table(["DAY", "COUNTER", "STORED", "RECOUNTED"], rows, empty="", right=["STORED", "RECOUNTED"])
        else:
            say(f"{project}: {found['builds']} builds in {found['days']} days, totals are exact", "green")
    if found["differences"]:
        raise typer.Exit(1)


@app.command()
def backfill(
    projects: Annotated[list[str], typer.Argument(help="CodeBuild projects.", autocompletion=completion.projects)],
    days: Days = 30,
    as_json: AsJson = False,
) -> None:
    """Record builds from before the installation, a hundred at a time; interrupted, it goes on where it was."""
    from buildgate_cli.history import recall  # noqa: PLC0415  # talks to the API

    found = [recall(project, days) for project in projects]
    if as_json:
        print_json({"projects": found})
        return
    rows = [[one["project"], one["looked_at"], one["counted"], one["known"], one["running"]] for one in found]
    columns = ["PROJECT", "LOOKED AT", "COUNTED NOW", "KNOWN BEFORE", "RUNNING"]
    print_table(columns, rows, empty="", right=columns[1:])
    for one in found:
        for failure in one["failures"]:
            note(failure)
    if any(one["failures"] for one in found):
        raise typer.Exit(1)


@app.command()
def export(
    project: Project,
    output: Annotated[str, typer.Option("--output", "-o", help="File or s3://bucket/key; - is standard output.")] = "-",
    days: Days = 30,
    first: From = None,
    last: To = None,
) -> None:
    """Write a window's builds as NDJSON: one JSON object a line."""
    from buildgate_cli.history import export_builds  # noqa: PLC0415  # talks to the API

    count = export_builds(project, output, _window(days, first, last))
    note(f"{count} builds written to {'standard output' if output == '-' else output}")
