"""The operator API: what each route answers, how it refuses, and what it never tells."""

import json

import pytest

from api_calls import BOB, approval_id, call, opened
from buildgate.domain.notices import Topic
from buildgate.web.api import Api
from buildgate.web.http import Request
from core_world import ALICE
from run_records import RUN_ID
from web_requests import http_event, json_event


@pytest.fixture
def api(world):
    return Api(world.w)


def shop(**more):
    return {
        "name": "shop",
        "triggers": [{"repository": "shop", "branches": ["main"]}],
        "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}],
        **more,
    }


# ---------------------------------------------------------------------------------------------------- who and how


ROUTES = [
    ("GET", "/v1/pipelines"),
    ("PUT", "/v1/pipelines/shop"),
    ("GET", "/v1/pipelines/shop"),
    ("POST", "/v1/pipelines/shop/runs"),
    ("GET", "/v1/runs"),
    ("GET", f"/v1/runs/{RUN_ID}"),
    ("POST", f"/v1/runs/{RUN_ID}/stop"),
    ("POST", f"/v1/runs/{RUN_ID}/retry"),
    ("GET", "/v1/approvals"),
    ("GET", f"/v1/approvals/{RUN_ID}.00.1.entry"),
    ("POST", f"/v1/approvals/{RUN_ID}.00.1.entry/decision"),
    ("GET", "/v1/pushes/shop"),
    ("GET", "/v1/projects"),
    ("GET", "/v1/metrics/projects/shop-unit"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_caller_whom_nobody_identified_is_refused_everywhere(world, api, method, path):
    status, body = call(api, method, path, {"pipeline": shop(), "decision": "approve"}, actor="")

    assert (status, body["error"]["class"]) == (403, "Rejected")
    assert world.dump() == {}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("DELETE", "/v1/pipelines/shop"), ("GET", "/v1/runs/a/b"), ("POST", "/v1/runs")]
)
def test_what_is_no_route_is_not_found(api, method, path):
    status, body = call(api, method, path)

    assert status == 404
    assert body["error"] == {
        "class": "Rejected",
        "message": f"there is no {method} {path}",
        "field": None,
        "fix": None,
    }


@pytest.mark.parametrize("body", ["[]", "{", "null", '"x"', "[" * 50_000, "1" * 5000, "\ud800"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/pipelines/shop"), ("POST", "/v1/pipelines/shop/runs")])
def test_a_body_that_is_no_json_object_is_the_callers_fault(world, api, method, path, body):
    answer = api(http_event(method, path, body=body, actor=BOB))

    assert answer.status_code == 400
    assert json.loads(answer.body)["error"]["class"] == "Rejected"
    assert world.dump() == {}


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api):
    answer = api(http_event("PUT", "/v1/pipelines/shop", body="{" + " " * 300_000, actor=BOB))

    assert answer.status_code == 413


def test_every_answer_has_strict_headers(api):
    for path, kept in (("/v1/pipelines", "private, no-cache"), ("/v1/pipelines/none", "no-store")):
        headers = api(json_event("GET", path, actor=BOB)).to_data()["headers"]

        assert (headers["cache-control"], headers["x-content-type-options"]) == (kept, "nosniff")


@pytest.mark.parametrize("text", ["0", "-1", "51", "x", "1.5", "\uff19", "9" * 5000, "1e1"])
def test_limits_are_whole_numbers_within_bounds(api, text):
    status, body = call(api, "GET", "/v1/runs", query=f"limit={text}")

    assert (status, body["error"]["field"]) == (400, "limit")


def test_a_table_that_does_not_answer_is_unavailable(world, api):
    world.trouble("dynamodb", "query")

    status, body = call(api, "GET", "/v1/pipelines")

    assert (status, body["error"]["class"]) == (503, "Unavailable")


def test_what_is_stored_and_cannot_be_read_is_corrupt(world, api):
    run = world.open()
    key = {"pk": {"S": "PIPELINE#shop"}, "sk": {"S": f"V#{run.version}"}}
    item = world.dump()["PIPELINE#shop", f"V#{run.version}"] | {"data": {"S": "{"}}
    world.aws.client("dynamodb").put_item(TableName="buildgate", Item=item | key)

    status, body = call(api, "GET", "/v1/pipelines/shop")

    assert (status, body["error"]["class"]) == (500, "Corrupt")


# ---------------------------------------------------------------------------------------------------- pipelines


def test_a_pipeline_is_applied_listed_and_shown_as_it_was_written(world, api):
    world.project("shop-unit")

    status, applied = call(api, "PUT", "/v1/pipelines/shop", {"pipeline": shop(description="Web shop")})

    assert (status, applied["created"], applied["name"]) == (200, True, "shop")
    (listed,) = call(api, "GET", "/v1/pipelines")[1]["pipelines"]
    assert (listed["version"], listed["description"], listed["applied_by"]) == (applied["version"], "Web shop", BOB)
    shown = call(api, "GET", "/v1/pipelines/shop")[1]
    assert shown["pipeline"]["stages"][0]["builds"] == [{"name": "unit", "project": "shop-unit"}]
    assert shown["versions"][0]["version"] == shown["current"] == applied["digest"]


def test_applying_the_same_again_creates_nothing_and_a_dry_run_writes_nothing(world, api):
    world.project("shop-unit")
    dry = call(api, "PUT", "/v1/pipelines/shop", {"pipeline": shop(), "dry_run": True})[1]
    assert (dry["created"], dry["changed"], world.dump()) == (False, True, {})

    answers = [call(api, "PUT", "/v1/pipelines/shop", {"pipeline": shop()})[1] for _ in range(2)]

    assert [answer["created"] for answer in answers] == [True, False]


def test_an_older_version_is_shown_by_the_beginning_of_its_name(world, api):
    world.project("shop-unit")
    old = call(api, "PUT", "/v1/pipelines/shop", {"pipeline": shop()})[1]["version"]
    call(api, "PUT", "/v1/pipelines/shop", {"pipeline": shop(description="new")})

    shown = call(api, "GET", "/v1/pipelines/shop", query=f"version={old[:8]}")[1]

    assert shown["version"] == old
    assert shown["current"] != old
    assert call(api, "GET", "/v1/pipelines/shop", query="version=zz")[0] == 404


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"pipeline": shop(stagez=[])}, "stagez"),
        ({"pipeline": shop(name="other")}, "name"),
        ({"pipeline": None}, None),
        ({}, None),
        ({"pipeline": shop(stages=[{"name": "test", "builds": [{"name": "u", "project": "gone"}]}])}, "project"),
    ],
)
def test_a_pipeline_that_cannot_be_is_refused_with_its_field(world, api, data, field):
    status, body = call(api, "PUT", "/v1/pipelines/shop", data)

    assert (status, body["error"]["class"]) == (400, "Rejected")
    assert field is None or field in str(body["error"])
    assert world.dump() == {}


# ---------------------------------------------------------------------------------------------------- runs


def test_a_run_is_started_by_hand_of_a_branch(world, api):
    world.apply()
    push = world.push()

    run = call(api, "POST", "/v1/pipelines/shop/runs", {"ref": "branch:main"})[1]["run"]

    assert (run["status"], run["commit"], run["actor"], run["trigger"]) == ("QUEUED", push.commit, BOB, "manual")
    assert world.executions() == [f"{run['run_id']}-1"]


@pytest.mark.parametrize(
    ("data", "status"),
    [({"ref": "nowhere"}, 404), ({"ref": "heads:main"}, 400), ({"ref": "tag:v1"}, 400), ({"commit": "x y"}, 404)],
)
def test_a_reference_that_is_not_there_is_refused(world, api, data, status):
    world.apply()
    world.push()

    assert call(api, "POST", "/v1/pipelines/shop/runs", data)[0] == status
    assert world.executions() == []


def test_a_run_is_shown_with_its_stages_those_to_come_too(world, api):
    run = opened(world)

    shown = call(api, "GET", f"/v1/runs/{run.run_id}")[1]["run"]

    test, release = shown["stages"]
    assert (shown["status"], test["status"], release["status"]) == ("RUNNING", "SUCCEEDED", "RUNNING")
    assert (test["builds"][0]["status"], test["builds"][0]["duration_seconds"]) == ("SUCCEEDED", 60)
    assert test["builds"][0]["cost_micro_usd"] > 0
    assert (release["approval"]["status"], release["approval"]["channel"]) == ("WAITING", "iam")


def test_runs_are_listed_newest_first_of_one_pipeline_or_of_all(world, api):
    world.apply(name="shop")
    world.apply(name="docs")
    for _ in range(3):
        world.w.start_run(world.push())

    runs = call(api, "GET", "/v1/runs", query="limit=4")[1]["runs"]
    of_docs = call(api, "GET", "/v1/runs", query="pipeline=docs")[1]["runs"]

    moments = [run["started_at"] for run in runs]
    assert moments == sorted(moments, reverse=True)
    assert (len(runs), {run["pipeline"] for run in of_docs}, len(of_docs)) == (4, {"docs"}, 3)
    assert call(api, "GET", "/v1/runs", query="pipeline=none")[0] == 404


def test_a_run_is_stopped_once_and_an_ended_one_is_not(world, api):
    run = opened(world)

    first = call(api, "POST", f"/v1/runs/{run.run_id}/stop", {"comment": "wrong branch"})
    again = call(api, "POST", f"/v1/runs/{run.run_id}/stop")
    world.w.close_run(run.run_id)

    assert (first[1]["result"], again[1]["result"]) == ("stopping", "was being stopped already")
    assert call(api, "POST", f"/v1/runs/{run.run_id}/stop")[0] == 400
    assert world.run(run.run_id).reason == f"stopped by {BOB}: wrong branch"


def test_a_run_is_retried_from_a_stage(world, api):
    run = opened(world)
    assert call(api, "POST", f"/v1/runs/{run.run_id}/retry", {"stage": "release"})[0] == 400
    world.w.close_run(run.run_id)

    again = call(api, "POST", f"/v1/runs/{run.run_id}/retry", {"stage": "release"})[1]["run"]

    assert (again["retry_of"], again["trigger"]) == (run.run_id, "retry")


@pytest.mark.parametrize("what", ["", "/stop", "/retry"])
def test_a_run_that_is_not_there_is_not_found_and_says_where_to_look(api, what):
    status, body = call(api, "POST" if what else "GET", f"/v1/runs/{RUN_ID}{what}")

    assert (status, body["error"]["fix"]) == (404, "buildgate run list")


# ---------------------------------------------------------------------------------------------------- metrics, pushes


def test_metrics_are_read_from_the_table_for_every_day_of_the_window(world, api):
    opened(world)

    body = call(api, "GET", "/v1/metrics/projects/shop-unit", query="days=3")[1]

    assert (body["summary"]["builds"], body["summary"]["success_ratio"]) == (1, 1.0)
    assert [day["builds"] for day in body["by_day"]] == [0, 0, 1]
    assert body["builds"][0]["status"] == "SUCCEEDED"
    assert call(api, "GET", "/v1/projects")[1]["projects"] == ["shop-unit"]


def test_a_project_without_builds_is_not_found(api):
    assert call(api, "GET", "/v1/metrics/projects/none")[0] == 404


def test_pushes_that_opened_nothing_are_listed_with_their_reason(world, api):
    world.apply()
    world.w.start_run(world.push(branch="topic"))

    (row,) = call(api, "GET", "/v1/pushes/shop")[1]["ignored"]

    assert (row["ref"], row["reason"]) == ("topic", "shop: branch topic fits none of main")


# ---------------------------------------------------------------------------------------------------- secrets


def test_no_answer_holds_a_token_a_nonce_or_a_capability(world, api):
    run = opened(world)
    record = world.w.runs.record(run.run_id)
    secrets = [secret for slot in record.slots for secret in (slot.token, slot.nonce) if secret]
    secrets += [record.approvals[0].token]
    paths = [
        "/v1/runs",
        f"/v1/runs/{run.run_id}",
        "/v1/approvals",
        f"/v1/approvals/{approval_id(run)}",
        "/v1/metrics/projects/shop-unit",
    ]

    bodies = [json.dumps(call(api, "GET", path)[1]) for path in paths]

    assert len(secrets) == 3
    assert not [secret for secret in secrets for body in bodies if secret in body]
    assert world.published(Topic.APPROVAL)


@pytest.mark.parametrize(
    ("claims", "known_as"),
    [
        ({"sub": "123", "email": "bob@example.com", "email_verified": "true"}, "bob@example.com"),
        ({"sub": "123", "email": "bob@example.com", "email_verified": "false"}, "123"),
        ({"sub": "123"}, "123"),
        ({"email": "bob@example.com", "email_verified": "false"}, ""),
        ({"sub": ALICE}, ""),
        ({"sub": "123", "email": ALICE}, ""),
    ],
)
def test_a_token_names_a_person_only_by_what_its_issuer_verified_and_never_an_arn(claims, known_as):
    event = json_event("GET", "/oidc/v1/runs")
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}

    assert Request.from_event(event).actor == known_as
