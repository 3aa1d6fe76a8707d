"""`buildgate metrics`: what builds took, cost and said, read from the table. Without a verb it is the summary."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from buildgate_cli import completion
from buildgate_cli.metric_questions import (
    Account,
    AsCsv,
    AsJson,
    Branch,
    Compute,
    CostCentre,
    Days,
    From,
    Pipeline,
    Project,
    Query,
    Question,
    Stage,
    Team,
    To,
    Whose,
    ask,
    window,
)
from buildgate_cli.metric_tables import sparkline
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


def _show(answer: Any, view: str, *, as_json: bool, as_csv: bool = False) -> None:
    """Print an answer as it was asked for."""
    if as_json:
        print_json(answer)
    elif as_csv:
        from buildgate_cli.metric_rows import write_view  # noqa: PLC0415  # loaded when rows are asked for

        write_view(view, answer)
    else:
        from buildgate_cli.metric_shown import show  # noqa: PLC0415  # tables are loaded when one is shown

        show(view, answer)


def _verb(view: str, text: str) -> None:
    """Add a verb that asks for one view of a project or a wider scope."""

    def verb(
        project: Project = None,
        pipeline: Pipeline = None,
        team: Team = None,
        cost_centre: CostCentre = None,
        account: Account = False,
        stage: Stage = None,
        branch: Branch = None,
        compute: Compute = None,
        days: Days = 30,
        first: From = None,
        last: To = None,
        as_json: AsJson = False,
        as_csv: AsCsv = False,
    ) -> None:
        whose = Whose(project, pipeline, team, cost_centre, is_account=account)
        question = Question(whose, days, first, last, {"stage": stage, "branch": branch, "compute": compute})
        answer = question.ask() if view == "summary" else question.ask(view)
        _show(answer, view, as_json=as_json, as_csv=as_csv)
        if project is not None and view in {"summary", "report"} and not (as_json or as_csv):
            _note_set_aside(project)

    verb.__doc__ = text
    app.command(view)(verb)


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
_verb("builds", "List the builds of a window, newest first.")
_verb("report", "Show everything that is known: one document with --json.")


@app.command("tests")
def cases(
    project: Project = None,
    case: Annotated[str | None, typer.Option(help="All that is known of the test case of this name.")] = None,
    pipeline: Pipeline = None,
    team: Team = None,
    cost_centre: CostCentre = None,
    account: Account = False,
    stage: Stage = None,
    branch: Branch = None,
    compute: Compute = None,
    days: Days = 30,
    first: From = None,
    last: To = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show test cases: flaky ones, whose they are, when they began to fail, the slowest and those that became slower."""
    whose = Whose(project, pipeline, team, cost_centre, is_account=account)
    part: Query = {"case": case, "stage": stage, "branch": branch, "compute": compute}
    answer = Question(whose, days, first, last, part).ask("tests")
    _show(answer, "case" if case else "tests", as_json=as_json, as_csv=as_csv)


@app.command()
def posture(
    project: Annotated[
        str | None, typer.Argument(help="CodeBuild project; all without one.", autocompletion=completion.projects)
    ] = None,
    pipeline: Pipeline = None,
    team: Team = None,
    cost_centre: CostCentre = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days of the score's history.")] = 30,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show how safely projects are set up: checks with severity and fix, a score, and how it moved."""
    is_everybody = (project or pipeline or team or cost_centre) is None
    whose = Whose(project, pipeline, team, cost_centre, is_account=is_everybody)
    _show(Question(whose, days).ask("posture"), "posture", as_json=as_json, as_csv=as_csv)


@app.command()
def dora(
    pipeline: Annotated[
        str | None, typer.Argument(help="Pipeline; all without one.", autocompletion=completion.pipelines)
    ] = None,
    team: Annotated[str | None, typer.Option(help="Only pipelines with this tag `team`.")] = None,
    days: Days = 90,
    first: From = None,
    last: To = None,
    is_long: Annotated[bool, typer.Option("--deployments", help="List the deployments behind the numbers.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show DORA's five metrics with their levels, the rule beside each number, and where the lead time went."""
    answer = ask("dora", pipeline=pipeline, team=team, lead_time="parts", **window(days, first, last))
    _show(answer, "deployments" if is_long else "dora", as_json=as_json, as_csv=as_csv)


@app.command()
def attribution(
    days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show what teams, cost centres and projects used, from tags."""
    answer = ask("account", "attribution", **window(days, first, last))
    _show(answer, "attribution", as_json=as_json, as_csv=as_csv)


@app.command()
def compare(
    days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show teams beside each other, as percentiles of the group."""
    answer = ask("account", "benchmarks", **window(days, first, last))
    _show(answer, "compare", as_json=as_json, as_csv=as_csv)


@app.command()
def quarantine(
    project: Annotated[
        str | None, typer.Argument(help="CodeBuild project; all without one.", autocompletion=completion.projects)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List builds that were set aside because their description cannot be true."""
    _show(ask("account", "quarantine", project=project), "quarantine", as_json=as_json)


@app.command("self-cost")
def self_cost(
    days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show what Buildgate itself costs, line by line, modelled from what it did."""
    answer = ask("account", "self-cost", **window(days, first, last))
    _show(answer, "self-cost", as_json=as_json, as_csv=as_csv)


@app.command("list")
def list_projects(
    days: Days = 30, first: From = None, last: To = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """List the projects whose builds were recorded, with their totals."""
    answer = ask("account", "overview", **window(days, first, last))
    _show(answer, "list", as_json=as_json, as_csv=as_csv)


@app.command()
def verify(
    project: Annotated[str, typer.Argument(help="CodeBuild project.", autocompletion=completion.projects)],
    days: Days = 30,
    as_json: AsJson = False,
) -> None:
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
    project: Project = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File or s3://bucket/key; - is standard output.")] = "-",
    pipeline: Pipeline = None,
    team: Team = None,
    cost_centre: CostCentre = None,
    account: Account = False,
    stage: Stage = None,
    branch: Branch = None,
    compute: Compute = None,
    days: Days = 30,
    first: From = None,
    last: To = None,
) -> None:
    """Write a window's builds as NDJSON, one JSON object a line, or as Parquet when the name ends so."""
    from buildgate_cli.metric_export import export_builds  # noqa: PLC0415  # talks to the API

    whose = Whose(project, pipeline, team, cost_centre, is_account=account)
    question = Question(whose, days, first, last, {"stage": stage, "branch": branch, "compute": compute})
    count = export_builds(question, output)
    note(f"{count} builds written to {'standard output' if output == '-' else output}")
