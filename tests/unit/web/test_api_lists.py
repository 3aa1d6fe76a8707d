"""Lists: page by page without gaps, filtered, and not sent again while nothing has changed."""

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from buildgate.web.api import Api
from web_requests import http_event, json_event

BOB = "arn:aws:sts::000000000000:assumed-role/ops/bob"


@pytest.fixture
def api(world):
    return Api(world.w, seal="one")


def ask(api, path, **query):
    answer = api(json_event("GET", path, query=urlencode(query), actor=BOB))
    return answer.status_code, json.loads(answer.body)


def pages(api, path, member, **query):
    """Follow ``next`` to the end; returns the rows of each page."""
    found, token = [], ""
    while token is not None:
        status, data = ask(api, path, **query, next=token)
        assert status == 200, data
        found.append(data[member])
        token = data["next"]
    return found


def start(world, api, name="shop"):
    world.clock.advance(1)
    answer = api(json_event("POST", f"/v1/pipelines/{name}/runs", {"ref": "main"}, actor=BOB))
    return json.loads(answer.body)["run"]["run_id"]


def runs_of(world, api, *, count):
    """Open runs of two pipelines by turns; returns their ids, newest first."""
    world.push()
    names = ("shop", "docs")
    for name in names:
        world.apply(name=name)
    return [start(world, api, names[number % 2]) for number in range(count)][::-1]


def test_runs_of_many_pipelines_come_page_by_page_newest_first(world, api):
    opened = runs_of(world, api, count=9)

    found = pages(api, "/v1/runs", "runs", limit=2)

    assert [run["run_id"] for page in found for run in page] == opened
    assert [len(page) for page in found] == [2, 2, 2, 2, 1]


def test_a_run_that_opens_between_two_pages_moves_no_other(world, api):
    opened = runs_of(world, api, count=4)
    _, first = ask(api, "/v1/runs", limit=2)
    start(world, api)

    _, second = ask(api, "/v1/runs", limit=2, next=first["next"])

    assert [run["run_id"] for run in second["runs"]] == opened[2:]


def test_filtered_runs_are_found_however_deep_they_lie(world, api, monkeypatch):
    monkeypatch.setattr("buildgate.web.runs_api._DEPTH", 3)
    opened = runs_of(world, api, count=9)

    for wanted in (opened[0], opened[4], opened[8]):
        found = pages(api, "/v1/runs", "runs", id=wanted[-8:])
        assert [run["run_id"] for page in found for run in page] == [wanted]
    assert not any(pages(api, "/v1/runs", "runs", status="SUCCEEDED"))
    queued = pages(api, "/v1/runs", "runs", status="QUEUED", limit=2)
    assert [run["run_id"] for page in queued for run in page] == opened


def test_runs_are_filtered_by_branch_commit_and_pipeline(world, api):
    runs_of(world, api, count=4)
    one = ask(api, "/v1/runs", limit=1)[1]["runs"][0]

    assert len(ask(api, "/v1/runs", ref=one["ref"])[1]["runs"]) == 4
    assert ask(api, "/v1/runs", ref="elsewhere")[1]["runs"] == []
    assert one in ask(api, "/v1/runs", commit=one["commit"][:9].upper())[1]["runs"]
    assert {run["pipeline"] for run in ask(api, "/v1/runs", pipeline="docs")[1]["runs"]} == {"docs"}
    assert ask(api, "/v1/runs", status="ALIVE")[0] == 400


def test_pipelines_are_paged_by_name_and_filtered(world, api):
    for name in ("d", "a", "c", "b", "ab"):
        world.apply(name=name)

    assert [[one["name"] for one in page] for page in pages(api, "/v1/pipelines", "pipelines", limit=2)] == [
        ["a", "ab"],
        ["b", "c"],
        ["d"],
    ]
    assert [one["name"] for one in ask(api, "/v1/pipelines", prefix="a")[1]["pipelines"]] == ["a", "ab"]
    assert ask(api, "/v1/pipelines", repository="elsewhere")[1]["pipelines"] == []


def test_the_last_page_has_no_next_even_when_it_is_full(world, api):
    for name in ("a", "b"):
        world.apply(name=name)

    assert ask(api, "/v1/pipelines", limit=2)[1]["next"] is None


def tokens(api):
    return ask(api, "/v1/pipelines", limit=1)[1]["next"]


@pytest.fixture
def token(world, api):
    for name in ("a", "b", "c"):
        world.apply(name=name)
    return tokens(api)


def test_a_token_with_any_letter_changed_is_refused(api, token):
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        status, data = ask(api, "/v1/pipelines", limit=1, next=changed)
        assert (status, data["error"]["field"]) == (400, "next"), changed


@pytest.mark.parametrize(
    "made_up", ["x", "====", "\u2603", base64.urlsafe_b64encode(b"0" * 16 + b"a").decode(), "A" * 999]
)
def test_a_token_that_was_made_up_is_refused(api, token, made_up):
    status, data = ask(api, "/v1/pipelines", next=made_up)

    assert (status, data["error"]["field"]) == (400, "next")


@pytest.mark.parametrize(
    ("path", "more"), [("/v1/pipelines", {"prefix": "a"}), ("/v1/projects", {}), ("/v1/approvals", {})]
)
def test_a_token_of_another_list_or_other_filters_is_refused(api, token, path, more):
    assert ask(api, path, **more, next=token)[0] == 400


def test_a_token_of_another_installation_is_refused(world, token):
    assert ask(Api(world.w, seal="two"), "/v1/pipelines", next=token)[0] == 400


def test_the_size_of_a_page_may_change_on_the_way(api, token):
    assert [one["name"] for one in ask(api, "/v1/pipelines", limit=9, next=token)[1]["pipelines"]] == ["b", "c"]


def read(api, path, **headers):
    event = http_event("GET", path, actor=BOB)
    event["headers"] = headers
    answer = api(event)
    return answer, answer.to_data()["headers"]


def test_an_unchanged_answer_is_not_sent_again(world, api):
    answer, headers = read(api, "/v1/pipelines")
    tag = headers["etag"]

    for held in (tag, f"W/{tag}", f'"other", {tag}', f'"a,b", W/{tag} ', "*"):
        again, more = read(api, "/v1/pipelines", **{"if-none-match": held})
        assert (again.status_code, again.body, more["etag"]) == (304, "", tag), held

    assert answer.status_code == 200
    assert tag.startswith('"')
    assert headers["cache-control"] == "private, no-cache"


def test_a_changed_answer_has_another_tag_and_is_sent(world, api):
    _, headers = read(api, "/v1/pipelines")
    world.apply(name="new")

    answer, changed = read(api, "/v1/pipelines", **{"if-none-match": headers["etag"]})

    assert answer.status_code == 200
    assert changed["etag"] != headers["etag"]


@pytest.mark.parametrize("held", ["", '"x"', "x", '"', "W/", "\u2603", "," * 5000])
def test_a_tag_that_does_not_match_gets_the_answer(api, held):
    assert read(api, "/v1/pipelines", **{"if-none-match": held})[0].status_code == 200


def test_refusals_and_writes_carry_no_tag_and_are_kept_nowhere(world, api):
    refused = read(api, "/v1/runs/none", **{"if-none-match": "*"})
    world.project("shop-unit")
    written = api(json_event("PUT", "/v1/pipelines/shop", {}, actor=BOB))

    assert refused[0].status_code == 404
    for headers in (refused[1], written.to_data()["headers"]):
        assert "etag" not in headers
        assert headers["cache-control"] == "no-store"


def test_a_place_may_hold_any_letters(world, api):
    for name in ("a", "b"):
        world.apply(name=name)
    token = ask(api, "/v1/pipelines", limit=1)[1]["next"]

    assert quote(token, safe="=-_") == token
