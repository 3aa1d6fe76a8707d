"""One criterion: a comparison of a measured value with a fixed figure or with a baseline."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Operator = Literal["<", "<=", "==", "!=", ">=", ">"]
OPERATORS: Final[tuple[Operator, ...]] = ("<=", ">=", "==", "!=", "<", ">")
RATINGS: Final = {"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0, "E": 5.0}
LARGEST: Final = 1e15
"""No figure of a gate is larger: whole numbers up to here are exact, and sums of them stay finite."""
UNITS: Final = frozenset({"ms", "s", "h", "d", "rps", "usd", "b", "lines"})

_PATTERN: Final = re.compile(
    r"""\s*(?P<op><=|>=|==|!=|=|<|>)\s*
        (?P<sign>[+-])?\s*
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|[A-Ea-e](?![A-Za-z]))\s*
        (?P<unit>%|[A-Za-z]+)?\s*""",
    re.VERBOSE,
)


class CriterionError(ValueError):
    """A criterion that cannot be read. `fix` says what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Criterion:
    """`value` compared with a figure (absolute) or with `baseline` moved by the figure (relative).

    A relative criterion moves the baseline by `value` per cent of its size (`is_percent`) or by `value` itself, as
    Keptn's objectives do. For a negative baseline the percentage is taken of its size, so that `+10 %` is always up.
    """

    operator: Operator
    value: float
    is_relative: bool = False
    is_percent: bool = False
    is_rating: bool = False

    def target(self, baseline: float | None) -> float | None:
        """Return the figure the value is compared with; None when it needs a baseline and there is none."""
        if not self.is_relative:
            return self.value
        if baseline is None or not math.isfinite(baseline):
            return None
        return _moved(baseline, self.value, is_percent=self.is_percent)

    def holds(self, value: float, baseline: float | None) -> bool | None:
        """Return whether `value` meets the criterion; None (unknown) when the baseline it needs is absent."""
        target = self.target(baseline)
        return None if target is None else compare(value, self.operator, target)

    @property
    def text(self) -> str:
        """The criterion as a gate file writes it; parsing it again gives an equal criterion."""
        if self.is_rating:
            return f"{self.operator} {rating_letter(self.value)}"
        if not self.is_relative:
            return f"{self.operator} {number_text(self.value)}"
        sign = "-" if math.copysign(1.0, self.value) < 0 else "+"
        return f"{self.operator} {sign}{number_text(abs(self.value))}{' %' if self.is_percent else ''}"

    @property
    def direction(self) -> int:
        """-1 when smaller values are better, 1 when greater ones are, 0 when neither is (`==`, `!=`)."""
        if self.operator in {"<", "<="}:
            return -1
        return 1 if self.operator in {">", ">="} else 0


def compare(value: float, operator: Operator, target: float) -> bool:
    """Return whether `value operator target` holds. A value that is not a number meets nothing."""
    if math.isnan(value) or math.isnan(target):
        return False
    if operator == "<=":
        return value <= target
    if operator == ">=":
        return value >= target
    if operator == "<":
        return value < target
    if operator == ">":
        return value > target
    return (value == target) is (operator == "==")


def parse_criterion(text: str, *, is_percent_measurement: bool = False, is_rating: bool = False) -> Criterion:
    """Read `<= 5`, `>= 80 %`, `<= +10 %`, `>= -2`, `<= A`.

    A sign makes the criterion relative to the baseline. `%` without a sign only repeats the unit of a measurement that
    is itself a percentage.

    Raises:
        CriterionError: the text is none of these.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise CriterionError(
            f"{text!r} is not a criterion", 'write an operator and a figure, as in "<= 5" or "<= +10 %"'
        )
    operator: Operator = _operator(match["op"])
    if match["number"].isalpha():
        return _rating(text, operator, match, is_rating=is_rating)
    number = float(match["number"])
    if number > LARGEST:
        raise CriterionError(f"{text!r}: the figure is too large", "write a figure up to 1e15")
    _check_unit(text, match, is_percent_measurement=is_percent_measurement)
    if match["sign"] is None:
        return Criterion(operator, number, is_rating=is_rating and number in RATINGS.values())
    signed = -number if match["sign"] == "-" else number
    return Criterion(operator, signed, is_relative=True, is_percent=match["unit"] == "%")


def _operator(written: str) -> Operator:
    for operator in OPERATORS:
        if written == operator:
            return operator
    return "=="


def _rating(text: str, operator: Operator, match: re.Match[str], *, is_rating: bool) -> Criterion:
    if not is_rating:
        raise CriterionError(f"{text!r} compares with a rating, but the measurement is a number", "write a number")
    if match["sign"] or match["unit"]:
        raise CriterionError(f"{text!r}: a rating has no sign and no unit", 'write "<= A"')
    return Criterion(operator, RATINGS[match["number"].upper()], is_rating=True)


def _check_unit(text: str, match: re.Match[str], *, is_percent_measurement: bool) -> None:
    unit = match["unit"]
    if unit is None:
        return
    if unit == "%":
        if match["sign"] is None and not is_percent_measurement:
            number = match["number"]
            fix = f'write "{match["op"]} +{number} %" to compare with the baseline, or drop the %'
            raise CriterionError(f"{text!r}: the measurement is not a percentage", fix)
    elif unit.lower() not in UNITS:
        raise CriterionError(
            f"{text!r}: {unit!r} is not a unit", "leave the unit out; the measurement's name carries it"
        )


def _moved(baseline: float, value: float, *, is_percent: bool) -> float:
    """Move a baseline in decimal arithmetic: 0.1 + 10 % is 0.11, not 0.11000000000000001."""
    base, by = Decimal(repr(float(baseline))), Decimal(repr(float(value)))
    return float(base + abs(base) * by / 100 if is_percent else base + by)


def plain(value: float) -> int | float:
    """Return a whole figure as an integer, so that 2 and 2.0 are the same bytes wherever they were stored."""
    return int(value) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else value


def number_text(value: float) -> str:
    """Return the shortest figure that reads back as the same number: `5`, not `5.0`."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def rating_letter(value: float) -> str:
    """Return A to E for 1 to 5, as SonarQube prints its ratings; other values as numbers."""
    for letter, figure in RATINGS.items():
        if value == figure:
            return letter
    return number_text(value)
