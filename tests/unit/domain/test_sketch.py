import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgate.domain.metrics.sketch import (
    FORMER_QUEUE_ERROR,
    bucket_of,
    coarser,
    merge,
    pack,
    quantile,
    unpack,
    value_of,
    with_former,
)

durations = st.lists(st.floats(min_value=1, max_value=1e9), min_size=1, max_size=200)


def sketch_of(values):
    return merge({bucket_of(value): 1} for value in values)


@given(st.floats(min_value=1, max_value=1e9))
def test_a_bucket_stands_for_its_values_within_one_per_cent(value):
    assert value_of(bucket_of(value)) == pytest.approx(value, rel=0.01001)


@given(durations, durations)
def test_merging_is_the_sketch_of_both_in_any_order(left, right):
    assert merge([sketch_of(left), sketch_of(right)]) == sketch_of(right + left)


@given(durations, durations, durations)
def test_merging_is_associative(one, two, three):
    a, b, c = sketch_of(one), sketch_of(two), sketch_of(three)

    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])])


@given(durations, st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_within_one_per_cent_of_the_exact_one(values, q):
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]

    assert quantile(sketch_of(values), q) == pytest.approx(exact, rel=0.0101)


def test_the_high_percentiles_of_few_builds_are_the_longest_of_them():
    sketch = sketch_of([13_000, 19_000, 32_000])

    assert quantile(sketch, 0.99) == pytest.approx(32_000, rel=0.01)
    assert quantile(sketch, 0.5) == pytest.approx(19_000, rel=0.01)


def test_an_empty_sketch_has_no_quantile():
    assert quantile({}, 0.5) is None


def test_the_median_of_many_builds_is_near_the_truth():
    chance = random.Random(7)
    values = [chance.lognormvariate(12, 0.5) for _ in range(5000)]

    assert quantile(sketch_of(values), 0.5) == pytest.approx(sorted(values)[2500], rel=0.011)


@given(durations)
def test_a_packed_sketch_unpacks_to_itself(values):
    assert unpack(pack(sketch_of(values))) == sketch_of(values)


def test_an_empty_sketch_packs_to_nothing():
    assert pack({}) == ""
    assert unpack("") == {}


def test_the_sketch_of_thirty_thousand_waits_packs_into_a_kilobyte():
    chance = random.Random(7)
    sketch = sketch_of(chance.expovariate(0.0005) for _ in range(30_000))

    assert len(sketch) > 300
    assert len(pack(sketch)) < 1024


@given(durations)
def test_a_fine_sketch_beside_its_coarse_one_stays_as_it_is(values):
    fine = sketch_of(values)
    coarse = merge({coarser(bucket): count} for bucket, count in fine.items())

    assert with_former(fine, coarse) == fine


@given(durations, durations)
def test_what_only_the_coarse_sketch_counted_is_kept_within_five_per_cent(older, newer):
    fine = sketch_of(newer)
    coarse = merge(
        [
            merge({coarser(bucket): count} for bucket, count in fine.items()),
            merge({bucket_of(value, FORMER_QUEUE_ERROR): 1} for value in older),
        ]
    )

    whole = with_former(fine, coarse)

    exact = sorted(older + newer)
    assert sum(whole.values()) == len(exact)
    for q in (0.0, 0.5, 1.0):
        rank = max(1, math.ceil(q * len(exact)))
        assert quantile(whole, q) == pytest.approx(exact[rank - 1], rel=0.062)
