"""`buildgate metrics`: what builds took, cost and said, read from the table. Without a verb it is the summary."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from buildgate_cli import completion
from buildgate_cli.metric_questions import Builds, Period, Printed, Quarter, Scope, Whose, ask
from buildgate_cli.metric_tables import sparkline
from buildgate_cli.option_groups import with_groups
from buildgate_cli.output import note, print_json, print_table, say

__all__ = ["app", "sparkline"]


class SummaryByDefault(TyperGroup):
    """Reads `metrics PROJECT` as `metrics summary PROJECT`: the question that is asked most needs no verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb in front when the first word is none."""
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h", "--install-completion"}:
            args = ["summary", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=SummaryByDefault, help="Show what builds took and cost.", no_args_is_help=True)


Most = Annotated[
    int | None,
    typer.Option(
        "--most",
        min=1,
        max=50_000,
        help="Look at so many of the newest builds where they are looked at one by one; 5000 if left out.",
    ),
]


def _verb(view: str, text: str) -> None:
    """Add a verb that asks for one view of a project or a wider scope."""

    def verb(builds: Builds, period: Period, printed: Printed, most: Most = None) -> None:
        question = builds.question(period, most=most)
        answer = question.ask() if view == "summary" else question.ask(view)
        printed.show(answer, view)
        if printed.is_for_people:
            _note_left_out(answer)
            if builds.project is not None and view in {"summary", "report"}:
                _note_set_aside(builds.project)

    verb.__doc__ = text
    app.command(view)(with_groups(verb))


def _note_left_out(answer: Any) -> None:
    """Say below an answer that builds were left out of what is made of single builds."""
    if answer.get("is_cut"):
        note("more builds than were looked at one by one: the newest count, totals leave none out (--most N)")


def _note_set_aside(project: str) -> None:
    """Say below a project's figures how many of its builds are in none of them, to whom may know."""
    from buildgate_cli.api_client import ApiError  # noqa: PLC0415  # the API's client, only where it is called

    try:
        aside = ask("account", "quarantine", project=project)["quarantine"]
    except ApiError:
        return  # a role may read one project's figures and not the account's list
    if aside:
        note(f"{len(aside)} set aside, in no figure: buildgate metrics quarantine {project}")


_verb("summary", "Show builds, success, durations and cost. `metrics PROJECT` means this.")
_verb("trend", "Show how builds move: daily series with slopes, and when their duration changed.")
_verb("cost", "Show where the money goes, and what the month will come to.")
_verb("cache", "Show what caches save, per key.")
_verb("failures", "Show failures, grouped by what they say, with their class.")
_verb("recommend", "Show what to change: evidence, saving, command and the way back.")
_verb("report", "Show everything that is known: one document with --json.")


@app.command("builds")
@with_groups
def listed(
    builds: Builds,
    period: Period,
    printed: Printed,
    limit: Annotated[int, typer.Option("--limit", min=1, help="List so many at most.")] = 200,
) -> None:
    """List the builds of a window, newest first."""
    question = builds.question(period, limit=min(limit, 1000))
    answer = question.ask("builds")
    while answer.get("next") and len(answer["builds"]) < limit:
        more = ask(*question.whose.path, "builds", **question.query, next=answer["next"])
        answer = {**more, "builds": [*answer["builds"], *more["builds"]]}
    is_cut = bool(answer.get("next"))
    if len(answer.get("builds", ())) > limit:
        answer, is_cut = {**answer, "builds": answer["builds"][:limit]}, True
    printed.show(answer, "builds")
    if is_cut and printed.is_for_people:
        note(f"the newest {limit} builds; --limit lists more, `buildgate metrics export` writes all")


@app.command("tests")
@with_groups
def cases(
    builds: Builds,
    period: Period,
    printed: Printed,
    case: Annotated[str | None, typer.Option(help="All that is known of the test case of this name.")] = None,
) -> None:
    """Show test cases: flaky ones, whose they are, when they began to fail, the slowest and those that became slower."""
    question = builds.question(period, case=case)
    answer = question.ask("tests")
    while answer.get("next"):
        more = ask(*question.whose.path, "tests", **question.query, next=answer["next"])
        both = {name: [*answer["tests"][name], *more["tests"][name]] for name in ("states", "cases")}
        answer = {**more, "tests": {**more["tests"], **both}}
    printed.show(answer, "case" if case else "tests")


@app.command()
@with_groups
def posture(
    printed: Printed,
    project: Annotated[
        str | None, typer.Argument(help="CodeBuild project; all without one.", autocompletion=completion.projects)
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="All projects of this pipeline.", autocompletion=completion.pipelines)
    ] = None,
    team: Annotated[str | None, typer.Option(help="All projects of this team, by their tags.")] = None,
    cost_centre: Annotated[str | None, typer.Option(help="All projects of this cost centre, by their tags.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days of the score's history.")] = 30,
) -> None:
    """Show how safely projects are set up: checks with severity and fix, a score, and how it moved."""
    is_everybody = (project or pipeline or team or cost_centre) is None
    whose = Whose(project, pipeline, team, cost_centre, is_account=is_everybody)
    printed.show(ask(*whose.path, "posture", days=days), "posture")


@app.command()
@with_groups
def dora(
    period: Quarter,
    printed: Printed,
    pipeline: Annotated[
        str | None, typer.Argument(help="Pipeline; all without one.", autocompletion=completion.pipelines)
    ] = None,
    team: Annotated[str | None, typer.Option(help="Only pipelines with this tag `team`.")] = None,
    cost_centre: Annotated[str | None, typer.Option(help="Only pipelines with this tag `cost-centre`.")] = None,
    stage: Annotated[str | None, typer.Option(help="Releases are what this stage does.")] = None,
    compute: Annotated[str | None, typer.Option(help="Only releases built on this compute type.")] = None,
    is_long: Annotated[bool, typer.Option("--deployments", help="List the deployments behind the numbers.")] = False,
) -> None:
    """Show DORA's five metrics with their levels, the rule beside each number, and where the lead time went."""
    part = {"team": team, "cost_centre": cost_centre, "stage": stage, "compute": compute}
    answer = ask("dora", pipeline=pipeline, lead_time="parts", **part, **period.window)
    printed.show(answer, "deployments" if is_long else "dora")


@app.command()
@with_groups
def attribution(period: Period, printed: Printed) -> None:
    """Show what teams, cost centres and projects used, from tags."""
    printed.show(_account("attribution", period, "shares"), "attribution")


@app.command()
@with_groups
def compare(
    period: Period,
    printed: Printed,
    cost_centre: Annotated[str | None, typer.Option(help="Only builds of this cost centre.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only builds of this stage.")] = None,
    compute: Annotated[str | None, typer.Option(help="Only builds on this compute type.")] = None,
) -> None:
    """Show teams beside each other, as percentiles of the group."""
    part = {"cost_centre": cost_centre, "stage": stage, "compute": compute}
    printed.show(ask("account", "benchmarks", **part, **period.window), "compare")


@app.command()
def quarantine(
    project: Annotated[
        str | None, typer.Argument(help="CodeBuild project; all without one.", autocompletion=completion.projects)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """List builds that were set aside because their description cannot be true."""
    Printed(as_json=as_json).show(ask("account", "quarantine", project=project), "quarantine")


@app.command("self-cost")
@with_groups
def self_cost(period: Period, printed: Printed) -> None:
    """Show what Buildgate itself costs, line by line, modelled from what it did."""
    printed.show(ask("account", "self-cost", **period.window), "self-cost")


@app.command("list")
@with_groups
def list_projects(period: Period, printed: Printed) -> None:
    """List the projects whose builds were recorded, with their totals."""
    printed.show(ask("account", "overview", **period.window), "list")


def _account(view: str, period: Period, rows: str) -> dict[str, Any]:
    """Return a list of the account's, page after page."""
    answer = ask("account", view, **period.window)
    while answer.get("next"):
        more = ask("account", view, **period.window, next=answer["next"])
        answer = {**more, rows: [*answer[rows], *more[rows]]}
    return dict(answer)


_DIFFERENCES = 40


@app.command()
@with_groups
def verify(
    scope: Scope,
    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """Count the days of a project or a wider scope again from their builds, and name any difference (exit code 1)."""
    from buildgate_cli.history import verify_days  # noqa: PLC0415  # talks to the API

    found = verify_days(scope.whose, days)
    if as_json:
        print_json(found)
    else:
        rows = [[one["day"], one["counter"], one["stored"], one["recounted"]] for one in found["differences"]]
        if rows:
            columns = ["DAY", "COUNTER", "STORED", "RECOUNTED"]
            print_table(columns, rows[:_DIFFERENCES], empty="", right=columns[2:])
            days_wrong = len({one["day"] for one in found["differences"]})
            note(f"{len(rows)} counters of {days_wrong} days differ; --json lists all")
        else:
            until = " up to yesterday" if scope.whose.is_folded else ""
            say(f"{found['name']}: {found['builds']} builds in {found['days']} days{until}, totals are exact", "green")
    if found["differences"]:
        raise typer.Exit(1)


@app.command()
@with_groups
def backfill(
    projects: Annotated[
        list[str] | None, typer.Argument(help="CodeBuild projects.", autocompletion=completion.projects)
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="All projects of this pipeline.", autocompletion=completion.pipelines)
    ] = None,
    team: Annotated[str | None, typer.Option(help="All projects of this team, by their tags.")] = None,
    cost_centre: Annotated[str | None, typer.Option(help="All projects of this cost centre, by their tags.")] = None,
    account: Annotated[bool, typer.Option("--account", help="All projects whose builds are recorded.")] = False,
    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """Record builds from before the installation, a hundred at a time; interrupted, it goes on where it was."""
    from buildgate_cli.history import projects_of, recall_each  # noqa: PLC0415  # talks to the API

    named = projects or projects_of(Whose(None, pipeline, team, cost_centre, is_account=account))
    found = recall_each(named, days)
    if as_json:
        print_json({"projects": found})
        return
    rows = [[one["project"], one["looked_at"], one["counted"], one["known"], one["running"]] for one in found]
    columns = ["PROJECT", "LOOKED AT", "COUNTED NOW", "KNOWN BEFORE", "RUNNING"]
    print_table(columns, rows, empty="No project is of this scope.", right=columns[1:])
    for one in found:
        for failure in one["failures"]:
            note(failure)
    if any(one["failures"] for one in found):
        raise typer.Exit(1)


@app.command()
@with_groups
def export(
    builds: Builds,
    period: Period,
    output: Annotated[str, typer.Option("--output", "-o", help="File or s3://bucket/key; - is standard output.")] = "-",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Write so many of the newest at most; all if left out.")
    ] = None,
) -> None:
    """Write a window's builds as NDJSON, one JSON object a line, or as Parquet when the name ends so."""
    from buildgate_cli.metric_export import export_builds  # noqa: PLC0415  # talks to the API

    count = export_builds(builds.question(period), output, limit=limit)
    cut = " (as many as --limit says, the newest)" if count == limit else ""
    note(f"{count} builds written to {'standard output' if output == '-' else output}{cut}")
