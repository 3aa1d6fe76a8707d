"""Scopes, limits and pages of `buildgate metrics`, against an API whose answers are written down."""

import json

from cli_harness import Cli, OperatorApi

WINDOW = {"from": "2026-10-24T00:00:00.000Z", "to": "2026-11-23T00:00:00.000Z", "days": 30, "is_whole_days": True}


def build(number):
    return {"build_id": f"shop:{number}", "project": "shop", "status": "SUCCEEDED"}


def test_builds_are_listed_over_pages_up_to_the_limit(cli: Cli, api: OperatorApi) -> None:
    path = "/v1/metrics/projects/shop/builds"
    api.on(
        "GET", path, (200, {"builds": [build(1), build(2)], "next": "t"}), (200, {"builds": [build(3)], "next": "u"})
    )

    shown = cli("metrics", "builds", "shop", "--limit", "3", "--json")

    assert [one["build_id"] for one in json.loads(shown.stdout)["builds"]] == ["shop:1", "shop:2", "shop:3"]
    assert [call.query.get("next") for call in api.calls] == [None, "t"]


def test_an_export_goes_on_to_the_last_page_and_a_limit_is_said(cli: Cli, api: OperatorApi) -> None:
    pages = ((200, {"builds": [build(1), build(2)], "next": "t"}), (200, {"builds": [build(3)], "next": None}))
    api.on("GET", "/v1/metrics/projects/shop/builds", *pages, pages[0])

    whole, part = cli("metrics", "export", "shop"), cli("metrics", "export", "shop", "--limit", "2")

    assert len(whole.stdout.splitlines()) == 3
    assert "3 builds written to standard output\n" in whole.stderr
    assert len(part.stdout.splitlines()) == 2
    assert "as many as --limit says" in part.stderr


def test_how_many_builds_are_looked_at_is_asked_for_and_what_is_left_out_is_said(cli: Cli, api: OperatorApi) -> None:
    api.on(
        "GET",
        "/v1/metrics/projects/shop/failures",
        (200, {"project": "shop", "window": WINDOW, "failures": [], "is_cut": True}),
    )

    shown = cli("metrics", "failures", "shop", "--most", "900")

    assert api.calls[0].query == {"days": "30", "most": "900"}
    assert "totals leave none out (--most N)" in shown.stderr


def test_releases_and_teams_are_asked_for_by_part(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/dora", (200, {"dora": {}}))
    api.on("GET", "/v1/metrics/account/benchmarks", (200, {"standings": []}))

    cli("metrics", "dora", "shop", "--cost-centre", "cc-1", "--stage", "out", "--compute", "L", "--json")
    cli("metrics", "compare", "--cost-centre", "cc-1", "--stage", "out", "--compute", "L", "--json")

    part = {"cost_centre": "cc-1", "stage": "out", "compute": "L"}
    assert api.calls[0].query == {"pipeline": "shop", "lead_time": "parts", "days": "90"} | part
    assert api.calls[1].query == {"days": "30"} | part


def test_folded_days_are_counted_again_up_to_yesterday(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/metrics/scopes/teams/web/verify", (200, {"builds": 4, "differences": []}))

    shown = cli("metrics", "verify", "--team", "web", "--days", "9")

    assert [call.query for call in api.calls] == [{"days": "7", "skip": "1"}, {"days": "2", "skip": "8"}]
    assert "web: 8 builds in 9 days up to yesterday, totals are exact" in shown.stdout


def test_the_history_of_a_teams_projects_is_recorded(cli: Cli, api: OperatorApi) -> None:
    shares = [
        {"kind": "project", "name": name, "team": team, "cost_centre": ""}
        for name, team in (("a", "web"), ("b", "app"))
    ]
    api.on("GET", "/v1/metrics/account/attribution", (200, {"shares": shares, "next": None}))
    counts = dict.fromkeys(("looked_at", "counted", "known", "running"), 0)
    api.on(
        "POST",
        "/v1/metrics/projects/a/backfill",
        (200, counts | {"failures": [], "oldest_at": None, "next_token": ""}),
    )

    assert cli("metrics", "backfill", "--team", "web").exit_code == 0
    assert [call.path for call in api.calls][1:] == ["/v1/metrics/projects/a/backfill"]


def test_a_project_that_is_gone_keeps_no_other_from_being_recorded(cli: Cli, api: OperatorApi) -> None:
    counts = dict.fromkeys(("looked_at", "counted", "known", "running"), 1)
    gone = {"error": {"class": "Rejected", "message": "there is no project gone"}}
    api.on("POST", "/v1/metrics/projects/gone/backfill", (400, gone))
    api.on(
        "POST",
        "/v1/metrics/projects/shop/backfill",
        (200, counts | {"failures": [], "oldest_at": None, "next_token": ""}),
    )

    shown = cli("metrics", "backfill", "gone", "shop")

    assert shown.exit_code == 1
    assert "there is no project gone" in shown.stderr
    assert len(api.calls) == 2


def test_an_exact_window_is_shown_with_its_hours(cli: Cli, api: OperatorApi) -> None:
    window = WINDOW | {"from": "2026-11-20T10:00:00.000Z", "to": "2026-11-21T00:00:00.000Z", "is_whole_days": False}
    api.on("GET", "/v1/metrics/projects/shop/failures", (200, {"project": "shop", "window": window, "failures": []}))

    assert "2026-11-20 10:00 to 2026-11-21 00:00 (UTC)" in cli("metrics", "failures", "shop").stdout


def test_test_cases_are_gathered_over_pages(cli: Cli, api: OperatorApi) -> None:
    pages = [
        (200, {"tests": {"states": [{"name": name}], "cases": [{"name": name}]}, "next": token})
        for name, token in (("a", "t"), ("b", None))
    ]
    api.on("GET", "/v1/metrics/projects/shop/tests", *pages)

    shown = json.loads(cli("metrics", "tests", "shop", "--json").stdout)

    assert [one["name"] for one in shown["tests"]["cases"]] == ["a", "b"]
    assert [one["name"] for one in shown["tests"]["states"]] == ["a", "b"]
