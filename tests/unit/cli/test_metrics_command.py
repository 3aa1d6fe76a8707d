import json
from typing import Any

from buildgate_cli.commands.metrics import sparkline
from cli_harness import Cli, OperatorApi

SUMMARY: dict[str, Any] = {
    "days": 7,
    "builds": 4,
    "by_status": {"SUCCEEDED": 3, "FAILED": 1, "STOPPED": 0},
    "success_ratio": 0.75,
    "mean_seconds": 61.0,
    "p50_seconds": 60.0,
    "p90_seconds": 90.0,
    "p95_seconds": 95.0,
    "p99_seconds": None,
    "queue_p95_seconds": 2.5,
    "cost_micro_usd": 20_000,
    "cost_unknown": 1,
    "cost_per_build_micro_usd": 6_667,
    "score_v1": 81,
}
DAYS = [
    {"day": "2026-11-21", "builds": 0},
    {"day": "2026-11-22", "builds": 4, "success_ratio": 0.75, "p50_seconds": 60},
]


def test_a_projects_totals_are_shown_in_figures_people_read(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/shop-unit", (200, {"project": "shop-unit", "summary": SUMMARY, "by_day": DAYS}))
    api.on("GET", "/v1/metrics/account/quarantine", (200, {"quarantine": [], "next": None}))

    shown = cli("metrics", "shop-unit", "--days", "7").stdout

    assert api.calls[0].query == {"days": "7"}
    assert "4 (3 succeeded, 1 failed)" in shown
    assert "75.0%" in shown
    assert "mean 1m 01s  p50 1m 00s  p90 1m 30s  p95 1m 35s  p99 -" in shown
    assert "$0.0200 (1 builds have no known price)" in shown
    assert "2026-11-22       4    75.0%" in shown


def test_a_project_without_builds_says_so(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/idle", (200, {"summary": {**SUMMARY, "builds": 0}}))
    api.on("GET", "/v1/metrics/account/quarantine", (200, {"quarantine": [], "next": None}))

    assert "no finished build in this window" in cli("metrics", "idle").stdout


def test_metrics_for_programs_are_the_answer_itself(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/shop-unit", (200, {"summary": SUMMARY}))

    assert json.loads(cli("metrics", "shop-unit", "--json").stdout) == {"summary": SUMMARY}


def test_days_out_of_range_are_a_usage_error(cli: Cli) -> None:
    assert cli("metrics", "shop-unit", "--days", "0").exit_code == 2


def test_a_bar_for_each_value_and_a_blank_for_none() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0, 0]) == ""
