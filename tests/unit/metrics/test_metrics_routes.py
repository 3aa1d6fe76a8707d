"""Every metrics route answers on the whole product in memory, with numbers that add up."""

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.runtime.wiring import Wiring
from simulated_cloud import SimulatedCloud

PIPELINE = {
    "name": "shop",
    "tags": {"team": "web", "cost-centre": "cc-1"},
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]},
        {"name": "release", "builds": [{"name": "out", "project": "shop-release"}]},
    ],
}
PROJECT = "/v1/metrics/projects/shop-unit"


@pytest.fixture(scope="module")
def cloud():
    """A week of pushes, every fourth of which fails at first."""
    cloud = SimulatedCloud(schedules=False)
    cloud.apply(PIPELINE)
    turn = iter(range(1000))

    def plan(request):
        number = next(turn)
        result = "hit" if number % 3 else "miss"
        probe = {"BUILDGATE_CACHE_RESULT": result, "BUILDGATE_CACHE_KEY": "deps-1", "BUILDGATE_CACHE_SECONDS": "2"}
        status = "FAILED" if number % 7 == 3 else "SUCCEEDED"
        return BuildPlan(60 if result == "hit" else 180, status, exported=probe)

    cloud.aws.codebuild.plan = plan
    cloud.aws.timeline.advance(60)
    for number in range(24):
        cloud.aws.codecommit.push("shop", "main", {"a": str(number)}, message=f"Change {number}")
        cloud.aws.timeline.advance(minutes=60 * 7)
    Wiring(cloud.aws, table="buildgate-Table").fold_days(days=10)
    return cloud


def test_the_summary_counts_every_build_and_its_days_add_up(cloud):
    answer = cloud.call("GET", f"{PROJECT}?days=14")

    assert answer["summary"]["builds"] == 24
    assert sum(day["builds"] for day in answer["by_day"]) == 24
    assert answer["summary"]["cache_hit_ratio"] is not None
    assert answer["window"]["is_whole_days"] is True


def test_an_exact_window_is_answered_from_the_builds_themselves(cloud):
    whole = cloud.call("GET", f"{PROJECT}?days=14")
    first, last = whole["window"]["from"], whole["window"]["to"]

    exact = cloud.call("GET", f"{PROJECT}/summary?from={first[:-1]}1Z&to={last}")

    assert exact["window"]["is_whole_days"] is False
    assert exact["summary"]["builds"] == 24
    assert exact["summary"]["p95_seconds"] == whole["summary"]["p95_seconds"]


def test_a_part_of_a_project_is_less_than_the_whole(cloud):
    assert cloud.call("GET", f"{PROJECT}/summary?days=14&branch=main")["summary"]["builds"] == 24
    assert cloud.call("GET", f"{PROJECT}/summary?days=14&branch=other")["summary"]["builds"] == 0


VIEWS = ["summary", "trend", "cost", "cache", "failures", "tests", "recommend", "posture", "builds", "report"]
SCOPES = ["pipelines/shop", "teams/web", "cost-centres/cc-1", "accounts/all"]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers(cloud, view):
    answer = cloud.call("GET", f"{PROJECT}/{view}?days=14")

    assert answer["window"]["days"] == 14


@pytest.mark.parametrize("scope", SCOPES)
def test_every_view_answers_for_every_scope(cloud, scope):
    found = {view: cloud.call("GET", f"/v1/metrics/scopes/{scope}/{view}?days=14") for view in VIEWS}

    assert found["summary"]["summary"]["builds"] == len(found["builds"]["builds"]) > 24
    assert found["report"]["cost"]["total_micro_usd"] == found["summary"]["summary"]["cost_micro_usd"]


@pytest.mark.parametrize("scope", SCOPES)
def test_days_of_a_scope_are_what_its_builds_one_by_one_give(cloud, scope):
    whole = cloud.call("GET", f"/v1/metrics/scopes/{scope}/summary?days=14")["summary"]

    by_builds = cloud.call("GET", f"/v1/metrics/scopes/{scope}/summary?days=14&branch=main")["summary"]

    assert by_builds == whole


def test_a_stage_is_known_by_its_name_in_every_scope(cloud):
    stages = {
        stage: cloud.call("GET", f"/v1/metrics/scopes/pipelines/shop/summary?days=14&stage={stage}")["summary"][
            "builds"
        ]
        for stage in ("test", "release", "none")
    }

    assert stages["none"] == 0
    assert stages["test"] == 24
    assert 0 < stages["release"] < 24
    assert cloud.call("GET", f"{PROJECT}/summary?days=14&stage=test&pipeline=shop")["summary"]["builds"] == 24
    assert cloud.call("GET", f"{PROJECT}/summary?days=14&pipeline=other")["summary"]["builds"] == 0


def test_an_answer_says_whose_builds_and_which_part_it_is_about(cloud):
    answer = cloud.call("GET", "/v1/metrics/scopes/teams/web/cost?days=14&compute=none")

    assert answer["scope"] == {"kind": "team", "name": "web"}
    assert answer["part"] == {"compute": "none"}
    assert answer["is_cut"] is False


def test_cost_by_status_adds_up_to_the_total(cloud):
    cost = cloud.call("GET", f"{PROJECT}/cost?days=14")["cost"]

    assert sum(cost["by_status"].values()) == cost["total_micro_usd"] > 0
    assert cost["by_branch"] == {"main": cost["total_micro_usd"]}


def test_the_cache_is_worth_the_difference_between_a_miss_and_a_hit(cloud):
    cache = cloud.call("GET", f"{PROJECT}/cache?days=14")["cache"]

    assert cache["keys"][0]["verdict"] == "saves"
    assert cache["keys"][0]["saved_seconds_per_hit"] > 0


def test_pages_of_builds_join_to_all_of_them(cloud):
    first = cloud.call("GET", f"{PROJECT}/builds?days=14&limit=20")
    rest = cloud.call("GET", f"{PROJECT}/builds?days=14&limit=20&next={first['next']}")

    ids = [one["build_id"] for one in first["builds"] + rest["builds"]]
    assert (len(ids), len(set(ids)), rest["next"]) == (24, 24, None)


def test_a_build_is_shown_with_its_phases(cloud):
    build_id = cloud.call("GET", f"{PROJECT}/builds?days=14&limit=1")["builds"][0]["build_id"]

    build = cloud.call("GET", f"/v1/builds/{build_id}")["build"]

    assert build["run_id"]
    assert [phase["name"] for phase in build["phases"]][:2] == ["SUBMITTED", "QUEUED"]


def test_totals_of_the_table_bear_a_recount(cloud):
    assert cloud.call("GET", f"{PROJECT}/verify?days=14")["differences"] == []


def test_releases_are_measured_by_the_rule_that_stands_beside_them(cloud):
    answer = cloud.call("GET", "/v1/metrics/dora?pipeline=shop&team=web&days=30&lead_time=parts")

    fall = answer["lead_time"]
    assert {one["kind"] for one in fall["stretches"] if one["seconds"]} >= {"queue", "provision", "phase"}
    assert sum(one["seconds"] for one in fall["stretches"]) == pytest.approx(fall["seconds"])
    assert len(answer["dora"]["releases"]) == answer["dora"]["deployments"]
    assert answer["dora"]["releases"][0]["committed_at"] <= answer["dora"]["releases"][0]["opened_at"]
    assert cloud.call("GET", "/v1/metrics/dora?team=none&days=30")["dora"]["deployments"] == 0
    measures = {one["name"]: one for one in answer["dora"]["measures"]}
    assert answer["dora"]["deployments"] > 5
    assert measures["deployment_frequency"]["value"] > 0
    assert all(one["rule"] for one in measures.values())


def test_a_run_is_shown_as_a_waterfall_that_never_starts_before_the_push(cloud):
    run = cloud.runs()[0]

    answer = cloud.call("GET", f"/v1/metrics/runs/{run['run_id']}/waterfall")

    assert {bar["kind"] for bar in answer["bars"]} >= {"queue", "provision", "phase"}
    assert min(bar["from_seconds"] for bar in answer["bars"]) >= 0


def test_teams_and_cost_centres_get_what_their_projects_used(cloud):
    shares = cloud.call("GET", "/v1/metrics/account/attribution?days=14")["shares"]

    total = sum(one["summary"]["cost_micro_usd"] for one in shares if one["kind"] == "project")
    for kind in ("team", "cost_centre", "account"):
        assert sum(one["summary"]["cost_micro_usd"] for one in shares if one["kind"] == kind) == total


@pytest.mark.parametrize("view", ["overview", "benchmarks", "quarantine", "posture", "self-cost"])
def test_every_view_of_the_account_answers(cloud, view):
    assert cloud.call("GET", f"/v1/metrics/account/{view}?days=14")["window"]["days"] == 14


def test_a_team_is_a_scope_of_its_own(cloud):
    answer = cloud.call("GET", "/v1/metrics/scopes/teams/web?days=14")

    assert answer["summary"]["builds"] > 24


def test_what_does_not_exist_is_said_with_a_way_on(cloud):
    answer = cloud.deployment.http.request("GET", "/v1/metrics/projects/nothing", caller="arn:aws:iam::1:user/a")

    assert answer.status == 404
    assert answer.data["error"]["field"] == "project"


@pytest.mark.parametrize("query", ["days=0", "days=x", "from=soon", "from=2026-11-22&to=2026-11-01"])
def test_a_window_that_is_none_is_refused_with_the_field(cloud, query):
    answer = cloud.deployment.http.request("GET", f"{PROJECT}?{query}", caller="arn:aws:iam::1:user/a")

    assert answer.status == 400
    assert answer.data["error"]["field"] in {"days", "from", "to"}


def test_backfilling_what_is_known_counts_nothing(cloud):
    page = cloud.call("POST", f"{PROJECT}/backfill", {"days": 30})

    assert page["counted"] == 0
    assert page["known"] > 0


def released(cloud, query):
    return len(cloud.call("GET", f"/v1/metrics/dora?days=14{query}")["dora"]["releases"])


@pytest.mark.parametrize(
    ("query", "share"),
    [
        ("&cost_centre=cc-1", 1),
        ("&cost_centre=cc-2", 0),
        ("&team=web&cost_centre=cc-1", 1),
        ("&stage=release", 1),
        ("&stage=none", 0),
        ("&compute=BUILD_GENERAL1_SMALL", 1),
        ("&compute=BUILD_GENERAL1_LARGE", 0),
    ],
)
def test_releases_are_told_by_cost_centre_stage_and_compute_type(cloud, query, share):
    assert released(cloud, query) == share * released(cloud, "")
    assert released(cloud, "") > 0


def test_teams_are_compared_by_a_part_of_their_builds(cloud):
    whole = cloud.call("GET", "/v1/metrics/account/benchmarks?days=14")
    part = cloud.call("GET", "/v1/metrics/account/benchmarks?days=14&cost_centre=none")

    assert "1 teams" in whole["explanation"]
    assert "0 teams" in part["explanation"]


def test_what_scopes_used_is_listed_page_by_page_the_dearest_of_each_kind_first(cloud):
    whole = cloud.call("GET", "/v1/metrics/account/attribution?days=14")
    found, following = [], ""
    while following is not None:
        page = cloud.call("GET", f"/v1/metrics/account/attribution?days=14&limit=2{following}")
        found += page["shares"]
        following = page["next"] and f"&next={page['next']}"

    assert found == whole["shares"]
    assert whole["next"] is None
    assert len(found) == 5


@pytest.mark.parametrize("scope", ["pipelines/shop", "teams/web", "cost-centres/cc-1", "accounts/all"])
def test_the_days_of_every_scope_equal_a_recount(cloud, scope):
    answer = cloud.call("GET", f"/v1/metrics/scopes/{scope}/verify?days=14")

    assert answer["builds"] > 24
    assert answer["differences"] == []


def test_the_control_planes_own_bill_says_beside_each_figure_what_is_assumed(cloud):
    lines = {
        one["name"]: one for one in cloud.call("GET", "/v1/metrics/account/self-cost?days=14")["self_cost"]["lines"]
    }

    assert lines["Lambda arm64 GB-seconds"]["assumed"] == "30 ms of 512 MB a request"
    assert lines["Lambda arm64 GB-seconds"]["how"].endswith("assumed: 30 ms of 512 MB a request")
    assert lines["DynamoDB write units"]["assumed"] == ""
