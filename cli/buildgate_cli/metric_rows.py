"""Answers about metrics as rows for spreadsheets: one flat row a thing, the same names as in the JSON."""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = dict[str, Any]
Answer = dict[str, Any]


def write(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV to standard output, the columns named in the first line."""
    writer = csv.DictWriter(sys.stdout, fieldnames=list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([{name: _inert(row.get(name)) for name in columns} for row in rows])


def _inert(value: Any) -> Any:
    """Return a cell that a spreadsheet does not run as a formula."""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def write_view(view: str, answer: Answer) -> None:
    """Write an answer's rows."""
    columns, rows = VIEWS[view]
    write(columns, rows(answer))


def _trend(answer: Answer) -> list[Row]:
    longest = max((len(one["values"]) for one in answer["trends"]), default=0)
    first = date.fromisoformat(answer["window"]["from"][:10])
    return [
        {"day": (first + timedelta(days=index)).isoformat()}
        | {one["name"]: one["values"][index] for one in answer["trends"]}
        for index in range(longest)
    ]


def _cost(answer: Answer) -> list[Row]:
    found = answer["cost"]
    rows = [{"by": "total", "name": "", "cost_micro_usd": found["total_micro_usd"]}]
    for by in ("phase", "status", "branch", "compute"):
        rows += [{"by": by, "name": name, "cost_micro_usd": cost} for name, cost in found[f"by_{by}"].items()]
    return rows


def _posture(answer: Answer) -> list[Row]:
    return [
        {"project": one["project"], "score": one["score"], **finding}
        for one in answer["posture"]
        for finding in one["findings"] or [{}]
    ]


def _shares(answer: Answer) -> list[Row]:
    return [{**one, **one["summary"]} for one in answer["shares"]]


def _overview(answer: Answer) -> list[Row]:
    return [{"project": name, **found} for name, found in answer["projects"].items()]


_SERIES: Final = (
    "builds",
    "p50_seconds",
    "p95_seconds",
    "queue_p95_seconds",
    "success_ratio",
    "cost_usd",
    "cache_hit_ratio",
)
_DAY: Final = ("builds", "success_ratio", "mean_seconds", "p50_seconds", "p90_seconds", "p95_seconds", "p99_seconds")
_MONEY: Final = ("cost_micro_usd", "cost_unknown")
VIEWS: Final[Mapping[str, tuple[Sequence[str], Callable[[Answer], list[Row]]]]] = {
    "summary": (
        ("day", *_DAY, "queue_p50_seconds", "queue_p95_seconds", *_MONEY, "cache_hit_ratio"),
        lambda answer: answer["by_day"],
    ),
    "trend": (("day", *_SERIES), _trend),
    "cost": (("by", "name", "cost_micro_usd"), _cost),
    "cache": (
        ("key", "hits", "partials", "misses", "saved_seconds_per_hit", "saved_seconds", "saved_micro_usd", "verdict"),
        lambda answer: answer["cache"]["keys"],
    ),
    "failures": (
        ("fingerprint", "phase", "kind", "count", "first_seen", "last_seen", "cost_micro_usd", "message"),
        lambda answer: answer["failures"],
    ),
    "tests": (
        (
            "name",
            "project",
            "status",
            "since",
            "flaky_by",
            "flaky",
            "first_flaky_at",
            "failures",
            "first_failed_at",
            "owner",
            "cost_micro_usd",
        ),
        lambda answer: answer["tests"]["states"],
    ),
    "case": (("at", "status", "seconds", "commit", "build_id", "message"), lambda answer: answer["tests"]["runs"]),
    "recommend": (
        ("project", "name", "title", "evidence", "saving_seconds", "saving_micro_usd", "confidence", "apply", "undo"),
        lambda answer: answer["recommendations"],
    ),
    "builds": (
        (
            "build_id",
            "status",
            "started_at",
            "finished_at",
            "duration_seconds",
            "cost_micro_usd",
            "branch",
            "commit",
            "pipeline",
            "stage",
            "compute_type",
        ),
        lambda answer: answer["builds"],
    ),
    "posture": (("project", "score", "severity", "check", "found", "fix"), _posture),
    "dora": (("name", "value", "unit", "level", "rule"), lambda answer: answer["dora"]["measures"]),
    "deployments": (
        (
            "run_id",
            "pipeline",
            "commit",
            "committed_at",
            "opened_at",
            "ended_at",
            "lead_hours",
            "is_failed",
            "is_rework",
        ),
        lambda answer: answer["dora"]["releases"],
    ),
    "attribution": (("kind", "name", "team", "cost_centre", "builds", *_MONEY), _shares),
    "compare": (("team", "measure", "value", "percentile"), lambda answer: answer["standings"]),
    "list": (("project", *_DAY, *_MONEY), _overview),
    "self-cost": (("name", "units", "how", "micro_usd"), lambda answer: answer["self_cost"]["lines"]),
}
