"""Verbs of `buildgate metrics`, against an API whose answers are written down."""

import json

import pytest

from cli_harness import Cli, OperatorApi

WINDOW = {"from": "2026-10-24T00:00:00.000Z", "to": "2026-11-23T00:00:00.000Z", "days": 30, "is_whole_days": True}


def page(**changes):
    empty = {
        "looked_at": 0,
        "counted": 0,
        "known": 0,
        "running": 0,
        "failures": [],
        "oldest_at": None,
        "next_token": "",
    }
    return empty | changes


NOTHING_ASIDE = {"quarantine": [], "next": None}
ASIDE = "/v1/metrics/account/quarantine"


def test_the_summary_needs_no_verb_and_takes_options_first(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/shop", (200, {"summary": {"builds": 0}}))

    api.on("GET", ASIDE, (200, NOTHING_ASIDE))

    assert cli("metrics", "shop").exit_code == 0
    assert cli("metrics", "summary", "shop").exit_code == 0
    assert cli("metrics", "--days", "7", "shop").exit_code == 0
    asked = [call.query for call in api.calls if "quarantine" not in call.path]
    assert asked == [{"days": "30"}, {"days": "30"}, {"days": "7"}]


def test_builds_that_are_set_aside_are_counted_below_a_projects_figures(cli: Cli, api: OperatorApi) -> None:
    rows = [{"build_id": f"shop:{number}", "at": "2026-11-22T12:00", "reason": "ended before"} for number in (1, 2)]
    api.on("GET", "/v1/metrics/projects/shop", (200, {"summary": {"builds": 0}}))
    api.on("GET", ASIDE, (200, {"quarantine": rows, "next": None}))

    told = cli("metrics", "shop").stderr
    listed = cli("metrics", "quarantine", "shop").stdout

    assert "2 set aside, in no figure: buildgate metrics quarantine shop" in told
    assert "ended before" in listed
    assert [call.query for call in api.calls if call.path == ASIDE] == [{"project": "shop"}] * 2


def test_an_exact_window_is_asked_for_as_such(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/shop", (200, {"summary": {"builds": 0}}))

    cli("metrics", "shop", "--from", "2026-11-01", "--to", "2026-11-02T10:00Z")

    assert api.calls[0].query == {"from": "2026-11-01", "to": "2026-11-02T10:00Z"}


@pytest.mark.parametrize("verb", ["trend", "cost", "cache", "failures", "recommend", "builds", "report"])
def test_json_is_the_answer_itself(cli: Cli, api: OperatorApi, verb: str) -> None:
    api.on("GET", f"/v1/metrics/projects/shop/{verb}", (200, {"window": WINDOW, "x": 1}))

    assert json.loads(cli("metrics", verb, "shop", "--json").stdout) == {"window": WINDOW, "x": 1}


def test_backfill_goes_on_page_by_page_and_adds_up(cli: Cli, api: OperatorApi) -> None:
    api.on(
        "POST",
        "/v1/metrics/projects/shop/backfill",
        (200, page(looked_at=100, counted=90, known=10, next_token="t1")),
        (200, page(looked_at=20, counted=20)),
    )

    shown = cli("metrics", "backfill", "shop", "--days", "60", "--json")

    assert [call.body for call in api.calls] == [{"days": 60, "token": ""}, {"days": 60, "token": "t1"}]
    assert json.loads(shown.stdout)["projects"][0]["counted"] == 110


def test_an_interrupted_backfill_goes_on_where_it_was(cli: Cli, api: OperatorApi) -> None:
    refused = (400, {"error": {"class": "Rejected", "message": "no", "field": None, "fix": None}})
    path = "/v1/metrics/projects/shop/backfill"
    api.on("POST", path, (200, page(looked_at=100, next_token="t1")), refused)
    assert cli("metrics", "backfill", "shop").exit_code == 1

    api.on("POST", path, (200, page(looked_at=3)))
    assert cli("metrics", "backfill", "shop").exit_code == 0

    assert api.calls[-1].body["token"] == "t1"


def test_builds_that_could_not_be_recalled_are_named_and_the_command_fails(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", "/v1/metrics/projects/shop/backfill", (200, page(failures=["shop:1: in the way"])))

    shown = cli("metrics", "backfill", "shop")

    assert shown.exit_code == 1
    assert "shop:1: in the way" in shown.stderr


def test_verify_counts_a_week_at_a_time_and_fails_on_a_difference(cli: Cli, api: OperatorApi) -> None:
    different = {"day": "2026-11-01", "counter": "ok", "stored": 3, "recounted": 2}
    api.on(
        "GET",
        "/v1/metrics/projects/shop/verify",
        (200, {"builds": 3, "differences": []}),
        (200, {"builds": 2, "differences": [different]}),
    )

    shown = cli("metrics", "verify", "shop", "--days", "10")

    assert [call.query for call in api.calls] == [{"days": "7", "skip": "0"}, {"days": "3", "skip": "7"}]
    assert shown.exit_code == 1
    assert "2026-11-01  ok" in shown.stdout


def test_verify_says_when_totals_are_exact(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/shop/verify", (200, {"builds": 3, "differences": []}))

    assert "totals are exact" in cli("metrics", "verify", "shop", "--days", "3").stdout


def test_export_writes_one_object_a_line_through_all_pages(cli: Cli, api: OperatorApi, tmp_path) -> None:
    api.on(
        "GET",
        "/v1/metrics/projects/shop/builds",
        (200, {"builds": [{"build_id": "a"}], "next": "a"}),
        (200, {"builds": [{"build_id": "b"}], "next": None}),
    )
    target = tmp_path / "builds.ndjson"

    cli("metrics", "export", "shop", "--output", str(target))

    assert [json.loads(line)["build_id"] for line in target.read_text().splitlines()] == ["a", "b"]
    assert api.calls[1].query["next"] == "a"


def test_shares_as_csv_do_not_run_in_a_spreadsheet(cli: Cli, api: OperatorApi) -> None:
    share = {"kind": "team", "name": "=cmd()", "team": "=cmd()", "cost_centre": "", "summary": {"builds": 1}}
    api.on("GET", "/v1/metrics/account/attribution", (200, {"shares": [share]}))

    lines = cli("metrics", "attribution", "--csv").stdout.splitlines()

    assert lines[0].startswith("kind,name,team")
    assert lines[1].startswith("team,'=cmd(),'=cmd()")


def test_a_project_without_the_word_stays_a_project(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/projects/cost", (200, {"summary": {"builds": 0}}))

    api.on("GET", ASIDE, (200, NOTHING_ASIDE))

    assert cli("metrics", "summary", "cost").exit_code == 0


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["--pipeline", "shop"], "scopes/pipelines/shop"),
        (["--team", "web"], "scopes/teams/web"),
        (["--cost-centre", "cc-1"], "scopes/cost-centres/cc-1"),
        (["--account"], "scopes/accounts/all"),
        (["shop-unit", "--pipeline", "shop"], "projects/shop-unit"),
    ],
)
def test_a_wider_scope_is_named_by_option(cli: Cli, api: OperatorApi, options: list[str], path: str) -> None:
    api.on("GET", f"/v1/metrics/{path}/failures", (200, {"project": "x", "window": WINDOW, "failures": []}))

    shown = cli("metrics", "failures", *options, "--stage", "test", "--compute", "BUILD_GENERAL1_SMALL")

    assert shown.exit_code == 0
    parts = {"days": "30", "stage": "test", "compute": "BUILD_GENERAL1_SMALL"}
    assert api.calls[0].query == parts | ({"pipeline": "shop"} if "shop-unit" in options else {})


@pytest.mark.parametrize("options", [[], ["shop", "--team", "web"], ["--team", "web", "--account"]])
def test_nobody_or_two_named_is_a_usage_error_with_a_way_out(cli: Cli, options: list[str]) -> None:
    shown = cli("metrics", "cost", *options)

    assert shown.exit_code == 2
    assert "Name a project, or one of --pipeline" in shown.stderr


def test_an_end_without_a_start_is_a_usage_error(cli: Cli) -> None:
    assert cli("metrics", "cost", "shop", "--to", "2026-11-01").exit_code == 2


def test_cost_as_csv_has_one_row_for_each_share(cli: Cli, api: OperatorApi) -> None:
    shares = {"by_phase": {"BUILD": 3}, "by_status": {"SUCCEEDED": 3}, "by_branch": {"main": 3}, "by_compute": {}}
    api.on("GET", "/v1/metrics/projects/shop/cost", (200, {"cost": {"total_micro_usd": 3} | shares}))

    lines = cli("metrics", "cost", "shop", "--csv").stdout.splitlines()

    assert lines == ["by,name,cost_micro_usd", "total,,3", "phase,BUILD,3", "status,SUCCEEDED,3", "branch,main,3"]


def test_a_trend_as_csv_names_its_days(cli: Cli, api: OperatorApi) -> None:
    series = [{"name": "builds", "values": [1.0, None]}, {"name": "cost_usd", "values": [0.5, 0.0]}]
    api.on("GET", "/v1/metrics/projects/shop/trend", (200, {"window": WINDOW, "trends": series}))

    lines = cli("metrics", "trend", "shop", "--csv").stdout.splitlines()

    assert [line.split(",")[:2] for line in lines[1:]] == [["2026-10-24", "1.0"], ["2026-10-25", ""]]
