"""What no caller means to send: names longer than a key, and text that is no Unicode. It is refused, and never ours."""

import json

import pytest

from buildgate.domain.errors import Rejected
from buildgate.web.bodies import Start
from buildgate.web.http import Request
from simulated_cloud import SimulatedCloud

LONG = "\U000a38f8" * 300
"""A name of three hundred characters, as the document allows, that takes 1,200 bytes: a sort key has 1,024."""
PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [{"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]}],
}


@pytest.fixture(scope="module")
def cloud():
    cloud = SimulatedCloud(checks_parameters=False, schedules=False)
    cloud.apply(PIPELINE)
    return cloud


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/pipelines/{}/runs", {}),
        ("GET", "/v1/pipelines/{}", None),
        ("GET", "/v1/runs/{}", None),
        ("POST", "/v1/runs/{}/stop", {}),
        ("GET", "/v1/approvals/{}", None),
        ("POST", "/v1/pipelines/shop/waivers/{}/withdraw", {}),
    ],
)
def test_nothing_is_under_a_name_that_is_longer_than_a_key(cloud, method, path, body):
    assert cloud.ask(method, path.format(LONG), body).status == 404


@pytest.mark.parametrize("path", ["/v1/metrics/projects/{}", "/v1/runs?pipeline={}"])
def test_a_list_of_what_is_under_such_a_name_is_none(cloud, path):
    assert cloud.ask("GET", path.format(LONG * 3)).status in {200, 400, 404}


def start(body: bytes) -> Start:
    event = {"requestContext": {"http": {"method": "POST"}}, "body": body.decode("utf-8", "surrogatepass")}
    request = Request.from_event(event)
    return Start.of(Request(**{name: getattr(request, name) for name in Request.__slots__} | {"body": body}))


@pytest.mark.parametrize(
    "body",
    [b'{"ref": "\\ud800"}', b'{"ref": "a\\uDFFFb"}', b'{"ref": "\xed\xa0\x80"}', b'{"other": ["\\udc00\\ud800"]}'],
)
def test_half_a_character_is_refused_at_the_door(body):
    with pytest.raises(Rejected, match="half a character"):
        start(body)


@pytest.mark.parametrize(
    ("body", "ref"),
    [
        (b'{"ref": "\\ud83d\\ude00"}', "\U0001f600"),
        ('{"ref": "\ud55c"}'.encode(), "\ud55c"),
        (b'{"ref": "\\\\ud800"}', "\\ud800"),
    ],
)
def test_whole_characters_and_what_only_looks_like_a_half_pass(body, ref):
    assert start(body).ref == ref


def test_half_a_character_in_a_comment_is_stored_nowhere(cloud):
    run_id = cloud.call(
        "POST", "/v1/pipelines/shop/runs", {"commit": cloud.aws.codecommit.push("shop", "main", {"a": "1"})}
    )
    run_id = run_id["run"]["run_id"]

    answer = cloud.deployment.http.request(
        "POST",
        f"/v1/runs/{run_id}/stop",
        json.dumps({"comment": "\ud800"}),
        caller="arn:aws:iam::000000000000:user/alice",
    )

    assert answer.status == 400
    assert "ud800" not in str([row.item for row in cloud.table.rows()])


def test_a_team_may_be_named_anyhow_and_nothing_at_great_length(cloud):
    assert cloud.ask("GET", "/v1/metrics/scopes/teams/Web%20%26%20Shop").status == 200
    assert cloud.ask("GET", f"/v1/metrics/scopes/teams/{'t' * 301}").status == 404
