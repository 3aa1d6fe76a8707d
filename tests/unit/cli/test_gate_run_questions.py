"""`buildgate gate explain | why-not | history` about runs that the cloud recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildgate.domain.gates import Evidence, Gate, gate_to_data, judge, parse
from buildgate.domain.measurements import Measured, Refusal
from cli_harness import Cli, OperatorApi

GATE = parse(
    {
        "name": "quality",
        "objectives": [
            {"measurement": "tests.failed", "pass": ["<= 0"], "key": True},
            {"measurement": "coverage.line_percent", "pass": [">= 80"]},
        ],
    }
)


def run(run_id: str, gate: Gate, values: dict[str, float], **more: Any) -> dict[str, Any]:
    seen = Evidence({name: Measured(value, "junit.xml") for name, value in values.items()}, **more)
    judged = {"name": gate.name, **judge(gate, seen).to_data()}
    stage = {"name": "test", "gates": [judged]}
    about = {"run_id": run_id, "pipeline": "shop", "version": "v1", "started_at": "2026-11-22T12:00:00.000Z"}
    return {"run": {**about, "stages": [{"name": "build", "gates": []}, stage]}}


def pipeline(gate: Gate) -> dict[str, Any]:
    stages = [{"name": "build"}, {"name": "test", "gates": [gate_to_data(gate)]}]
    return {"pipeline": {"name": "shop", "stages": stages}, "version": "v1"}


@pytest.fixture
def failed(api: OperatorApi) -> None:
    api.on("GET", "/v1/runs/r1", (200, run("r1", GATE, {"tests.failed": 2, "coverage.line_percent": 90})))
    api.on("GET", "/v1/pipelines/shop", (200, pipeline(GATE)))


@pytest.mark.usefixtures("failed")
def test_run_is_explained_with_the_reason_of_each_objective(cli: Cli) -> None:
    shown = cli("gate", "explain", "r1").stdout

    assert shown.startswith("stage test\nquality: FAIL")
    assert "tests.failed is 2, must be <= 0 (junit.xml) [key]" in shown


@pytest.mark.usefixtures("failed")
def test_run_is_explained_to_programs(cli: Cli) -> None:
    data = json.loads(cli("gate", "explain", "r1", "--json").stdout)

    assert [(v["stage"], v["gate"], v["status"]) for v in data["verdicts"]] == [("test", "quality", "fail")]


@pytest.mark.usefixtures("failed")
def test_why_not_of_a_run_names_the_change_that_would_have_passed(cli: Cli, api: OperatorApi) -> None:
    shown = cli("gate", "why-not", "r1").stdout

    assert "one change would take quality from fail to pass" in shown
    assert "tests.failed from 2 to 0 (<= 0)" in shown
    assert api.calls[-1].query == {"version": "v1"}


def test_why_not_knows_refused_missing_and_relative(cli: Cli, api: OperatorApi) -> None:
    gate = parse(
        {
            "name": "g",
            "on_missing": "inconclusive",
            "objectives": [
                {"measurement": "tests.flaky", "pass": ["<= 0"]},
                {"measurement": "tests.total", "pass": [">= -10 %"]},
            ],
        }
    )
    refused = (Refusal("cov.xml", "truncated", "it ends (early)"),)
    api.on("GET", "/v1/runs/r1", (200, run("r1", gate, {"tests.total": 5}, refused=refused)))
    api.on("GET", "/v1/pipelines/shop", (200, pipeline(gate)))

    answer = json.loads(cli("gate", "why-not", "r1", "--json").stdout)["answers"][0]

    assert answer["before"] == "error"
    assert [change["subject"] for change in answer["changes"]] == ["cov.xml", "tests.flaky"]


def test_run_without_verdicts_says_so(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs/r1", (200, {"run": {"run_id": "r1", "pipeline": "shop", "stages": []}}))

    result = cli("gate", "explain", "r1")

    assert result.exit_code == 1
    assert "No gate has judged run r1." in result.stderr


@pytest.mark.usefixtures("failed")
def test_gate_of_another_name_is_a_usage_error_that_lists_the_names(cli: Cli) -> None:
    result = cli("gate", "explain", "r1", "--name", "other")

    assert result.exit_code == 2
    assert "There are: quality." in result.stderr


def test_history_shows_the_trend_of_a_measurement_newest_first(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [{"run_id": "r2"}, {"run_id": "r1"}]}))
    api.on("GET", "/v1/runs/r1", (200, run("r1", GATE, {"tests.failed": 2, "coverage.line_percent": 71.5})))
    api.on("GET", "/v1/runs/r2", (200, run("r2", GATE, {"tests.failed": 0, "coverage.line_percent": 90})))

    lines = cli("gate", "history", "shop", "--measurement", "coverage.line_percent").stdout.splitlines()

    assert lines[0].split() == ["STARTED", "RUN", "STAGE", "GATE", "STATUS", "SCORE", "coverage.line_percent"]
    assert [line.split()[-1] for line in lines[1:]] == ["90", "71.5"]
    assert api.calls[0].query == {"pipeline": "shop", "limit": "20"}
