"""`buildgate metrics PROJECT`: what a project's builds did over whole UTC days, read from the table's totals."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import completion
from buildgate_cli.human import dollars, duration, percent
from buildgate_cli.output import console, print_facts, print_json, print_table

app = typer.Typer(help="Show what builds took and cost.")

_BARS: Final = " ▁▂▃▄▅▆▇█"
Project = Annotated[str, typer.Argument(help="CodeBuild project.", autocompletion=completion.projects)]


@app.command()
def metrics(
    project: Project,
    days: Annotated[int, typer.Option(min=1, max=366, help="Whole UTC days, today included.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for programs.")] = False,
) -> None:
    """Show builds, success, durations and cost of a project."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # the SDK's signer, only where the API is called

    answer = connect().get("metrics", "projects", project, days=days)
    if as_json:
        print_json(answer)
        return
    summary = answer.get("summary", answer)
    console.print(Text.assemble((project, "bold"), (f"  last {summary.get('days', days)} days (UTC)", "dim")))
    if not summary.get("builds"):
        console.print(Text("no finished build in this window", style="dim"))
        return
    print_facts(_facts(summary))
    _print_days(answer.get("by_day") or [])


def _facts(summary: dict[str, Any]) -> list[tuple[str, object]]:
    counts = ", ".join(f"{count} {status.lower()}" for status, count in summary.get("by_status", {}).items() if count)
    unknown = summary.get("cost_unknown")
    priced = dollars(summary.get("cost_micro_usd"))
    return [
        ("builds", f"{summary['builds']} ({counts})" if counts else summary["builds"]),
        ("success", percent(summary.get("success_ratio"))),
        ("duration", _percentiles(summary)),
        ("queued", f"p95 {duration(summary.get('queue_p95_seconds'))}"),
        ("cost", f"{priced} ({unknown} builds have no known price)" if unknown else priced),
        ("cost per build", dollars(summary.get("cost_per_build_micro_usd"))),
        ("score", summary.get("score_v1")),
    ]


def _percentiles(summary: dict[str, Any]) -> str:
    names = ("mean", "p50", "p90", "p95", "p99")
    return "  ".join(f"{name} {duration(summary.get(f'{name}_seconds'))}" for name in names)


def _print_days(rows: list[dict[str, Any]]) -> None:
    used = [row for row in rows if row.get("builds")]
    if not used:
        return
    console.print(Text(f"builds a day  {sparkline([row.get('builds', 0) for row in rows])}", style="cyan"))
    cells = [
        [
            row.get("day", "-"),
            row["builds"],
            percent(row.get("success_ratio")),
            duration(row.get("p50_seconds")),
            dollars(row.get("cost_micro_usd")),
        ]
        for row in used
    ]
    columns = ["DAY", "BUILDS", "SUCCESS", "MEDIAN", "COST"]
    print_table(columns, cells, empty="", right=columns[1:])


def sparkline(values: list[float]) -> str:
    """Return one bar a value, the tallest for the greatest; an empty day is blank."""
    top = max(values, default=0)
    if not top:
        return ""
    steps = len(_BARS) - 1
    return "".join(_BARS[0 if value <= 0 else max(1, round(value / top * steps))] for value in values)
