"""Bad calls of one local cloud: AWS breaks off in the middle of answers, is asked too often, and answers otherwise.

The cloud is the one of `test_bad_hours_local.py`, and the same is asked after every test.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from buildgate_cli.demo import decide_by_page
from e2e.harness import RunningCloud
from e2e.hours import (
    PROJECT,
    asked,
    break_events,
    calls_that_fail,
    ended_build,
    function,
    pushed,
    recounted,
    released,
    shift,
    shut,
)
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad hours"), pytest.mark.timeout(240)]
SIX_HOURS = 6 * 3600
MORE_THAN_THE_TRIES_SECONDS = 4
"""A function that fails is tried again after one second and after two more."""


def test_answers_that_break_off_lead_to_one_build_one_approval_and_one_count(cloud, shop):
    lost = {
        "DynamoDB_20120810.TransactWriteItems": "*RecordBuild*",
        "CodeBuild_20161006.StartBuild": "*StartBuild*",
        "AWSStepFunctions.SendTaskSuccess": "*ReviewApproval*",
        "AWSStepFunctions.StartExecution": "*",
    }
    rules = [{"call": call, "caller": who, "action": "lose", "times": 1} for call, who in lost.items()]
    with calls_that_fail(cloud, *rules) as met:
        run_id, link = asked(shop, "3d")
        decide_by_page(link, name="Alice", comment="", say=lambda _: None)
        run = cloud.run(run_id)

    assert {one["call"] for one in met} == set(lost)
    assert (run["status"], run["stages"][0]["approval"]["status"]) == ("SUCCEEDED", "APPROVED")
    assert [build["id"] for build in builds_of_run(cloud, run_id)] == [run["stages"][0]["builds"][0]["build_id"]]


def builds_of_run(cloud: RunningCloud, run_id: str) -> list[dict]:
    """Return every build that CodeBuild started for a run."""
    codebuild = cloud.client("codebuild")
    builds = codebuild.batch_get_builds(ids=codebuild.list_builds_for_project(projectName=PROJECT)["ids"])["builds"]
    given = {"name": "BUILDGATE_RUN", "value": run_id, "type": "PLAINTEXT"}
    return [build for build in builds if given in build["environment"]["environmentVariables"]]


def test_a_table_that_throttles_slows_a_run_down_and_loses_nothing(cloud, shop):
    rules = [
        {"call": "DynamoDB_*", "caller": f"*{name}*", "action": "throttle", "times": times}
        for name, times in {"StartRun": 1, "RecordBuild": 2, "NextStep": 1, "Reconcile": 1}.items()
    ]
    with calls_that_fail(cloud, *rules) as met:
        run = released(cloud, shop)

    assert len(met) >= 4
    assert run["status"] == "SUCCEEDED"


def test_events_wait_for_functions_that_may_not_run_and_count_on_the_day_the_build_ended(cloud, shop):
    now = datetime.now(UTC)
    evening = (now.replace(hour=20, minute=0) - now).total_seconds()
    shift(cloud, evening)
    with shut(cloud, "RecordBuild", "Reconcile"):
        run_id = pushed(shop)
        day = ended_build(cloud, run_id)["endTime"].astimezone(UTC).date().isoformat()
        before = builds_of(cloud, day)
        shift(cloud, evening + SIX_HOURS)
        time.sleep(MORE_THAN_THE_TRIES_SECONDS)
        meanwhile = cloud.api.get("runs", run_id)["run"]["status"], builds_of(cloud, day)

    assert meanwhile == ("RUNNING", before)
    assert cloud.run(run_id)["status"] == "SUCCEEDED"
    assert builds_of(cloud, day) == before + 1


def builds_of(cloud: RunningCloud, day: str) -> int:
    """Return how many builds the project's total of a day holds."""
    item = cloud.item(f"PROJECT#{PROJECT}", f"D#{day}") or {}
    return int(item.get("n", {"N": "0"})["N"])


def test_a_build_described_in_a_way_yet_unknown_is_set_aside_and_recorded_once_it_makes_sense(cloud, shop):
    calls = {"call": "CodeBuild_*.BatchGetBuilds", "action": "amend"}
    strange = {**calls, "caller": "*RecordBuild*", "times": 2, "with": {"builds": {"buildStatus": "MELTED"}}}
    newer = {"builds": {"newField": {"a": 1}, "phases": [{"phaseType": "TELEPORT", "phaseStatus": "SUCCEEDED"}]}}
    with calls_that_fail(cloud, strange, {**calls, "times": 99, "with": newer}) as met:
        run = released(cloud, shop)

    query = {"KeyConditionExpression": "pk = :q", "ExpressionAttributeValues": {":q": {"S": "QUARANTINE"}}}
    kept = cloud.client("dynamodb").query(TableName=cloud.description["outputs"]["TableName"], **query)["Items"]
    assert len(met) > strange["times"]
    assert run["status"] == "SUCCEEDED"
    assert "MELTED" in str(kept)


def test_totals_that_fail_half_way_and_history_that_is_filled_in_twice_equal_a_recount(cloud, shop):
    name = function(cloud, "FoldDays")["FunctionName"]
    rules = [
        {"call": "DynamoDB_*.PutItem", "caller": "*FoldDays*", "action": "refuse", "after": after, "times": 1}
        for after in (1, 2)
    ]
    break_events(
        cloud,
        {"source": "aws.codebuild", "action": "drop", "times": 1},
        {"source": "aws.codebuild", "action": "duplicate", "times": 9},
    )
    run_id = pushed(shop)
    ended_build(cloud, run_id)
    for _ in range(2):
        cloud.api.post("metrics", "projects", PROJECT, "backfill", body={"days": 90})
    run = cloud.run(run_id)
    with calls_that_fail(cloud, *rules) as met:
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event")
        until(lambda: recounted(cloud, "scopes", "accounts", "all") == [] or None)

    assert (len(met), run["status"]) == (2, "SUCCEEDED")
    assert recounted(cloud, "projects", PROJECT) == []
