"""Fault scenarios 21 to 29, 32 and 35: gates, executions, approvals, stops, upgrades and lost pushes."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.faults import Fault
from fault_world import GATED, calm, disturb, items, push, shop
from simulated_cloud import SimulatedCloud

COBERTURA = """<coverage line-rate="{rate}" branch-rate="0" version="1" timestamp="1"><packages><package name="p"><classes>
<class name="c" filename="c.py"><lines>{lines}</lines></class></classes></package></packages></coverage>"""
GOOD = b'{"measurements": {"coverage.line_percent": 90}}'
HOSTILE = {
    "cut off": ("metrics.json", GOOD[:-9]),
    "truncated XML": ("coverage.xml", b"<coverage line-rate='1'><packages>"),
    "billion laughs": (
        "coverage.xml",
        b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><coverage>&b;</coverage>',
    ),
    "too deep": ("coverage.xml", b"<a>" * 20_000),
    "NUL": ("coverage.xml", b"<coverage line-rate='1'>\x00</coverage>"),
    "wrong encoding": ("metrics.json", b"\xff\xfe\xfa\xfb" * 20),
    "deep JSON": ("metrics.json", b"[" * 200_000),
    "empty": ("metrics.json", b""),
}


def gated(name: str, body: bytes | None) -> SimulatedCloud:
    """Return a world in which the one build left this report, before its run is judged."""
    cloud = SimulatedCloud()
    cloud.apply(GATED)
    cloud.aws.timeline.advance(60)
    push(cloud)
    cloud.aws.timeline.advance(60)
    if body is not None:
        put(cloud, name, body)
    return cloud


def put(cloud: SimulatedCloud, name: str, body: bytes) -> None:
    (build,) = cloud.aws.codebuild.builds()
    given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
    place = urlsplit(given["BUILDGATE_REPORTS"])
    cloud.aws.s3.put_object(Bucket=place.netloc, Key=f"{place.path.lstrip('/')}{name}", Body=body)


def ended(cloud: SimulatedCloud) -> tuple[str, dict]:
    cloud.aws.timeline.advance(minutes=10)
    (run,) = cloud.runs()
    return run["status"], run["stages"][0]["gates"][0]


def test_21_a_good_report_passes():
    assert ended(gated("metrics.json", GOOD))[0] == "SUCCEEDED"


def test_21_a_missing_report_fails_closed():
    status, gate = ended(gated("", None))

    assert status == "FAILED"
    assert gate["reasons"]


def test_21_a_report_that_may_not_be_read_fails_closed():
    cloud = gated("metrics.json", GOOD)
    boundary = cloud.aws.boundary

    def forbidden(call, proceed):
        if call.operation == "get_object":
            raise AwsError("AccessDenied", "Access Denied", status=403)
        return boundary(call, proceed)

    cloud.aws.boundary = forbidden
    cloud.aws.timeline.advance(hours=2)

    assert cloud.runs()[0]["status"] == "FAILED"


def test_21_a_report_that_is_overwritten_later_changes_no_verdict():
    cloud = gated("metrics.json", GOOD)
    status, gate = ended(cloud)

    put(cloud, "metrics.json", b'{"measurements": {"coverage.line_percent": 1}}')
    again = invoke_gate(cloud)

    assert status == "SUCCEEDED"
    assert cloud.runs()[0]["stages"][0]["gates"] == [gate]
    assert again.error == ""


@pytest.mark.parametrize(("name", "body"), HOSTILE.values(), ids=HOSTILE)
def test_22_a_hostile_report_fails_its_gate_with_a_reason(name, body):
    status, gate = ended(gated(name, body))

    assert status == "FAILED"
    assert gate["status"] in {"error", "fail"}
    assert gate["reasons"][0]


def test_23_a_header_that_is_better_than_its_lines_fails():
    lines = "".join(f'<line number="{number}" hits="{int(number < 5)}"/>' for number in range(1, 11))

    status, _ = ended(gated("coverage.xml", COBERTURA.format(rate="1.0", lines=lines).encode()))

    assert status == "FAILED"


def invoke_gate(cloud: SimulatedCloud):
    (run,) = cloud.runs()
    payload = json.dumps({"run_id": run["run_id"], "stage": 0, "name": "quality"})
    return cloud.aws.lambdas.run(cloud.function("evaluate_gate"), payload)


def test_24_a_gate_that_is_judged_twice_keeps_its_first_verdict():
    cloud = gated("metrics.json", GOOD)
    ended(cloud)
    before = [one for one in items(cloud) if "#G#" in one["sk"]]

    invoke_gate(cloud)

    assert [one for one in items(cloud) if "#G#" in one["sk"]] == before


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CRASH_AFTER], ids=lambda one: one.value)
def test_25_an_execution_that_is_started_twice_is_one(fault):
    cloud = shop()
    cloud.aws.events.deliveries = lambda _: (0.0, 5.0, 400.0)
    disturb(cloud, fault, "start_execution")

    push(cloud)
    cloud.aws.timeline.advance(minutes=15)

    assert len(cloud.runs()) == 1
    assert len(cloud.aws.stepfunctions.executions) == 1


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.CRASH_AFTER], ids=lambda one: one.value)
def test_26_a_start_that_is_tried_again_is_one_build(fault):
    cloud = shop()
    disturb(cloud, fault, "start_build", times=2)

    push(cloud)
    cloud.aws.timeline.advance(minutes=10)

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


def asked() -> tuple[SimulatedCloud, str]:
    cloud = shop()
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
    cloud, link = asked()
    form = cloud.form(link)
    cloud.aws.timeline.advance(hours=25)
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


def test_28_an_approval_whose_callback_had_no_answer_is_approved_once():
    cloud, link = asked()
    disturb(cloud, Fault.LOST_ANSWER, "send_task_success", caller="ReviewApproval", times=2)

    answer = cloud.decide(link, "approve")
    calm(cloud)
    cloud.aws.timeline.advance(minutes=15)

    (run,) = cloud.runs()
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
