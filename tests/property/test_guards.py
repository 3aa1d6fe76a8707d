"""Each guard is needed: with it bad days keep every promise, and without it a named test sees one break."""

from __future__ import annotations

import re

import pytest
import yaml

from buildgate.inbound import pipeline_file
from buildgate_cli.simulate.breaches import Promise
from buildgate_cli.simulate.campaign import Campaign
from buildgate_cli.simulate.schedule import Trial
from buildgate_cli.simulate.weather import kinds_of
from buildgate_cli.simulate.world import CHECKOUT
from guards import GUARDS, Guard, catch, heeded, status_rule
from guards_page import guards_page
from lane_guards import LANE_GUARDS
from simulated_cloud import SimulatedCloud

BY_BAD_DAYS = [guard for guard in GUARDS if guard.test.endswith("test_bad_days_break_a_promise_without")]
MOST_DAYS = 120


@pytest.fixture(scope="module")
def pipeline():
    return pipeline_file.parse(yaml.safe_load((CHECKOUT / "samples/shop/pipeline.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("guard", BY_BAD_DAYS, ids=lambda guard: guard.name)
def test_bad_days_break_a_promise_without(guard: Guard, pipeline, monkeypatch):
    campaign = Campaign(Trial(pipeline, kinds_of(guard.kinds), loose_builds=1))

    campaign.play(range(1, MOST_DAYS + 1), prepare=lambda world: guard.switch(world, monkeypatch))

    assert campaign.broken is not None, f"{MOST_DAYS} bad days without {guard.name}, and nothing broke"


def deployed(*, switch=None, **stage) -> SimulatedCloud:
    cloud = SimulatedCloud(schedules=False)
    cloud.apply(
        {
            "name": "p",
            "triggers": [{"repository": "shop", "branches": ["main"]}],
            "stages": [{"name": "test", "builds": [{"name": "unit", "project": "unit"}], **stage}],
        }
    )
    if switch is not None:
        switch(cloud, None)
    return cloud


def aborted(*, switch=None) -> str:
    cloud = deployed(switch=switch)
    cloud.aws.codecommit.push("shop", "main", {"a": "1"})
    cloud.aws.timeline.advance(30)
    (execution,) = cloud.aws.stepfunctions.executions.values()
    cloud.aws.stepfunctions.stop_execution(executionArn=execution.arn)
    cloud.aws.timeline.advance(30)
    return cloud.runs()[0]["status"]


def refused(*, switch=None) -> str:
    cloud = deployed(switch=switch)
    cloud.aws.codebuild.projects.clear()
    cloud.aws.codecommit.push("shop", "main", {"a": "1"})
    cloud.aws.timeline.advance(minutes=10)
    (slot,) = [row.item for row in cloud.table.rows() if "#B#" in row.item["sk"]["S"]]
    return slot["state"]["S"]


def decided_too_late(*, switch=None) -> int:
    cloud = deployed(switch=switch, approval={"approvers": ["bob@example.com"], "channel": "link", "timeout": "1h"})
    cloud.aws.codecommit.push("shop", "main", {"a": "1"})
    cloud.aws.timeline.advance(30)
    cloud.ask("POST", f"/v1/runs/{cloud.runs()[0]['run_id']}/stop", {"comment": ""})
    return cloud.decide(cloud.links()[0], "approve").status


def test_a_decision_about_a_run_that_is_to_stop_is_refused_unless_nobody_looks_at_the_run():
    assert decided_too_late() == 409
    assert decided_too_late(switch=heeded) == 200


def test_an_aborted_execution_closes_its_run_at_once_unless_the_rule_is_off():
    assert aborted() == "STOPPED"
    assert aborted(switch=status_rule) == "RUNNING"


def test_a_refused_start_settles_its_slot_unless_the_catch_is_off():
    assert refused() == "SETTLED"
    assert refused(switch=catch) == "PARKED"


def test_every_guard_names_a_test_that_there_is():
    for guard in (*GUARDS, *LANE_GUARDS):
        file, name = guard.test.split("::")
        assert f"def {name}(" in (CHECKOUT / "tests/property" / file).read_text(encoding="utf-8")


def test_the_page_of_guards_is_what_the_tests_switch_off():
    page = (CHECKOUT / "docs/reference/guards.md").read_text(encoding="utf-8")

    assert page == guards_page(), "run `python -m tests.guards_page`"


def test_every_promise_that_is_checked_is_on_the_page_of_guarantees():
    page = (CHECKOUT / "docs/explanation/guarantees.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+) \| `([A-Z_]+)` \| .+ \|$", page, re.MULTILINE))

    assert rows == {promise.value: promise.name for promise in Promise}
