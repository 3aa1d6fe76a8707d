"""Advice about machines: from trials and from what was used, and none without either."""

from datetime import UTC, datetime, timedelta

import pytest

from buildgate.adapters.cloudwatch import CloudWatchUtilisation
from buildgate.adapters.memory import MemoryAws
from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics.machines import SIZES, Utilisation, machine_advice
from buildgate.runtime.build_wiring import price_table

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SMALL, MEDIUM, LARGE = list(SIZES)[:3]
IDLE = Utilisation(100, 15.0, 38.0, 30.0)
FULL = Utilisation(100, 96.0, 100.0, 60.0)


def built(count, compute, *, seconds=300.0, micro_usd=50_000, start=0):
    return [
        BuildHead(
            build_id=f"shop:{compute}{number}",
            project="shop",
            status=BuildStatus.SUCCEEDED,
            started_at=NOW - timedelta(hours=200 - start - number),
            ended_at=NOW - timedelta(hours=200 - start - number) + timedelta(seconds=seconds),
            duration_seconds=seconds,
            cost_micro_usd=micro_usd,
            compute_type=compute,
            environment_type="LINUX_CONTAINER",
            image="standard:7.0",
        )
        for number in range(count)
    ]


def advised(heads, used=None):
    return machine_advice("shop", heads, days=30, used=used, prices=price_table())


def test_without_a_trial_and_without_figures_nothing_is_advised():
    assert advised(built(50, MEDIUM)) == ()
    assert advised(built(50, MEDIUM), Utilisation(0, None, None, None)) == ()
    assert advised(built(50, MEDIUM), Utilisation(29, 1.0, 1.0, 1.0)) == ()
    assert advised([], IDLE) == ()


def test_builds_that_use_little_of_their_machine_fit_the_next_smaller_at_its_price():
    (advice,) = advised(built(30, MEDIUM), IDLE)

    assert advice.title == f"Build on {SMALL} instead of {MEDIUM}"
    assert advice.saving_micro_usd == 30 * (50_000 - 25_000)
    assert advice.saving_seconds is None
    assert (f"+    computeType: {SMALL}" in advice.apply, f"+    computeType: {MEDIUM}" in advice.undo) == (True, True)


def test_a_step_that_would_not_hold_the_load_is_not_advised():
    xlarge = "BUILD_GENERAL1_XLARGE"

    assert advised(built(30, xlarge, micro_usd=400_000), IDLE) == ()
    assert advised(built(30, SMALL), IDLE) == ()


def test_builds_that_fill_their_machine_deserve_a_trial_and_no_promise():
    (advice,) = advised(built(30, MEDIUM), FULL)

    assert (advice.name, advice.saving_micro_usd, advice.confidence) == ("compute-trial", None, "low")
    assert LARGE in advice.apply


@pytest.mark.parametrize(("count", "confidence"), [(5, "medium"), (20, "high")])
def test_a_trial_speaks_with_measured_seconds_and_dollars(count, confidence):
    tried = built(count, SMALL, seconds=310, micro_usd=30_000)
    (advice,) = advised(tried + built(count, MEDIUM, start=100), FULL)

    assert advice.title == f"Build on {SMALL} instead of {MEDIUM}"
    assert advice.saving_micro_usd == count * 20_000
    assert advice.saving_seconds == pytest.approx(-10 * count)
    assert advice.confidence == confidence


@pytest.mark.parametrize(
    "tried",
    [
        built(4, SMALL, micro_usd=10_000),
        built(9, SMALL, seconds=400, micro_usd=30_000),
        built(9, SMALL, micro_usd=49_000),
        built(9, SMALL, micro_usd=None),
    ],
    ids=["too few", "slower", "hardly cheaper", "price unknown"],
)
def test_a_trial_that_shows_no_gain_is_no_advice(tried):
    assert advised(tried + built(9, MEDIUM, start=100)) == ()


def test_what_builds_used_is_read_day_by_day_and_weighed_by_minutes():
    client = MemoryAws().client("cloudwatch")
    project = [{"Name": "ProjectName", "Value": "shop"}]
    for hours, cpu, memory in ((1, 10, 20), (2, 30, 25), (30, 80, 60)):
        at = NOW - timedelta(hours=hours)
        data = [
            {"MetricName": name, "Dimensions": project, "Timestamp": at, "Value": value, "Unit": "Percent"}
            for name, value in (("CPUUtilizedPercent", cpu), ("MemoryUtilizedPercent", memory))
        ]
        client.put_metric_data(Namespace="AWS/CodeBuild", MetricData=data)
    utilisation = CloudWatchUtilisation(client)

    assert utilisation.of("shop", NOW - timedelta(days=14), NOW) == Utilisation(3, 40.0, 80.0, 60.0)
    assert utilisation.of("other", NOW - timedelta(days=14), NOW) == Utilisation(0, None, None, None)
