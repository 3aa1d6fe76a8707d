"""The approval page: looking never decides, posting does, once, and nothing can be learned by trying."""

import re
from datetime import timedelta

import pytest

from buildgate.domain.approvals import ApprovalRef, ApprovalStatus, form_token
from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import BuildStep, Stage
from buildgate.web.approval_page import ApprovalPage, time_left
from buildgate.web.http import SECURITY_HEADERS
from core_world import ALICE, LINKS
from run_records import RUN_ID, approval_rule
from web_requests import form_event, http_event

HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & {{ 7 * 7 }} {% raw %}"
BUILD = Stage("test", builds=(BuildStep("unit", "shop-unit"),))


@pytest.fixture
def page(world):
    w = world.w
    return ApprovalPage(w.runs, w.pipelines, w.approvals, w.decide_approval, w.clock)


def asked(world, *, message="Add a basket", stages=(), **rule):
    """Bring a run to its approval; return its id, each capability that was sent, and the waiting task's token."""
    world.apply(*stages, Stage("release", approval=approval_rule(**rule), builds=(BuildStep("ship", "shop-ship"),)))
    (run_id,) = world.w.start_run(world.push(message=message)).run_ids
    world.next_step(run_id)
    for index, stage in enumerate(stages):
        for build in stage.builds:
            build_id = world.start_build(world.slot(world.run(run_id), build.name, index), token=world.token()).build_id
            world.end_build(build_id)
            world.w.record_build.by_id(build_id)
    world.next_step(run_id)
    token = world.token()
    world.request.park(run_id, stage=len(stages), name="entry", token=token)
    texts = [sent.text_for("email") for sent in world.published(Topic.APPROVAL)]
    capabilities = [re.search(rf"{LINKS}/approvals/\S+\?k=([\w-]+)", text)[1] for text in texts]
    return f"{run_id}.{len(stages):02d}.1.entry", capabilities, token


def look(page, approval_id, capability, method="GET"):
    return page(http_event(method, f"/approvals/{approval_id}", query=f"k={capability}", id=approval_id))


def post(page, approval_id, capability, decision="approve", **fields):
    fields = {"name": "bob", "form": form_token(approval_id, capability), **fields}
    return page(form_event(approval_id, k=capability, decision=decision, **fields))


def status_of(world, approval_id):
    return world.w.approvals.get(ApprovalRef.from_text(approval_id)).status


# ---------------------------------------------------------------------------------------------------- looking


def test_a_thousand_visits_of_every_method_change_nothing(world, page):
    approval_id, (capability,), token = asked(world)
    before = world.dump()

    for number in range(1000):
        method = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get")[number % 8]
        look(page, approval_id, capability if number % 3 else "wrong", method)

    assert world.dump() == before
    assert world.fate(token) == "waits"


def test_the_page_shows_what_is_asked_and_what_is_known(world, page):
    approval_id, (capability,), _ = asked(world, stages=(BUILD,), instructions="Read the notes")

    answer = look(page, approval_id, capability)

    commit = world.aws.codecommit.repositories["shop"].branches["main"]
    assert answer.status_code == 200
    for part in (
        *("shop", "release", "main", commit[:10], "Add a basket", "alice@example.com", ALICE, "Read the notes"),
        *("test", "unit", ">succeeded</span>", "What follows", "ship", "Approve", "Reject"),
    ):
        assert part in answer.body


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "in 1 minute"), (59 * 60, "in 59 minutes"), (23 * 3600 + 5, "in 23 hours"), (3 * 86400, "in 3 days")],
)
def test_how_long_there_is_to_decide_is_said_in_the_unit_that_matters(seconds, words):
    assert time_left(timedelta(seconds=seconds)) == words


def test_the_page_works_without_scripts_and_without_anything_from_elsewhere(world, page):
    approval_id, (capability,), _ = asked(world)

    body = look(page, approval_id, capability).body

    assert "<script" not in body
    assert re.findall(r'(?:src|href)="', body) == []
    assert 'method="post"' in body


def test_every_answer_has_strict_headers(world, page):
    approval_id, (capability,), _ = asked(world)

    answers = [
        look(page, approval_id, capability),
        look(page, approval_id, "wrong"),
        look(page, approval_id, capability, "DELETE"),
        post(page, approval_id, capability, form="x"),
        post(page, approval_id, capability),
    ]

    for answer in answers:
        headers = answer.to_data()["headers"]
        assert SECURITY_HEADERS.items() <= headers.items()
        assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in SECURITY_HEADERS["content-security-policy"]
    assert (SECURITY_HEADERS["cache-control"], SECURITY_HEADERS["referrer-policy"]) == ("no-store", "no-referrer")


def test_hostile_text_is_shown_as_text(world, page):
    approval_id, (capability,), _ = asked(world, message=HOSTILE, instructions=HOSTILE)

    body = look(page, approval_id, capability).body

    assert "<script>" not in body
    assert body.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
    assert "{{ 7 * 7 }}" in body


def test_hostile_names_and_comments_are_shown_as_text(world, page):
    approval_id, (capability,), _ = asked(world)

    answer = post(page, approval_id, capability, name=HOSTILE, comment=HOSTILE)

    assert answer.status_code == 200
    assert "<script>" not in answer.body + look(page, approval_id, capability).body


def test_no_token_nonce_or_fingerprint_is_in_any_answer(world, page):
    approval_id, (capability,), token = asked(world, stages=(BUILD,))
    run = world.w.runs.record(approval_id.split(".")[0])
    secrets = [token, *(slot.nonce for slot in run.slots), *(slot.token for slot in run.slots)]
    secrets += [one.fingerprint for one in world.w.approvals.get(ApprovalRef.from_text(approval_id)).capabilities]

    answers = [
        look(page, approval_id, capability),
        look(page, approval_id, "wrong"),
        post(page, approval_id, capability),
        look(page, approval_id, capability),
    ]

    known = [secret for secret in secrets if secret]
    assert len(known) == 4
    assert not [secret for secret in known for answer in answers if secret in answer.body]


# ---------------------------------------------------------------------------------------------------- who may


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_wrong_links_and_unknown_approvals_are_answered_alike(world, page, method):
    approval_id, (capability,), _ = asked(world)
    unknown = f"{RUN_ID}.00.1.entry"
    hostile = ["x", "", "....", "a" * 8000, f"{RUN_ID}.{'9' * 5000}.1.entry", f"{RUN_ID}.0.1.{'n' * 2000}", "💥.0.1.x"]
    pairs = [(approval_id, "wrong"), (approval_id, ""), (unknown, capability), *((one, capability) for one in hostile)]

    if method == "POST":
        answers = [post(page, one, secret) for one, secret in pairs]
    else:
        answers = [look(page, one, secret, method) for one, secret in pairs]

    assert {(answer.status_code, answer.body) for answer in answers} == {(403, answers[0].body)}
    assert status_of(world, approval_id) is ApprovalStatus.WAITING


def test_a_link_opens_its_own_approval_only(world, page):
    first, (capability,), _ = asked(world)
    second, capabilities, _ = asked(world)

    assert look(page, first, capabilities[-1]).status_code == 403
    assert look(page, second, capability).status_code == 403


def test_a_capability_in_the_query_does_not_decide(world, page):
    approval_id, (capability,), _ = asked(world)
    event = http_event("POST", f"/approvals/{approval_id}", query=f"k={capability}&decision=approve", id=approval_id)

    assert page(event).status_code == 403
    assert status_of(world, approval_id) is ApprovalStatus.WAITING


@pytest.mark.parametrize("form", ["", "wrong"])
def test_a_blind_post_without_the_pages_own_token_decides_nothing(world, page, form):
    approval_id, (capability,), _ = asked(world)

    assert post(page, approval_id, capability, form=form).status_code == 403
    assert status_of(world, approval_id) is ApprovalStatus.WAITING


def test_the_form_carries_what_a_post_needs(world, page):
    approval_id, (capability,), token = asked(world)
    body = look(page, approval_id, capability).body
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', body))

    answer = page(form_event(approval_id, **hidden, name="bob", comment="", decision="approve"))

    assert (answer.status_code, world.fate(token)) == (200, "went on")


def test_a_broadcast_link_asks_for_a_name_and_a_mailbox_link_knows_it(world, page):
    approval_id, (capability,), _ = asked(world)
    assert post(page, approval_id, capability, name="  ").status_code == 400
    assert 'name="name"' in look(page, approval_id, capability).body

    people = ("bob@example.com", "eve@example.com")
    mailbox, capabilities, _ = asked(world, channel="mailbox", approvers=people)
    assert 'name="name"' not in look(page, mailbox, capabilities[-1]).body
    answer = post(page, mailbox, capabilities[-1], name="somebody else")

    (decision,) = world.w.approvals.get(ApprovalRef.from_text(mailbox)).decisions
    assert answer.status_code == 200
    assert (decision.actor, decision.identity) == ("eve@example.com", "mailbox")


# ---------------------------------------------------------------------------------------------------- deciding


def test_a_decision_by_link_is_recorded_as_self_declared(world, page):
    approval_id, (capability,), token = asked(world)

    answer = post(page, approval_id, capability, comment="Looks good")

    (decision,) = world.w.approvals.get(ApprovalRef.from_text(approval_id)).decisions
    assert (answer.status_code, answer.actor) == (200, "bob")
    assert (decision.actor, decision.identity, decision.comment) == ("bob", "link", "Looks good")
    assert world.fate(token) == "went on"
    assert ">approved</span>" in answer.body


def test_the_same_decision_again_is_well_another_is_a_conflict(world, page):
    approval_id, (capability,), _ = asked(world)
    post(page, approval_id, capability)

    again = post(page, approval_id, capability)
    other = post(page, approval_id, capability, "reject", name="eve")

    assert (again.status_code, other.status_code) == (200, 409)
    assert "nothing has changed" in again.body
    assert "bob approved this" in other.body
    assert status_of(world, approval_id) is ApprovalStatus.APPROVED


def test_a_decided_approval_is_shown_without_buttons(world, page):
    approval_id, (capability,), _ = asked(world)
    post(page, approval_id, capability, "reject", comment="Not on a Friday")

    answer = look(page, approval_id, capability)

    assert answer.status_code == 200
    assert "Not on a Friday" in answer.body
    assert "<button" not in answer.body


def test_an_expired_approval_is_gone(world, page):
    approval_id, (capability,), token = asked(world)
    world.clock.advance(hours=1)

    answers = [look(page, approval_id, capability), post(page, approval_id, capability)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert "<button" not in answers[0].body
    assert world.fate(token) == "waits"


def test_an_approval_of_an_ended_run_is_a_conflict(world, page):
    approval_id, (capability,), _ = asked(world)
    world.w.close_run(approval_id.split(".")[0])

    assert look(page, approval_id, capability).status_code == 200
    assert post(page, approval_id, capability).status_code == 409


def test_somebody_who_is_barred_is_refused(world, page):
    approval_id, (capability,), _ = asked(world, channel="mailbox", approvers=("alice@example.com",), allow_self=False)

    answer = post(page, approval_id, capability)

    assert answer.status_code == 403
    assert "may not approve it" in answer.body


@pytest.mark.parametrize("decision", ["", "maybe", "APPROVE"])
def test_only_the_two_buttons_decide(world, page, decision):
    approval_id, (capability,), _ = asked(world)

    assert post(page, approval_id, capability, decision).status_code == 400
    assert status_of(world, approval_id) is ApprovalStatus.WAITING


def test_a_quorum_is_counted_and_said(world, page):
    people = ("bob@example.com", "eve@example.com")
    approval_id, capabilities, token = asked(world, channel="mailbox", approvers=people, required=2)

    first = post(page, approval_id, capabilities[0])
    second = post(page, approval_id, capabilities[1])

    assert "more are needed" in first.body
    assert "1 of 2 approvals" in first.body
    assert (second.status_code, world.fate(token)) == (200, "went on")


# ---------------------------------------------------------------------------------------------------- bad requests


def test_a_body_that_is_too_large_or_not_a_form_is_refused(world, page):
    approval_id, (capability,), _ = asked(world)
    path = f"/approvals/{approval_id}"
    bodies = {
        b"k=" + capability.encode() + b"&comment=" + b"x" * 300_000: 413,
        b"&".join(b"a%d=1" % number for number in range(60)): 403,
        b"\xff\xfe\x00": 403,
        b"": 403,
    }

    for body, status in bodies.items():
        assert page(http_event("POST", path, body=body, id=approval_id)).status_code == status
    broken = http_event("POST", path, body="not base64!", id=approval_id) | {"isBase64Encoded": True}
    assert page(broken).status_code == 403


def test_a_request_without_anything_is_answered(page):
    assert page({}).status_code == 405
    assert page({"requestContext": {"http": {"method": "GET"}}}).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_table_that_does_not_answer_is_said_in_words(world, page, method):
    approval_id, (capability,), _ = asked(world)
    world.trouble("dynamodb", "get_item")

    answer = look(page, approval_id, capability) if method == "GET" else post(page, approval_id, capability)

    assert answer.status_code == 503
    assert "Try again" in answer.body
