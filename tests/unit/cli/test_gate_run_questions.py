"""`buildgate gate explain | why-not | history` about runs that the cloud recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from buildgate.domain.gates import Evidence, Gate, Pin, gate_to_data, judge, parse
from buildgate.domain.gates.record import Judgement
from buildgate.domain.measurements import Measured, Refusal
from buildgate_cli.gate_waivers import last_day
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


# ---------------------------------------------------------------------------------------------------- kept judgements


def kept(gate: Gate = GATE, run_id: str = "r1", **values: float) -> Judgement:
    named = {name.replace("_", ".", 1): value for name, value in values.items()}
    seen = Evidence(
        {name: Measured(value, "junit.xml") for name, value in named.items()}, pins=(Pin("junit.xml", "ab"),)
    )
    return Judgement(gate, seen, judge(gate, seen), run_id, "main", "2026-11-22T12:00:00.000Z")


def keeps(api: OperatorApi, judgement: Judgement, **changes: Any) -> None:
    place = {"key": "judgements/x.json", "version_id": "v1", "sha256": "0"}
    path = f"/v1/runs/{judgement.run_id}/judgements/test/{judgement.gate.name}"
    api.on("GET", path, (200, {"judgement": judgement.to_data(), "place": place} | changes))


def listed(run_id: str, status: str = "pass", outcome: str | None = None, **values: float) -> dict[str, Any]:
    about = {"run_id": run_id, "stage": "test", "gate": "quality", "branch": "main", "status": status, "score": None}
    named = {name.replace("_", ".", 1): value for name, value in values.items()}
    at = f"2026-11-22T12:00:0{run_id[-1]}.000Z"
    return about | {"at": at, "values": named, "outcome": outcome, "has_evidence": True, "is_blocking": False}


@pytest.mark.usefixtures("failed")
def test_a_run_whose_judgement_is_kept_is_judged_again_as_proof(cli: Cli, api: OperatorApi) -> None:
    keeps(api, kept(tests_failed=2, coverage_line_percent=90))

    shown = cli("gate", "explain", "r1")
    data = json.loads(cli("gate", "explain", "r1", "--json").stdout)["verdicts"][0]

    assert shown.exit_code == 0
    assert "judged junit.xml sha256 ab" in shown.stdout
    assert "judged again: the same verdict, byte for byte" in shown.stdout
    assert (data["is_repeatable"], data["pins"]) == (True, [{"file": "junit.xml", "sha256": "ab", "version": ""}])


@pytest.mark.usefixtures("failed")
def test_a_judgement_that_does_not_repeat_itself_ends_with_five(cli: Cli, api: OperatorApi) -> None:
    forged = replace(kept(tests_failed=2, coverage_line_percent=90), verdict=kept(tests_failed=0).verdict)
    keeps(api, forged)

    result = cli("gate", "explain", "r1")

    assert (result.exit_code, "ANOTHER verdict" in result.stdout) == (5, True)


@pytest.mark.usefixtures("failed")
def test_why_not_takes_the_kept_evidence(cli: Cli, api: OperatorApi) -> None:
    keeps(api, kept(tests_failed=3, coverage_line_percent=90))

    assert "tests.failed from 3 to 0" in cli("gate", "why-not", "r1").stdout


def test_history_shows_the_trend_of_a_measurement_newest_first(cli: Cli, api: OperatorApi) -> None:
    rows = [listed("r2", coverage_line_percent=90), listed("r1", "fail", coverage_line_percent=71.5)]
    api.on("GET", "/v1/pipelines/shop/judgements", (200, {"pipeline": "shop", "judgements": rows}))

    lines = cli("gate", "history", "shop", "--measurement", "coverage.line_percent", "--name", "quality").stdout

    first, *rest = [line.split() for line in lines.splitlines()]
    assert first == ["AT", "RUN", "BRANCH", "STAGE", "GATE", "STATUS", "SCORE", "coverage.line_percent", "CHANGE"]
    assert [line[-2:] for line in rest] == [["90", "+18.5"], ["71.5", "-"]]
    assert api.calls[0].query == {"gate": "quality", "since": "90d", "limit": "20"}


def test_backtest_takes_the_clouds_judgements_with_what_became_of_their_runs(
    cli: Cli, api: OperatorApi, tmp_path: Path
) -> None:
    rows = [listed("r3"), listed("r2", outcome="bad"), listed("r1", outcome="good")]
    rows[1]["fate"] = "rolled back"
    pages = [{"pipeline": "shop", "judgements": rows[:2], "next": "more"}, {"pipeline": "shop", "judgements": rows[2:]}]
    api.on("GET", "/v1/pipelines/shop/judgements", *((200, page) for page in pages))
    for run_id, percent in (("r1", 95), ("r2", 82), ("r3", 85)):
        keeps(api, kept(run_id=run_id, tests_failed=0, coverage_line_percent=percent))
    stricter = tmp_path / "gate.json"
    objectives = [{"measurement": "coverage.line_percent", "pass": [">= 90"]}]
    stricter.write_text(json.dumps({"name": "quality", "objectives": objectives}))

    answer = json.loads(cli("gate", "backtest", str(stricter), "--pipeline", "shop", "--since", "30d", "--json").stdout)

    assert (answer["judged"], answer["would_block"], answer["unlabelled"]) == (3, 2, 1)
    assert (answer["precision"], answer["recall"]) == (1.0, 1.0)
    assert {one["run_id"]: one["fate"] for one in answer["differences"]} == {"r2": "rolled back", "r3": None}
    listings = [call.query for call in api.calls if call.path.endswith("/judgements")]
    assert listings == [{"since": "30d"}, {"since": "30d", "next": "more"}]


def test_backtest_names_the_gates_whose_evidence_there_is(cli: Cli, api: OperatorApi, tmp_path: Path) -> None:
    api.on("GET", "/v1/pipelines/shop/judgements", (200, {"pipeline": "shop", "judgements": [listed("r1")]}))
    other = tmp_path / "gate.json"
    other.write_text(json.dumps({"name": "other", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}))

    without = cli("gate", "backtest", str(other))
    unknown = cli("gate", "backtest", str(other), "--pipeline", "shop")

    assert (without.exit_code, "--pipeline" in without.stderr) == (2, True)
    assert (unknown.exit_code, "--of: quality" in unknown.stderr) == (1, True)


def test_backtest_of_a_pipeline_file_takes_its_own_pipeline(cli: Cli, api: OperatorApi, tmp_path: Path) -> None:
    api.on("GET", "/v1/pipelines/shop/judgements", (200, {"pipeline": "shop", "judgements": [listed("r1")]}))
    keeps(api, kept(tests_failed=0, coverage_line_percent=95))
    path = tmp_path / "pipeline.json"
    path.write_text(json.dumps({"name": "shop", "stages": [{"name": "test", "gates": [gate_to_data(GATE)]}]}))

    shown = cli("gate", "backtest", str(path), "--name", "quality").stdout

    assert shown.startswith("would block 0 of 1 runs")


# ---------------------------------------------------------------------------------------------------- waivers


def waiver(**changes: Any) -> dict[str, Any]:
    base = {"id": "abc", "rule": "B602", "reason": "fixed in 2.0", "owner": "alice@example.com", "gate": ""}
    return base | {"expires": "2026-12-31", "state": "acting"} | changes


def test_a_waiver_is_granted_until_a_day(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", "/v1/pipelines/shop/waivers", (200, {"waiver": waiver()}))
    said = ("--rule", "B602", "--reason", "fixed in 2.0", "--owner", "alice@example.com", "--expires", "2026-12-31")

    result = cli("gate", "waive", "shop", *said)

    assert result.stdout == "rule B602 is waived in every gate of shop until 2026-12-31 (abc)\n"
    expected = {"rule": "B602", "reason": "fixed in 2.0", "owner": "alice@example.com", "expires": "2026-12-31"}
    assert api.calls[0].body == expected


def test_a_duration_ends_on_the_day_it_comes_to() -> None:
    assert last_day("30d", datetime(2026, 11, 22, tzinfo=UTC)) == "2026-12-22"
    assert last_day("tomorrow", datetime(2026, 11, 22, tzinfo=UTC)) == "tomorrow"


def test_waivers_are_listed_and_withdrawn(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/pipelines/shop/waivers", (200, {"pipeline": "shop", "waivers": [waiver(path="shop/*")]}))
    api.on("POST", "/v1/pipelines/shop/waivers/abc/withdraw", (200, {"waiver": waiver(state="withdrawn")}))

    shown = cli("gate", "waivers", "shop").stdout
    withdrawn = cli("gate", "waivers", "shop", "--withdraw", "abc").stdout

    assert shown.splitlines()[1].split()[:4] == ["abc", "acting", "2026-12-31", "every"]
    assert "rule B602 in shop/*" in shown
    assert withdrawn == "rule B602 is not waived any more\n"
