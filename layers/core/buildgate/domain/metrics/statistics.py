"""Small robust statistics, in plain Python: medians, Theil-Sen slopes with intervals, Pettitt's change point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z95 = 1.959964
_SLOPE_POINTS = 5
"""Fewer points have no interval worth showing."""
_SLOPE_SAMPLE = 400
"""All pairs of so many points are 80,000 slopes: more points are thinned evenly."""


def median(values: Sequence[float]) -> float | None:
    """Return the middle value, the mean of the two middle ones, or None for nothing."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def spread(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation, or None for fewer than two values."""
    if len(values) < 2:
        return None
    centre = sum(values) / len(values)
    return math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))


@dataclass(frozen=True, slots=True)
class Slope:
    """How much a series rises for each step of x: the median of all pairwise slopes (Theil-Sen), with Sen's interval.

    ``is_clear`` says that the 95 % interval leaves out zero.
    """

    per_step: float
    low: float
    high: float
    points: int

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


def theil_sen(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Return the slope of points (x, y), or None for fewer than five.

    Source: Sen 1968, "Estimates of the regression coefficient based on Kendall's tau", with the normal approximation
    of the rank of the interval's ends.
    """
    kept = _thinned(points)
    count = len(kept)
    if count < _SLOPE_POINTS:
        return None
    slopes = sorted(
        [
            (later - earlier) / (end - start)
            for index, (start, earlier) in enumerate(kept, 1)
            for end, later in kept[index:]
            if end != start
        ]
    )
    if not slopes:
        return None
    reach = _Z95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - reach) / 2) - 1)
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    centre = median(slopes)
    return Slope(0.0 if centre is None else centre, slopes[low], slopes[high], count)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= _SLOPE_SAMPLE:
        return points
    step = len(points) / _SLOPE_SAMPLE
    return [points[int(index * step)] for index in range(_SLOPE_SAMPLE)]


@dataclass(frozen=True, slots=True)
class Break:
    """A place in a series where its level changes: the first index after it, the levels, and how likely by chance."""

    index: int
    before: float
    after: float
    chance: float


def pettitt(values: Sequence[float]) -> Break | None:
    """Return the likeliest single change of level, or None for fewer than ten values.

    Source: Pettitt 1979, "A non-parametric approach to the change-point problem": ranks only, so that one outlier is
    no change; ``chance`` is the approximate probability of so strong a change without any.
    """
    count = len(values)
    if count < 10:
        return None
    order = sorted(range(count), key=lambda index: values[index])
    ranks = [0.0] * count
    start = 0
    while start < count:
        end = start
        while end + 1 < count and values[order[end + 1]] == values[order[start]]:
            end += 1
        for position in range(start, end + 1):
            ranks[order[position]] = (start + end) / 2 + 1
        start = end + 1
    total, best, place = 0.0, 0.0, 0
    for index in range(count - 1):
        total += ranks[index]
        score = abs(2 * total - (index + 1) * (count + 1))
        if score > best:
            best, place = score, index + 1
    if not place:
        return None
    chance = min(1.0, 2 * math.exp(-6 * best**2 / (count**3 + count**2)))
    before, after = median(values[:place]), median(values[place:])
    return Break(place, before or 0.0, after or 0.0, chance)
