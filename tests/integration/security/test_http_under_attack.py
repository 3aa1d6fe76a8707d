"""Requests that somebody made up: replayed, late, smuggled, at once, with secrets that are almost right."""

from __future__ import annotations

import hmac
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from buildgate.domain.approvals import form_token
from fault_world import PIPELINE, items, push
from simulated_cloud import ALICE, SimulatedCloud

FORM = {"content-type": "application/x-www-form-urlencoded"}
FORGED = {
    "x-http-method-override": "POST",
    "x-method-override": "POST",
    "x-original-method": "POST",
    "x-original-url": "/v1/pipelines",
    "x-rewrite-url": "/v1/pipelines",
    "x-forwarded-user": ALICE,
    "x-amzn-iam-user-arn": ALICE,
    "x-amz-user-arn": ALICE,
    "authorization": f"Bearer {ALICE}",
    "forwarded": "host=evil.example.com;proto=http",
    "x-forwarded-host": "evil.example.com",
    "x-forwarded-proto": "http",
    "host": "evil.example.com",
    "transfer-encoding": "chunked",
    "content-length": "0",
    "expect": "100-continue",
    "origin": "https://evil.example.com",
    "referer": "https://evil.example.com/",
}


def waiting_cloud() -> SimulatedCloud:
    cloud = SimulatedCloud(checks_parameters=False, schedules=False)
    cloud.apply(PIPELINE)
    push(cloud)
    cloud.aws.timeline.advance(minutes=5)
    return cloud


@pytest.fixture
def cloud() -> SimulatedCloud:
    return waiting_cloud()


@pytest.fixture(scope="module")
def untouched() -> SimulatedCloud:
    """A cloud that no test of this module may change."""
    return waiting_cloud()


def fields(link: str, **more: str) -> dict[str, str]:
    approval_id, key = urlsplit(link).path.rsplit("/", 1)[-1], parse_qs(urlsplit(link).query)["k"][0]
    return {"k": key, "form": form_token(approval_id, key), "name": "bob", "decision": "approve", **more}


def page_of(link: str) -> str:
    return link.partition("?")[0]


def post(cloud, link, headers=FORM, **more):
    return cloud.deployment.http.request("POST", page_of(link), urlencode(fields(link, **more)), headers)


# ------------------------------------------------------------------------------------------------ replayed and late


def test_a_replayed_decision_is_answered_and_changes_nothing(cloud):
    link = cloud.links()[0]
    post(cloud, link)
    before = items(cloud)

    again = [post(cloud, link) for _ in range(3)]

    assert [answer.status for answer in again] == [200, 200, 200]
    assert items(cloud) == before


def test_a_replayed_form_with_the_other_button_is_refused_and_names_who_decided(cloud):
    link = cloud.links()[0]
    post(cloud, link, name="bob")
    before = items(cloud)

    other = post(cloud, link, name="alice", decision="reject")

    assert other.status == 409
    assert b"bob" in other.body
    assert items(cloud) == before


def test_a_form_that_was_opened_in_time_and_sent_too_late_decides_nothing(cloud):
    link = cloud.links()[0]
    assert cloud.deployment.http.request("GET", link).status == 200
    cloud.aws.timeline.advance(hours=25)
    before = items(cloud)

    answers = [post(cloud, link), cloud.deployment.http.request("GET", link), post(cloud, link, decision="reject")]

    assert [answer.status for answer in answers] == [410, 410, 410]
    assert items(cloud) == before


def test_a_link_of_an_ended_run_opens_and_decides_nothing(cloud):
    link = cloud.links()[0]
    cloud.ask("POST", f"/v1/runs/{cloud.runs()[0]['run_id']}/stop", {"comment": ""})
    cloud.aws.timeline.advance(minutes=5)
    before = items(cloud)

    assert post(cloud, link).status in {409, 410}
    assert items(cloud) == before


# ------------------------------------------------------------------------------------------------ at once


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_of_two_decisions_at_once_one_counts_and_the_other_is_told(cloud, first):
    """The second is made between the first one's look and its write, where a race would be lost."""
    link = cloud.links()[0]
    second = "reject" if first == "approve" else "approve"
    inner: list[int] = []

    def meanwhile(call, proceed):
        if call.service == "dynamodb" and call.operation in {"update_item", "transact_write_items"} and not inner:
            inner.append(0)
            inner[0] = post(cloud, link, name="alice", decision=second).status
        return proceed()

    cloud.aws.boundary = meanwhile
    outer = post(cloud, link, name="bob", decision=first)
    cloud.aws.boundary = cloud.aws.faults

    assert (inner, outer.status) == ([200], 409)
    assert b"alice" in outer.body
    approval = cloud.call("GET", f"/v1/approvals/{urlsplit(link).path.rsplit('/', 1)[-1]}")["approval"]
    assert [(one["actor"], one["decision"]) for one in approval["decisions"]] == [("alice", second)]


# ------------------------------------------------------------------------------------------------ smuggled


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_no_header_turns_looking_into_deciding(untouched, method):
    link, before = untouched.links()[0], items(untouched)

    for name, value in FORGED.items():
        headers = {**FORM, name: value}
        untouched.deployment.http.request(method, f"{link}&_method=POST", urlencode(fields(link)), headers)

    assert items(untouched) == before


def test_no_header_and_no_field_says_who_calls(untouched):
    run, before = untouched.runs()[0]["run_id"], items(untouched)
    body = json.dumps({"actor": ALICE, "requestContext": {"authorizer": {"iam": {"userArn": ALICE}}}})

    for headers in (FORGED, *({name: value} for name, value in FORGED.items())):
        for method, path in (("GET", "/v1/runs"), ("POST", f"/v1/runs/{run}/stop")):
            url = f"{path}?actor={ALICE}&userArn={ALICE}"
            assert untouched.deployment.http.request(method, url, body, headers).status == 403
    assert items(untouched) == before


def test_who_decides_through_the_api_is_who_aws_proved_whatever_the_body_says(cloud):
    approval = cloud.call("GET", "/v1/approvals")["approvals"][0]["id"]
    forged = {"decision": "approve", "comment": "", "actor": "carol", "identity": "oidc", "name": "carol"}

    cloud.ask("POST", f"/v1/approvals/{approval}/decision", forged)

    decided = cloud.call("GET", f"/v1/approvals/{approval}")["approval"]
    assert [(one["actor"], one["identity"]) for one in decided["decisions"]] in ([], [(ALICE, "iam")])


def test_a_form_in_another_content_type_or_with_fields_twice_decides_nothing_new(untouched):
    link, before = untouched.links()[0], items(untouched)
    form = fields(link)
    doubled = urlencode([*form.items(), ("form", "x"), ("decision", "reject")])

    for body, headers in (
        (json.dumps(form), {"content-type": "application/json"}),
        (doubled, FORM),
        (urlencode(form).encode("utf-16"), FORM),
        (b"--x\r\nContent-Disposition: form-data; name=k\r\n\r\n" + form["k"].encode(), {"content-type": "text/plain"}),
    ):
        assert untouched.deployment.http.request("POST", page_of(link), body, headers).status in {400, 403}
    assert items(untouched) == before


def test_a_secret_of_any_letters_is_refused_and_no_server_error(untouched):
    link, before = untouched.links()[0], items(untouched)

    for made_up in ("", "\u2603", "\x00", "0" * 64, "x" * 10_000, "\ud83d", "\U0001f600" * 9):
        for field in ("form", "k"):
            body = urlencode(list(fields(link, **{field: made_up}).items()), errors="surrogatepass")
            answer = untouched.deployment.http.request("POST", page_of(link), body, FORM)
            assert answer.status == 403, (field, made_up)
    assert items(untouched) == before


def test_a_body_beyond_the_limit_is_refused_by_every_route_that_takes_one(untouched):
    before, large = items(untouched), json.dumps({"comment": "x" * 300_000})
    link = untouched.links()[0]

    for route in untouched.deployment.http.routes:
        if route.method in {"POST", "PUT"} and not route.is_open:
            path = route.path.replace("{", "").replace("}", "")
            sent = untouched.deployment.http.request(
                route.method, path, large, {"content-type": "application/json"}, caller=ALICE
            )
            assert sent.status == 413, route
    assert post(untouched, link, comment="x" * 300_000).status == 413
    assert items(untouched) == before


# ------------------------------------------------------------------------------------------------ nothing leads away


@pytest.mark.parametrize("name", ["next", "url", "redirect", "return_to", "continue"])
def test_no_answer_sends_people_elsewhere(untouched, name):
    link = untouched.links()[0]
    away = urlencode({name: "https://evil.example.com/"})

    answers = [
        untouched.deployment.http.request(method, f"{link}&{away}", away, {**FORM, **FORGED})
        for method in ("GET", "HEAD", "POST")
    ]

    for answer in answers:
        headers = {one.lower() for one in answer.headers}
        assert answer.status < 300 or answer.status >= 400
        assert not headers & {"location", "refresh", "content-location"}
        assert b"evil.example.com" not in answer.body


def test_link_previews_and_scanners_change_nothing(untouched):
    link, before = untouched.links()[0], items(untouched)

    for agent in ("Slackbot-LinkExpanding 1.0", "Microsoft Office Existence Discovery", "Mozilla/5.0 (scanner)"):
        for method in ("HEAD", "GET", "OPTIONS"):
            untouched.deployment.http.request(method, link, headers={"user-agent": agent, "purpose": "prefetch"})
        blind = untouched.deployment.http.request("POST", link, b"", {"user-agent": agent})
        assert blind.status == 403

    assert items(untouched) == before


def test_no_form_or_link_of_a_page_holds_anything_but_its_own_capability(untouched):
    link = untouched.links()[0]
    page = untouched.deployment.http.request("GET", link).body.decode()
    secrets = [
        str(one[name]) for one in items(untouched) for name in ("token", "nonce", "fingerprint") if one.get(name)
    ]

    assert len(secrets) > 1
    assert [secret for secret in secrets if secret in page + link] == []
    assert page.count(fields(link)["k"]) == 1


# ------------------------------------------------------------------------------------------------ equal work


class Comparisons:
    """Counts what is compared in constant time, and how long the two sides are."""

    def __init__(self, monkeypatch) -> None:
        self.lengths: list[tuple[int, int]] = []
        real = hmac.compare_digest

        def compare(left, right):
            self.lengths.append((len(left), len(right)))
            return real(left, right)

        monkeypatch.setattr("buildgate.domain.approvals.hmac.compare_digest", compare)
        monkeypatch.setattr("buildgate.web.approval_page.compare_digest", compare)
        monkeypatch.setattr("buildgate.web.paging.hmac.compare_digest", compare)

    def of(self, ask) -> list[tuple[int, int]]:
        self.lengths.clear()
        ask()
        return list(self.lengths)


def test_right_almost_right_and_unknown_links_cost_the_same_comparisons(untouched, monkeypatch):
    """By construction, not by a stop-watch: each presented secret is hashed first and compared in constant time."""
    comparisons = Comparisons(monkeypatch)
    link = untouched.links()[0]
    key, page = fields(link)["k"], page_of(link)
    unknown = "/approvals/" + "0" * 26 + ".01.1.entry"
    wrong = [key[:-1] + "x", "x" + key[1:], "x" * 43, "", "x" * 5000]

    def opened(url):
        return comparisons.of(lambda: untouched.deployment.http.request("GET", url))

    right = opened(link)

    assert right == [(64, 64)]
    assert [opened(f"{page}?k={one}") for one in wrong] == [right] * len(wrong)
    assert opened(f"{unknown}?k={key}") == right


def test_the_forms_proof_and_page_tokens_are_compared_in_constant_time(untouched, monkeypatch):
    comparisons = Comparisons(monkeypatch)
    link = untouched.links()[0]
    proof = fields(link)["form"]

    def sent(form):
        return comparisons.of(lambda: post(untouched, link, form=form, decision="neither"))

    assert sent(proof) == [(64, 64), (64, 64)]
    assert sent("x" + proof[1:]) == sent(proof[:-1] + "x") == [(64, 64), (64, 64)]
    listed = comparisons.of(lambda: untouched.ask("GET", "/v1/runs?next=" + "QUFB" * 10))
    assert listed == [(16, 16)]
