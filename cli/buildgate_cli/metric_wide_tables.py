"""Answers about releases, security, owners and Buildgate itself as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from buildgate_cli.human import dollars, duration, percent, safe
from buildgate_cli.metric_tables import Row, heading, sparkline
from buildgate_cli.output import console, note, print_facts, print_table, say, status_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def posture(answer: Mapping[str, Any]) -> None:
    for one in answer["posture"]:
        title = Text.assemble((safe(one["project"]), "bold"), f"  {one['score']} of 100  ", (safe(one["vpc"]), "dim"))
        console.print(title)
        _posture_history(one)
        rows = [[found["severity"], found["check"], found["found"], found["fix"]] for found in one["findings"]]
        print_table(["SEVERITY", "CHECK", "FOUND", "FIX"], rows, empty="every check passes")


def _posture_history(one: Row) -> None:
    scores = [day["score"] for day in one["history"]]
    if len(scores) > 1:
        first, last = one["history"][0], one["history"][-1]
        said = f"{first['score']} on {first['day']}, {last['score']} on {last['day']}"
        console.print(Text(f"score by day  {sparkline(scores)}  {said}", style="cyan"))
    if not one["role_looked_at"]:
        note(f"{one['service_role'] or 'the service role'} was not looked at yet: once a day")


def dora(answer: Mapping[str, Any]) -> None:
    found = answer["dora"]
    heading(answer.get("pipeline") or "all pipelines", answer)
    say(f"{found['deployments']} deployments in {found['days']} days  {sparkline(list(found['daily'].values()))}")
    rows = [[one["name"].replace("_", " "), _measured(one), one["level"], one["rule"]] for one in found["measures"]]
    print_table(["METRIC", "VALUE", "LEVEL", "RULE"], rows, empty="", folds_last=True)
    fall = answer.get("lead_time") or {"runs": 0}
    if fall["runs"]:
        say(f"mean lead time of the newest {fall['runs']} good deployments: {duration(fall['seconds'])}")
        parts = [[_KINDS[one["kind"]], duration(one["seconds"]), percent(one["share"])] for one in fall["stretches"]]
        print_table(["PART", "MEAN", "SHARE"], parts, empty="", right=["MEAN", "SHARE"])
    for remark in [f"deployment: {found['rule']}", *answer["notes"]]:
        note(remark)


_KINDS: Final = {
    "commit": "from commit to push",
    "wait": "start of the run",
    "approval": "approvals",
    "queue": "queue",
    "provision": "provisioning",
    "phase": "build phases",
    "gate": "gates",
    "other": "between these",
}


def deployments(answer: Mapping[str, Any]) -> None:
    """Print the deployments behind the numbers, newest first."""
    rows = [
        [
            one["run_id"],
            one["pipeline"],
            status_text("FAIL" if one["is_failed"] else "PASS"),
            "rework" if one["is_rework"] else "-",
            one["ended_at"][:16],
            one["commit"][:9],
            duration(one["lead_hours"] * 3600),
        ]
        for one in answer["dora"]["releases"]
    ]
    columns = ["RUN", "PIPELINE", "HELD", "WHY", "ENDED", "COMMIT", "LEAD TIME"]
    print_table(columns, rows, empty="no deployment in this window", right=["LEAD TIME"])


def _measured(one: Row) -> str:
    if one["value"] is None:
        return "-"
    if one["unit"] == "ratio":
        return percent(one["value"])
    return duration(one["value"] * 3600) if one["unit"] == "hours" else f"{one['value']:g} {one['unit']}"


def shares(answer: Mapping[str, Any]) -> None:
    heading("attribution", answer)
    rows = [
        [
            one["kind"].replace("_", " "),
            one["name"],
            one["team"] or "-",
            one["cost_centre"] or "-",
            one["summary"]["builds"],
            dollars(one["summary"]["cost_micro_usd"]),
        ]
        for one in answer["shares"]
    ]
    columns = ["KIND", "NAME", "TEAM", "COST CENTRE", "BUILDS", "COST"]
    print_table(columns, rows, empty="nothing was built", right=["BUILDS", "COST"])


def standings(answer: Mapping[str, Any]) -> None:
    heading("teams beside each other", answer)
    rows = [
        [
            one["team"],
            one["measure"],
            "-" if one["value"] is None else f"{one['value']:.4g}",
            "-" if one["percentile"] is None else one["percentile"],
        ]
        for one in answer["standings"]
    ]
    print_table(["TEAM", "MEASURE", "VALUE", "PERCENTILE"], rows, empty=answer["explanation"], right=["PERCENTILE"])


def self_cost(answer: Mapping[str, Any]) -> None:
    found = answer["self_cost"]
    heading("the control plane's own bill", answer)
    rows = [[one["name"], f"{one['units']:,.0f}", one["how"], dollars(one["micro_usd"])] for one in found["lines"]]
    print_table(["LINE", "UNITS", "COUNTED AS", "COST"], rows, empty="", right=["UNITS", "COST"])
    print_facts(
        [
            ("total", f"{dollars(found['micro_usd'])} in {found['days']} days"),
            ("of the builds' cost", percent(found["share_of_builds"])),
            ("prices of", found["as_of"]),
        ]
    )
    note(found["explanation"])


def projects(answer: Mapping[str, Any]) -> None:
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


def quarantine(answer: Mapping[str, Any]) -> None:
    rows = [[one["build_id"], one["at"][:16], safe(one["reason"])] for one in answer["quarantine"]]
    print_table(["BUILD", "SEEN", "WHY IT CANNOT BE TRUE"], rows, empty="nothing was set aside")
