"""Approvals on the operator API: listed, shown, decided once by whoever calls, and refused with what happened."""

import json

import pytest

from api_calls import BOB, approval_id, call, opened
from buildgate.web.api import Api
from core_world import ALICE
from run_records import RUN_ID
from web_requests import json_event


@pytest.fixture
def api(world):
    return Api(world.w)


def test_an_approval_is_listed_shown_and_decided_by_who_calls(world, api):
    run = opened(world)
    (listed,) = call(api, "GET", "/v1/approvals")[1]["approvals"]
    shown = call(api, "GET", f"/v1/approvals/{listed['id']}")[1]
    assert (shown["approval"]["id"], shown["run"]["run_id"]) == (approval_id(run), run.run_id)

    decided = call(api, "POST", f"/v1/approvals/{listed['id']}/decision", {"decision": "approve", "comment": "ok"})

    assert decided[0] == 200
    assert (decided[1]["approval"]["decided_by"], decided[1]["approval"]["identity"]) == (BOB, "iam")
    assert call(api, "GET", "/v1/approvals")[1]["approvals"] == []


def test_the_same_decision_again_is_well_and_another_is_a_conflict(world, api):
    path = f"/v1/approvals/{approval_id(opened(world))}/decision"
    call(api, "POST", path, {"decision": "reject"})

    assert call(api, "POST", path, {"decision": "reject"})[0] == 200
    status, body = call(api, "POST", path, {"decision": "approve"}, actor=ALICE)
    assert (status, body["error"]["class"]) == (409, "Conflict")
    assert f"{BOB} rejected this" in body["error"]["message"]


def test_a_late_decision_is_a_conflict(world, api):
    path = f"/v1/approvals/{approval_id(opened(world))}/decision"
    world.clock.advance(hours=2)

    status, body = call(api, "POST", path, {"decision": "approve"})

    assert (status, "expired" in body["error"]["message"]) == (409, True)


@pytest.mark.parametrize("decision", [None, "", "yes", 1, ["approve"]])
def test_a_decision_is_one_of_two_words(world, api, decision):
    path = f"/v1/approvals/{approval_id(opened(world))}/decision"

    assert call(api, "POST", path, {"decision": decision})[1]["error"]["field"] == "decision"


@pytest.mark.parametrize("name", ["x", "a" * 3000, f"{RUN_ID}.{'9' * 5000}.1.entry", f"{RUN_ID}.00.1.entry"])
def test_an_approval_that_is_not_there_is_not_found(api, name):
    status, body = call(api, "GET", f"/v1/approvals/{name}")

    assert (status, body["error"]["fix"]) == (404, "buildgate approval list")


def test_an_oidc_caller_is_known_by_address(world, api):
    run = opened(world)
    event = json_event("POST", f"/v1/approvals/{approval_id(run)}/decision", {"decision": "approve"})
    event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": "123", "email": "bob@example.com"}}}

    decided = json.loads(api(event).body)["approval"]

    assert (decided["decided_by"], decided["identity"]) == ("bob@example.com", "oidc")
