"""A link that a newer release sent is said to be that, to people and to programs, and opens nothing."""

import json
from urllib.parse import quote

import pytest

from buildgate.web.approval_page import ApprovalPage
from run_records import RUN_ID
from web_requests import form_event, http_event

KNOWN, UNKNOWN = f"{RUN_ID}.00.1.entry", "x"


@pytest.fixture
def page(world):
    w = world.w
    return ApprovalPage(w.runs, w.pipelines, w.approvals, w.decide_approval, w.clock)


def look(page, approval_id, capability, **headers):
    event = http_event("GET", f"/approvals/{approval_id}", query=f"k={quote(capability)}", id=approval_id)
    return page(event | {"headers": headers})


@pytest.mark.parametrize("approval_id", [KNOWN, UNKNOWN])
def test_a_newer_link_says_so_whatever_it_leads_to(page, approval_id):
    capability = f"2.{'a' * 60}"

    answers = [
        look(page, approval_id, capability),
        page(form_event(approval_id, k=capability, decision="approve", name="bob", form="")),
    ]

    for answer in answers:
        assert answer.status_code == 403
        assert "A newer release sent this link" in answer.body
        assert "This link has format 2, and this release reads links of format 1" in answer.body


def test_a_newer_link_says_so_in_json_to_who_asks_for_that(page):
    answer = look(page, UNKNOWN, "12.abc", Accept="application/json")

    assert (answer.status_code, answer.content_type) == (403, "application/json")
    assert json.loads(answer.body)["error"] == {
        "class": "Rejected",
        "message": "this link has format 12, and this release reads links of format 1",
        "field": "k",
        "fix": "ask for a new link, or deploy the newer release again",
    }


@pytest.mark.parametrize("capability", ["1.abc", "0.abc", "2", ".", "99999.a", "\u0662.a", "2a.b", ""])
def test_what_only_looks_like_a_newer_link_is_a_wrong_one(page, capability):
    assert look(page, UNKNOWN, capability).body == look(page, UNKNOWN, "wrong").body
