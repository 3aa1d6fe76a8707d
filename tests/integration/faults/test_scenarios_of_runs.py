"""Fault scenarios 25 to 29, 32 and 35: executions, approvals, stops, upgrades and lost pushes."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.faults import Fault
from fault_world import PIPELINE, calm, disturb, items, push, shop
from gated_world import GOOD, ended, gated
from simulated_cloud import ALICE, SimulatedCloud


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CRASH_AFTER], ids=lambda one: one.value)
def test_25_an_execution_that_is_started_twice_is_one(fault):
    cloud = shop()
    cloud.aws.events.deliveries = lambda _: (0.0, 5.0, 400.0)
    met = disturb(cloud, fault, "start_execution")

    push(cloud)
    cloud.aws.timeline.advance(minutes=15)

    assert len(met) == 1
    assert len(cloud.runs()) == 1
    assert len(cloud.aws.stepfunctions.executions) == 1


def test_25_a_push_told_again_after_its_run_has_ended_deploys_nothing_a_second_time():
    cloud = gated("metrics.json", GOOD)
    ended(cloud)
    (execution,) = cloud.aws.stepfunctions.executions.values()
    pushes = [event for event in cloud.aws.events.accepted if event["source"] == "aws.codecommit"]

    for event in pushes:
        cloud.aws.events.publish(event)
    cloud.aws.timeline.advance(minutes=15)
    with pytest.raises(AwsError, match="ExecutionAlreadyExists"):
        cloud.aws.stepfunctions.start_execution(
            stateMachineArn=execution.machine_arn, name=execution.name, input='{"other": "input"}'
        )

    assert pushes
    assert execution.status == "SUCCEEDED"
    assert len(cloud.aws.stepfunctions.executions) == len(cloud.aws.codebuild.builds()) == len(cloud.runs()) == 1


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CRASH_AFTER], ids=lambda one: one.value)
def test_26_a_start_that_is_tried_again_is_one_build(fault):
    cloud = shop()
    met = disturb(cloud, fault, "start_build", times=2)

    push(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert len(met) == 2
    assert Counter(build.build_id.split(":")[0] for build in cloud.aws.codebuild.builds()) == {
        "shop-unit": 1,
        "shop-lint": 1,
    }


def test_26_a_start_whose_answer_never_came_is_adopted_after_the_token_has_expired():
    cloud = shop()
    cloud.aws.events.deliveries = lambda event: () if event["source"] == "aws.codebuild" else (0.0,)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(1800)
    disturb(cloud, Fault.CRASH_AFTER, "start_build", times=1)

    push(cloud)
    cloud.aws.timeline.advance(hours=1)

    assert len(cloud.aws.codebuild.builds()) == 2
    assert cloud.runs()[0]["stages"][0]["status"] == "SUCCEEDED"


def asked(timeout: str = "24h") -> tuple[SimulatedCloud, str]:
    cloud = shop()
    first, second = PIPELINE["stages"]
    cloud.apply({**PIPELINE, "stages": [first, {**second, "approval": {**second["approval"], "timeout": timeout}}]})
    push(cloud)
    cloud.aws.timeline.advance(minutes=5)
    return cloud, cloud.links()[-1]


def test_27_the_second_click_changes_nothing_and_the_first_stands():
    cloud, link = asked()
    form = cloud.form(link)

    first = cloud.decide(link, "approve", "bob", form)
    twice = cloud.decide(link, "approve", "bob", form)
    other = cloud.decide(link, "reject", "carol", form)
    cloud.aws.timeline.advance(minutes=5)

    assert (first.status, twice.status, other.status) == (200, 200, 409)
    assert b"bob" in other.body
    assert cloud.runs()[0]["status"] == "SUCCEEDED"


def test_27_a_click_after_the_time_out_is_gone_and_after_a_stop_is_refused():
    cloud, link = asked(timeout="1h")
    form = cloud.form(link)
    cloud.aws.timeline.advance(hours=1)
    assert cloud.decide(link, "approve", "bob", form).status == 410

    cloud, link = asked()
    form = cloud.form(link)
    cloud.call("POST", f"/v1/runs/{cloud.runs()[0]['run_id']}/stop", {"comment": "newer commit"})
    cloud.aws.timeline.advance(minutes=5)

    assert cloud.decide(link, "approve", "bob", form).status == 409
    assert cloud.runs()[0]["status"] == "STOPPED"


def test_27_a_forged_link_and_a_link_of_another_approval_open_nothing():
    cloud, link = asked()
    push(cloud, 2)
    cloud.aws.timeline.advance(minutes=5)
    other = next(one for one in cloud.links() if one.split("?")[0] != link.split("?")[0])
    stolen = parse_qs(urlsplit(other).query)["k"][0]

    answers = {
        cloud.deployment.http.request("GET", f"{link.split('?')[0]}?k={key}").status
        for key in ("A" * 43, stolen, "", "%00")
    }

    assert answers == {403}


def test_27_the_author_may_not_decide_and_every_refusal_is_on_the_line_of_its_request():
    cloud = shop()
    approval = {"approvers": [ALICE, "arn:aws:iam::000000000000:user/bob"], "channel": "iam", "allow-self": False}
    cloud.apply({**PIPELINE, "stages": [{**PIPELINE["stages"][1], "approval": {**approval, "timeout": "24h"}}]})
    push(cloud)
    cloud.aws.timeline.advance(minutes=5)
    (asked_for,) = cloud.call("GET", "/v1/approvals")["approvals"]
    place = f"/v1/approvals/{asked_for['id']}/decision"

    answers = [
        cloud.ask("POST", place, {"decision": "approve", "comment": ""}, caller=f"arn:aws:iam::000000000000:user/{who}")
        for who in ("alice", "mallory", "bob", "bob")
    ]
    cloud.aws.timeline.advance(minutes=5)

    told = [line.get("reason", "") for line in cloud.lines if line["function"].endswith("ServeApiFunction")]
    assert [answer.status for answer in answers] == [403, 403, 200, 200]
    assert any("pushed or wrote this change" in reason for reason in told), told
    assert any("is not among the approvers" in reason for reason in told), told
    assert cloud.runs()[0]["status"] == "SUCCEEDED"


def test_28_an_approval_whose_callback_had_no_answer_is_approved_once():
    cloud, link = asked()
    met = disturb(cloud, Fault.LOST_ANSWER, "send_task_success", caller="ReviewApproval", times=2)

    answer = cloud.decide(link, "approve")
    calm(cloud)
    cloud.aws.timeline.advance(minutes=15)

    (run,) = cloud.runs()
    assert met
    assert (answer.status, run["status"]) == (200, "SUCCEEDED")
    assert len([build for build in cloud.aws.codebuild.builds() if build.build_id.startswith("shop-release")]) == 1


def test_29_a_build_stopped_by_hand_is_counted_as_stopped():
    cloud = shop()
    push(cloud)
    cloud.aws.timeline.advance(30)
    unit = next(build for build in cloud.aws.codebuild.builds() if build.build_id.startswith("shop-unit"))

    cloud.aws.codebuild.stop_build(id=unit.build_id)
    cloud.aws.timeline.advance(minutes=10)

    days = [one for one in items(cloud) if one["pk"] == "PROJECT#shop-unit" and one["sk"][:2] == "D#"]
    assert (days[0]["n"], days[0]["stopped"]) == (1, 1)
    assert cloud.runs()[0]["status"] == "FAILED"


def test_29_an_aborted_execution_leaves_no_build_running():
    cloud = shop()
    cloud.aws.codebuild.plan = lambda _: BuildPlan(3000)
    push(cloud)
    cloud.aws.timeline.advance(30)
    (execution,) = cloud.aws.stepfunctions.executions.values()

    cloud.aws.stepfunctions.stop_execution(executionArn=execution.arn)
    cloud.aws.timeline.advance(minutes=10)

    assert cloud.runs()[0]["status"] == "STOPPED"
    assert {build.status for build in cloud.aws.codebuild.builds()} == {"STOPPED"}


def test_32_items_of_a_newer_release_are_read_and_finished_by_this_one():
    cloud, link = asked()
    for row in list(cloud.table.rows()):
        row.item["of_a_newer_release"] = {"M": {"shape": {"S": "unknown"}}}
    cloud.aws.timeline.advance(minutes=5)

    answer = cloud.decide(link, "approve")
    cloud.aws.timeline.advance(minutes=10)

    assert (answer.status, cloud.runs()[0]["status"]) == (200, "SUCCEEDED")


def test_32_items_that_lack_what_later_releases_added_are_read_and_finished():
    cloud, link = asked()
    later = {
        "correlation_id",
        "trigger",
        "resumes",
        "spent_events",
        "is_allowed",
        "reason",
        "facts",
        "instructions",
        "barred",
    }
    for row in list(cloud.table.rows()):
        for name in later & set(row.item):
            del row.item[name]

    answer = cloud.decide(link, "approve")
    cloud.aws.timeline.advance(minutes=10)

    assert (answer.status, cloud.runs()[0]["status"]) == (200, "SUCCEEDED")


def test_35_a_lost_push_is_found_and_runs_once():
    cloud = shop()
    commit = push(cloud, is_silent=True)
    cloud.aws.timeline.advance(minutes=20)

    assert [run["commit"] for run in cloud.runs()] == [commit]


def test_35_pushes_back_and_forth_run_each_state_once():
    cloud = shop()
    a = push(cloud, 1)
    cloud.aws.timeline.advance(10)
    b = push(cloud, 2)
    for commit in (a, b):
        cloud.aws.timeline.advance(10)
        push(cloud, commit=commit)
    cloud.aws.timeline.advance(minutes=30)

    assert Counter(run["commit"] for run in cloud.runs()) == {a: 2, b: 2}
