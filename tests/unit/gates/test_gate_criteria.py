"""How a criterion is read, what it comes to, and which are refused."""

from __future__ import annotations

import math

import pytest

from buildgate.domain.gates.criteria import Criterion, CriterionError, parse_criterion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<= 5", Criterion("<=", 5)),
        ("<5", Criterion("<", 5)),
        ("= 1", Criterion("==", 1)),
        ("!=0", Criterion("!=", 0)),
        (">= .5", Criterion(">=", 0.5)),
        ("<= 1e3", Criterion("<=", 1000)),
        ("<= +10 %", Criterion("<=", 10, is_relative=True, is_percent=True)),
        ("<=+10%", Criterion("<=", 10, is_relative=True, is_percent=True)),
        (">= -2", Criterion(">=", -2, is_relative=True)),
        ("<= 2000 ms", Criterion("<=", 2000)),
    ],
)
def test_criterion_is_read(text: str, expected: Criterion):
    assert parse_criterion(text) == expected


def test_percent_without_sign_repeats_the_unit_of_a_percentage():
    assert parse_criterion(">= 80 %", is_percent_measurement=True) == Criterion(">=", 80)


def test_percent_without_sign_is_refused_elsewhere_with_the_relative_form_as_fix():
    with pytest.raises(CriterionError) as refused:
        parse_criterion("<= 10 %")

    assert refused.value.fix == 'write "<= +10 %" to compare with the baseline, or drop the %'


@pytest.mark.parametrize(
    "text", ["", "5", "<= ", "<=> 5", "<= five", "<= 5 apples", "<= nan", "<= 1 2", "<= A", "<= 1e16", "<= 1e999"]
)
def test_what_is_no_criterion_is_refused(text: str):
    with pytest.raises(CriterionError):
        parse_criterion(text)


def test_rating_is_a_letter_and_better_ratings_are_smaller():
    criterion = parse_criterion("<= B", is_rating=True)

    assert criterion.holds(1.0, None) is True
    assert criterion.holds(3.0, None) is False
    assert criterion.text == "<= B"


@pytest.mark.parametrize(
    ("text", "baseline", "target"),
    [
        ("<= +10 %", 200, 220),
        (">= -10 %", 200, 180),
        ("<= +10 %", 0.1, 0.11),
        ("<= +5", 200, 205),
        (">= -5", 200, 195),
        ("<= +10 %", 0, 0),
        ("<= +10 %", -50, -45),
    ],
)
def test_relative_target_moves_the_baseline(text: str, baseline: float, target: float):
    assert parse_criterion(text).target(baseline) == target


def test_without_baseline_a_relative_criterion_is_unknown_not_met():
    assert parse_criterion("<= +10 %").holds(1, None) is None


@pytest.mark.parametrize("operator", ["<=", ">=", "==", "!=", "<", ">"])
def test_what_is_not_a_number_meets_nothing(operator: str):
    assert parse_criterion(f"{operator} 1").holds(math.nan, None) is False
