"""Whatever is sent to the pages and the API: no server error, nothing changed by looking, strict headers, no secret."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildgate.adapters.memory.http import Answer
from buildgate.domain.approvals import form_token
from fault_world import PIPELINE, items, push
from simulated_cloud import ALICE, SimulatedCloud

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X-ANY")
NASTY = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "../../etc/passwd",
            "%2e%2e%2f",
            "<script>alert(1)</script>",
            "' OR 1=1 --",
            "{{7*7}}",
            "${jndi:ldap://x}",
            "\x1b[31m",
            "\x00",
            "a" * 9000,
            "shop#V#",
            "RUN#x",
            "0" * 26,
            "💥",
            "https://evil.example.com",
            "//evil.example.com",
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), NASTY),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NASTY, inner, max_size=3)),
    max_leaves=8,
)
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def cloud() -> SimulatedCloud:
    cloud = SimulatedCloud(checks_parameters=False, schedules=False)
    cloud.apply(PIPELINE)
    for number in (1, 2):
        push(cloud, number)
        cloud.aws.timeline.advance(minutes=5)
    return cloud


def send(cloud, method, url, body=None, headers=FORM, **more) -> Answer:
    return cloud.deployment.http.request(method, url, body, headers, **more)


def key_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["k"][0]


def fields(link: str, **more: str) -> dict[str, str]:
    approval_id, key = urlsplit(link).path.rsplit("/", 1)[-1], key_of(link)
    return {"k": key, "form": form_token(approval_id, key), "name": "bob", "decision": "approve", **more}


@FUZZ
@given(data=st.data())
def test_no_request_to_any_route_is_a_server_error_or_tells_a_secret(cloud, data):
    route = data.draw(st.sampled_from(cloud.deployment.http.routes))
    path = "/".join(
        data.draw(NASTY).replace("/", "%2F") or "x" if part.startswith("{") else part for part in route.path.split("/")
    )
    query = urlencode(data.draw(st.dictionaries(st.sampled_from(["k", "days", "limit", "from", "token"]), NASTY)))
    body = data.draw(st.one_of(VALUES.map(json.dumps), NASTY, st.binary(max_size=60)))
    headers = {
        **data.draw(st.sampled_from([FORM, JSON, {}])),
        "x-http-method-override": "DELETE",
        "x-forwarded-host": "evil",
    }

    answer = send(cloud, route.method, f"{path}?{query}", body, headers, caller=ALICE)

    assert answer.status < 500, (route, path, query, body, answer)
    assert "location" not in {name.lower() for name in answer.headers}
    assert b"Traceback" not in answer.body


@FUZZ
@given(
    form=st.dictionaries(st.sampled_from(["k", "form", "name", "decision", "comment", "id"]), NASTY),
    method=st.sampled_from(METHODS),
)
def test_no_made_up_form_decides(cloud, form, method):
    before = items(cloud)

    answer = send(cloud, method, cloud.links()[0].split("?")[0], urlencode(form))

    assert answer.status in {200, 400, 403, 404, 405, 413}
    assert items(cloud) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_looking_changes_nothing_whatever_the_query_says(cloud, method):
    before = items(cloud)
    link = cloud.links()[0]

    send(
        cloud,
        method,
        f"{link}&{urlencode(fields(link))}",
        urlencode(fields(link)),
        {**FORM, "x-http-method-override": "POST"},
    )

    assert items(cloud) == before


def test_a_capability_opens_one_approval_and_no_other(cloud):
    first, second = dict.fromkeys(cloud.links())
    before = items(cloud)
    mixed = {**fields(first), "k": key_of(second)}

    answers = [
        send(cloud, "GET", f"{first.split('?')[0]}?k={key_of(second)}"),
        send(cloud, "POST", first.split("?")[0], urlencode(mixed)),
        send(cloud, "POST", first, urlencode({**fields(first), "k": ""})),
        send(cloud, "POST", first, urlencode({**fields(first), "form": ""})),
        send(cloud, "POST", first, urlencode({**fields(first), "form": fields(second)["form"]})),
        send(cloud, "POST", second, urlencode(fields(first))),
    ]

    assert {answer.status for answer in answers} == {403}
    assert items(cloud) == before


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda key: key[:-1], lambda key: key + "A", lambda key: key[::-1]]
)
def test_a_tampered_capability_opens_nothing(cloud, change):
    link = cloud.links()[0]

    assert send(cloud, "GET", f"{link.split('?')[0]}?k={change(key_of(link))}").status == 403


def test_wrong_and_unknown_links_answer_alike(cloud):
    wrong = send(cloud, "GET", f"{cloud.links()[0].split('?')[0]}?k={'A' * 43}")
    unknown = send(cloud, "GET", f"/approvals/{'0' * 26}.01.1.entry?k={'A' * 43}")

    assert (wrong.status, wrong.headers) == (unknown.status, unknown.headers)
    assert wrong.body == unknown.body


def test_an_oversized_form_is_refused_before_it_is_read(cloud):
    link = cloud.links()[0]
    before = items(cloud)

    assert send(cloud, "POST", link, urlencode(fields(link, comment="x" * 300_000))).status == 413
    assert items(cloud) == before


def test_the_page_is_strict_about_who_may_frame_store_and_follow_it(cloud):
    answer = send(cloud, "GET", cloud.links()[0])
    headers = {name.lower(): value for name, value in answer.headers.items()}

    assert answer.status == 200
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "form-action 'self'" in headers["content-security-policy"]
    assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"")


def test_no_page_link_or_answer_holds_a_task_token(cloud):
    tokens = {one["token"] for one in items(cloud) if one.get("token")}
    nonces = {one["nonce"] for one in items(cloud) if one.get("nonce")}
    run = cloud.runs()[0]["run_id"]
    texts = [send(cloud, "GET", link).body.decode() for link in cloud.links()] + cloud.links()
    texts += [
        send(cloud, "GET", path, caller=ALICE).body.decode()
        for path in ("/v1/approvals", f"/v1/runs/{run}", "/v1/runs")
    ]
    texts += [one.message for one in cloud.aws.sns.published] + [json.dumps(cloud.lines, default=str)]

    assert tokens
    assert not [secret for secret in tokens | nonces for text in texts if secret in text]


def test_nobody_unknown_gets_past_a_guarded_route(cloud):
    guarded = [route for route in cloud.deployment.http.routes if not route.is_open]

    answers = {
        send(cloud, route.method, route.path.replace("{", "").replace("}", ""), "{}", JSON).status for route in guarded
    }

    assert len(guarded) > 20
    assert answers == {403}


def test_only_the_approval_page_is_open():
    assert {route.path for route in SimulatedCloud().deployment.http.routes if route.is_open} == {"/approvals/{id}"}
