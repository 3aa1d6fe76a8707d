"""Who waits for whom, on the API and on the page of an approval."""

from __future__ import annotations

import json
import re

import pytest

from buildgate.domain.notices import Topic
from buildgate.domain.pipelines import ApprovalRule, BuildStep, Stage
from buildgate.web.api import Api
from buildgate.web.approval_page import ApprovalPage
from core_world import LINKS
from web_requests import form_event, http_event, json_event

BUILDS = (BuildStep("unit", "shop-unit"),)


def opened(world, stage, count=2):
    world.apply(stage)
    runs = [world.run(world.w.start_run(world.push()).run_ids[0]) for _ in range(count)]
    for run in runs:
        world.next_step(run.run_id)
    return [run.run_id for run in runs]


@pytest.fixture
def api(world):
    def ask(path):
        answer = Api(world.w)(json_event("GET", path, None, actor="arn:aws:iam::0:user/alice"))
        return answer.status_code, json.loads(answer.body)

    return ask


def test_a_run_says_behind_whom_it_waits(world, api):
    first, second, third = opened(world, Stage("release", builds=BUILDS, mode="queued"), 3)

    (inside,), (waiting,) = (api(f"/v1/runs/{one}")[1]["run"]["stages"] for one in (first, third))

    assert (inside["lane"]["state"], inside["reason"]) == ("holding", "")
    assert (waiting["lane"]["state"], waiting["lane"]["behind"], waiting["lane"]["ahead"]) == ("waiting", second, 2)
    assert waiting["reason"] == f"waits for stage shop/release behind run {second}, 2 are ahead"


def test_a_pipeline_shows_its_lanes(world, api):
    first, second = opened(world, Stage("release", builds=BUILDS, mode="queued", lock="production"))

    (lane,) = api("/v1/pipelines/shop/lanes")[1]["lanes"]

    assert (lane["lane"], lane["stages"], lane["holder"]["run_id"]) == ("lock production", ["release"], first)
    assert [turn["run_id"] for turn in lane["waiting"]] == [second]


def test_a_pipeline_without_modes_has_no_lanes(world, api):
    world.apply()

    assert api("/v1/pipelines/shop/lanes") == (200, {"lanes": []})
    assert api("/v1/pipelines/none/lanes")[0] == 404


def test_the_page_of_a_superseded_approval_names_the_newer_run_and_takes_no_decision(world, api):
    stage = Stage("release", builds=BUILDS, mode="superseded", approval=ApprovalRule(("bob@example.com",)))
    world.apply(stage)
    first = world.w.start_run(world.push()).run_ids[0]
    world.next_step(first)
    world.request.park(first, stage=0, name="entry", token=world.token())
    capability = re.search(rf"{LINKS}/approvals/\S+\?k=([\w-]+)", world.published(Topic.APPROVAL)[0].text_for("email"))[
        1
    ]
    w, approval_id = world.w, f"{first}.00.1.entry"
    page = ApprovalPage(w.runs, w.pipelines, w.approvals, w.decide_approval, w.clock)
    opened_before = page(http_event("GET", f"/approvals/{approval_id}", query=f"k={capability}", id=approval_id))
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', opened_before.body)) | {
        "decision": "approve",
        "name": "bob",
    }

    second = world.w.start_run(world.push()).run_ids[0]
    world.next_step(second)

    shown = page(http_event("GET", f"/approvals/{approval_id}", query=f"k={capability}", id=approval_id))
    posted = page(form_event(approval_id, **form))
    assert (shown.status_code, posted.status_code) == (409, 409)
    assert second in shown.body
    assert second in posted.body
    assert "<form" not in shown.body
    assert api(f"/v1/approvals/{approval_id}")[1]["approval"]["superseded_by"] == second
