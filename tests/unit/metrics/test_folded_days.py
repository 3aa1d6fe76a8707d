"""Wider totals, recounts and history, through our functions on the in-memory AWS."""

import json

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.table.table import Change, Put
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.times import days_until
from buildgate.runtime.wiring import Wiring
from simulated_cloud import PROJECT, SimulatedCloud


def wiring(cloud):
    return Wiring(cloud.aws, table="buildgate-Table")


def cloud_with(*projects, tags=()):
    cloud = SimulatedCloud()
    codebuild = cloud.aws.client("codebuild")
    for name in projects:
        codebuild.create_project(name=name, **{**PROJECT, "tags": [*PROJECT["tags"], *tags]})
    return cloud


def build(cloud, project, times=1):
    for _ in range(times):
        cloud.aws.client("codebuild").start_build(projectName=project)
        cloud.aws.timeline.advance(minutes=6)


def day(cloud, scope):
    now = cloud.aws.clock.now()
    found = wiring(cloud).records.days(scope, days_until(now, days=1))
    return found[0].counters if found else {}


def test_team_cost_centre_and_account_days_are_the_sum_of_their_projects():
    tags = [{"key": "Team", "value": "web"}, {"key": "cost-center", "value": "cc-1"}]
    cloud = cloud_with("aa", "bb", tags=tags)
    build(cloud, "aa", 2)
    build(cloud, "bb")

    wiring(cloud).fold_days()

    for scope in (Scope("TEAM", "web"), Scope("COST", "cc-1"), Scope("ACCOUNT", "all")):
        assert day(cloud, scope)["n"] == 3
        assert day(cloud, scope)["cost_micro_usd"] == 30_000


def test_folding_again_changes_nothing():
    cloud = cloud_with("aa")
    build(cloud, "aa")

    wiring(cloud).fold_days()
    once = day(cloud, Scope("ACCOUNT", "all"))
    wiring(cloud).fold_days()

    assert day(cloud, Scope("ACCOUNT", "all")) == once


def test_a_team_that_lost_its_last_project_has_empty_days_not_stale_ones():
    cloud = cloud_with("aa", tags=[{"key": "team", "value": "web"}])
    build(cloud, "aa")
    wiring(cloud).fold_days()

    cloud.aws.codebuild.projects["aa"]["tags"] = [{"key": "team", "value": "shop"}]
    wiring(cloud).fold_days()

    assert day(cloud, Scope("TEAM", "web")) == {}
    assert day(cloud, Scope("TEAM", "shop"))["n"] == 1


def test_a_projects_pipeline_speaks_for_it_when_it_has_no_tag():
    cloud = SimulatedCloud()
    pipeline = {
        "name": "shop",
        "tags": {"team": "web"},
        "stages": [{"name": "test", "builds": [{"name": "unit", "project": "aa"}]}],
    }
    cloud.apply(pipeline)
    build(cloud, "aa")

    wiring(cloud).fold_days()

    assert day(cloud, Scope("TEAM", "web"))["n"] == 1


def test_a_build_carries_the_team_that_was_learnt_before_it():
    cloud = cloud_with("aa", tags=[{"key": "team", "value": "web"}])
    build(cloud, "aa")
    wiring(cloud).fold_days()
    build(cloud, "aa")

    newest = wiring(cloud).records.recent("aa", limit=1)[0]
    assert newest.owner.team == "web"


def test_a_posture_is_judged_once_a_day_with_its_role_and_its_history_stays():
    cloud = cloud_with("shop-unit")
    iam = cloud.aws.client("iam")
    iam.create_role(RoleName="builds", AssumeRolePolicyDocument="{}")
    wide = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="builds", PolicyName="wide", PolicyDocument=json.dumps(wide))
    cloud.aws.codebuild.projects["shop-unit"]["serviceRole"] = "arn:aws:iam::000000000000:role/builds"
    build(cloud, "shop-unit")
    wiring(cloud).fold_days()

    again = wiring(cloud).fold_days().postures
    iam.put_role_policy(RoleName="builds", PolicyName="wide", PolicyDocument='{"Statement": []}')
    cloud.aws.timeline.advance(hours=24)
    wiring(cloud).fold_days()

    (posture,) = cloud.call("GET", "/v1/metrics/projects/shop-unit/posture?days=5")["posture"]
    scores = [day["score"] for day in posture["history"]]
    assert again == 0
    assert len(scores) == 2
    assert scores[1] == scores[0] + 10
    assert posture["score"] == scores[1]
    assert posture["role_looked_at"] == posture["history"][-1]["day"]


def test_a_recount_of_untouched_totals_finds_no_difference():
    cloud = cloud_with("aa")
    cloud.aws.codebuild.plan = lambda _: BuildPlan(100, "FAILED")
    build(cloud, "aa", 5)

    verified = wiring(cloud).verify_totals(Scope("PROJECT", "aa"), days=2)

    assert (verified.builds, verified.differences) == (5, ())


def test_a_recount_names_the_counter_that_was_tampered_with():
    cloud = cloud_with("aa")
    build(cloud, "aa", 2)
    today = days_until(cloud.aws.clock.now(), days=1)[0]
    wiring(cloud).table.change(Change("PROJECT#aa", f"D#{today}", adds={"ok": 3}))

    (found,) = wiring(cloud).verify_totals(Scope("PROJECT", "aa"), days=1).differences

    assert (found.day, found.counter, found.stored, found.recounted) == (today, "ok", 5, 2)


def history(cloud, project, **options):
    token, pages = "", []
    while True:
        page = wiring(cloud).recall_builds(project, days=30, token=token, **options)
        pages.append(page)
        token = page.next_token
        if not token:
            return pages


def test_history_gives_the_totals_that_events_would_have_given_and_tells_nobody():
    cloud = SimulatedCloud(schedules=False)
    cloud.project("aa")
    cloud.aws.events.rules.clear()
    for _ in range(3):
        cloud.aws.client("codebuild").start_build(projectName="aa")
    cloud.aws.timeline.advance(minutes=10)
    published = len(cloud.aws.sns.published)

    first = history(cloud, "aa")
    again = history(cloud, "aa")

    assert sum(page.counted + page.known for page in first) == 3
    assert sum(page.counted for page in again) == 0
    assert day(cloud, Scope("PROJECT", "aa"))["n"] == 3
    assert len(cloud.aws.sns.published) == published
    assert wiring(cloud).verify_totals(Scope("PROJECT", "aa"), days=1).differences == ()


def test_wider_totals_of_long_ago_are_set_when_history_is_recorded_and_a_recount_bears_them_out():
    tags = [{"key": "team", "value": "web"}, {"key": "cost-centre", "value": "cc-1"}]
    cloud = SimulatedCloud(schedules=False)
    cloud.aws.client("codebuild").create_project(name="aa", **{**PROJECT, "tags": [*PROJECT["tags"], *tags]})
    wide = (Scope("TEAM", "web"), Scope("COST", "cc-1"), Scope("ACCOUNT", "all"))
    cloud.aws.events.rules.clear()
    for _ in range(3):
        cloud.aws.client("codebuild").start_build(projectName="aa")
    cloud.aws.timeline.advance(days=9)

    history(cloud, "aa")
    first, second = wiring(cloud).fold_days(), wiring(cloud).fold_days()

    assert (first.owed, second.owed) == (1, 0)
    for scope in (Scope("PROJECT", "aa"), *wide):
        verified = wiring(cloud).verify_totals(scope, days=14)
        assert (verified.builds, verified.differences) == (3, ())


def test_a_build_that_is_counted_while_its_day_is_folded_is_folded_next_time():
    cloud = cloud_with("aa")
    totals = wiring(cloud).totals
    wiring(cloud).table.put(Put({"pk": "FOLDS", "sk": "2026-10-01", "noted_at": "later"}))

    assert not totals.settle("2026-10-01", "sooner")
    assert totals.owed() == {"2026-10-01": "later"}
    assert totals.settle("2026-10-01", "later")
    assert totals.owed() == {}


def test_a_recount_of_an_account_names_what_is_wrong_in_its_own_totals():
    cloud = cloud_with("aa")
    build(cloud, "aa")
    wiring(cloud).fold_days()
    today = days_until(cloud.aws.clock.now(), days=1)[0]
    wiring(cloud).table.change(Change("ACCOUNT#all", f"D#{today}", adds={"n": 1}))

    (found,) = wiring(cloud).verify_totals(Scope("ACCOUNT", "all"), days=1).differences

    assert (found.counter, found.stored, found.recounted) == ("n", 2, 1)
