"""Whatever the order, repetition, delay or loss of events: totals are what a recount from the builds gives."""

import random

import pytest

from buildgate.adapters.memory.builds import seeded_plans
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.notices import Topic
from buildgate.domain.times import days_until
from buildgate.runtime.wiring import Wiring
from simulated_cloud import SimulatedCloud

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_totals_equal_a_recount_after_repeated_reordered_and_lost_reports(seed):
    dice = random.Random(seed)
    cloud = SimulatedCloud(seed=seed, schedules=False)
    cloud.project("shop-unit", "shop-lint")
    cloud.aws.codebuild.plan = seeded_plans(dice)
    arn = cloud.aws.client("sns").create_topic(Name="heard")["TopicArn"]
    wiring = Wiring(cloud.aws, table="buildgate-Table", topics=dict.fromkeys(Topic, arn))
    if seed % 2:
        cloud.aws.events.rules.clear()  # every event is lost
    for _ in range(40):
        project = dice.choice(["shop-unit", "shop-lint"])
        build_id = cloud.aws.client("codebuild").start_build(projectName=project)["build"]["id"]
        cloud.aws.timeline.advance(seconds=dice.choice([1, 30, 300]))
        for known in dice.sample([build_id, *_known(cloud)], k=1) * dice.randint(0, 3):
            wiring.record_build.by_id(known)
    cloud.aws.timeline.advance(minutes=600)
    for _ in range(2):
        for build_id in dice.sample(_known(cloud), k=len(_known(cloud))):
            wiring.record_build.by_id(build_id)
    wiring.fold_days(days=3)

    days = days_until(cloud.aws.clock.now(), days=3)
    counted = 0
    for project in ("shop-unit", "shop-lint"):
        verified = wiring.verify_totals(Scope("PROJECT", project), days=3)
        assert verified.differences == ()
        counted += sum(day.count("n") for day in wiring.records.days(Scope("PROJECT", project), days))
    account = sum(day.count("n") for day in wiring.records.days(Scope("ACCOUNT", "all"), days))
    assert counted == account == 40


def _known(cloud):
    return [build.build_id for build in cloud.aws.codebuild.builds()]
