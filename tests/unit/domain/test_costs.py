"""Known answers: published prices times published examples, and the rounding rule that is data beside them."""

import pytest

from buildgate.domain.metrics.rollups import DayTotals
from buildgate.domain.metrics.summary import score_v1
from buildgate.runtime.build_wiring import price_table

PRICES = price_table()


@pytest.mark.parametrize(
    ("environment", "compute", "minutes", "usd"),
    [
        ("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL", 100 * 5, 2.50),
        ("LINUX_CONTAINER", "BUILD_GENERAL1_MEDIUM", 200, 2.00),
        ("LINUX_CONTAINER", "BUILD_GENERAL1_LARGE", 200, 4.00),
        ("LINUX_CONTAINER", "BUILD_GENERAL1_2XLARGE", 200, 40.00),
        ("ARM_CONTAINER", "BUILD_GENERAL1_LARGE", 200, 3.00),
    ],
)
def test_minutes_cost_what_is_published(environment, compute, minutes, usd):
    assert PRICES.cost_micro_usd(environment, compute, minutes * 60) == round(usd * 1e6)


@pytest.mark.parametrize(("seconds", "micro_usd"), [(0.0, 5_000), (60.0, 5_000), (60.1, 10_000), (119.0, 10_000)])
def test_a_started_minute_is_paid_whole(seconds, micro_usd):
    assert PRICES.cost_micro_usd("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL", seconds) == micro_usd


@pytest.mark.parametrize(("seconds", "micro_usd"), [(0.2, 10), (90.2, 910)])
def test_lambda_compute_is_paid_by_the_started_second(seconds, micro_usd):
    assert PRICES.cost_micro_usd("ARM_LAMBDA_CONTAINER", "BUILD_LAMBDA_1GB", seconds) == micro_usd


@pytest.mark.parametrize("compute", ["BUILD_GENERAL9_HUGE", "", "CUSTOM_INSTANCE_TYPE"])
def test_what_has_no_known_price_costs_an_unknown_sum_and_not_nothing(compute):
    assert PRICES.cost_micro_usd("LINUX_CONTAINER", compute, 600) is None
    assert PRICES.cost_micro_usd("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL", None) is None


@pytest.mark.parametrize(
    ("ok", "minutes", "hits", "score"),
    [(10, 0, 10, 100), (9, 10, 5, 71), (10, 45, 0, 40), (0, 45, 0, 0)],
)
def test_score_v1_is_forty_for_success_thirty_less_minutes_and_thirty_for_hits(ok, minutes, hits, score):
    counters = {"n": 10, "ok": ok, "duration_ms": 10 * minutes * 60_000, "d700": 10}
    counters |= {"cache_probed": 10, "cache_hit": hits}

    assert score_v1(DayTotals("2026-11-22", counters)) == score
