"""Waits in the queue: one per cent from now on, five where an earlier release recorded them, and never counted twice."""

import random

import pytest

from buildgate.adapters.table.day_items import day_of, folded_item
from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics.recount import differences
from buildgate.domain.metrics.rollups import DayTotals, Scope, merged
from buildgate.domain.metrics.summary import of_builds, summarise
from buildgate.domain.times import from_text

NOON = from_text("2026-11-22T12:00:00Z")
SHOP = Scope("PROJECT", "shop")


def waited(*seconds):
    return [
        BuildHead(f"shop:{number}", "shop", BuildStatus.SUCCEEDED, NOON, NOON, duration_seconds=1, queue_seconds=one)
        for number, one in enumerate(seconds)
    ]


def as_the_release_before(day):
    """Return a day as a release without fine waits left it."""
    return DayTotals(day.day, {name: count for name, count in day.counters.items() if name[0] != "w"})


def test_percentiles_of_waits_are_within_one_per_cent():
    chance = random.Random(3)
    waits = sorted(chance.lognormvariate(1, 1.5) for _ in range(999))

    found = summarise([of_builds(waited(*waits))], window_days=1)

    assert found.queue_p50_seconds == pytest.approx(waits[499], rel=0.0101)
    assert found.queue_p95_seconds == pytest.approx(waits[949], rel=0.0101)


def test_a_day_of_an_earlier_release_reads_as_before_and_adds_up_with_days_of_now():
    before = as_the_release_before(of_builds(waited(10, 10, 10)))
    now = of_builds(waited(20, 20))

    found = summarise([before, now], window_days=2)

    assert sum(merged([before, now], "").sketch("w").values()) == 5
    assert found.queue_p50_seconds == pytest.approx(10, rel=0.051)
    assert found.queue_p95_seconds == pytest.approx(20, rel=0.0101)


def test_a_day_that_two_releases_counted_is_verified_by_the_number_of_its_waits():
    heads = waited(1, 2, 3, 4)
    stored = merged([as_the_release_before(of_builds(heads[:2])), of_builds(heads[2:])], "2026-11-22")

    assert differences([stored.day], [stored], heads) == ()
    found = {one.counter: (one.stored, one.recounted) for one in differences([stored.day], [stored], heads[1:])}
    assert found["waits"] == (4, 3)


@pytest.mark.parametrize("count", [3, 2000])
def test_a_folded_day_is_packed_when_it_is_large_and_reads_the_same(count):
    chance = random.Random(1)
    day = DayTotals("2026-11-22", of_builds(waited(*(chance.expovariate(0.5) for _ in range(count)))).counters)

    item = folded_item(SHOP, day)

    assert ("fmt" in item) == (count == 2000)
    assert day_of({name: value for name, value in item.items() if name != "fmt"}) == day
