"""Quantiles that merge exactly: logarithmic buckets with a known relative error (DDSketch).

A value lands in bucket ``ceil(log(value, gamma))`` with ``gamma = (1 + a) / (1 - a)``; adding two sketches bucket by
bucket is the sketch of both sets together, so any window of any group is an exact merge. Durations are kept to one per
cent. Times in the queue spread over four powers of ten and are kept to five, so that a day stays a small item.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

RELATIVE_ERROR = 0.01
QUEUE_ERROR = 0.05
_SMALLEST_MS = 1.0


def _gamma(error: float) -> float:
    return (1 + error) / (1 - error)


_GAMMA = {error: _gamma(error) for error in (RELATIVE_ERROR, QUEUE_ERROR)}
_LOG_GAMMA = {error: math.log(gamma) for error, gamma in _GAMMA.items()}


def bucket_of(milliseconds: float, error: float = RELATIVE_ERROR) -> int:
    """Return the bucket of a duration; everything up to a millisecond shares bucket 0."""
    return 0 if milliseconds <= _SMALLEST_MS else math.ceil(math.log(milliseconds) / _LOG_GAMMA[error])


def value_of(bucket: int, error: float = RELATIVE_ERROR) -> float:
    """Return the milliseconds that stand for a bucket: within the relative error of every value in it."""
    gamma = _GAMMA[error]
    return 2 * gamma**bucket / (gamma + 1)


def merge(sketches: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return the sketch of all values together; the order of the sketches does not matter."""
    total: dict[int, int] = {}
    for sketch in sketches:
        for bucket, count in sketch.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile(sketch: Mapping[int, int], q: float, error: float = RELATIVE_ERROR) -> float | None:
    """Return the value in milliseconds that the share ``q`` (0 to 1) does not exceed, or None for an empty sketch."""
    return quantiles(sketch, (q,), error)[0]


def quantiles(sketch: Mapping[int, int], shares: Sequence[float], error: float = RELATIVE_ERROR) -> list[float | None]:
    """Return the values of several shares, lowest share first, in one walk over the buckets.

    Nearest rank: the smallest value with at least ``q`` of all values at or below it, so that the 99th percentile of
    three builds is the longest of them.
    """
    count = sum(sketch.values())
    if count == 0:
        return [None] * len(shares)
    if len(sketch) == 1:
        return [value_of(next(iter(sketch)), error)] * len(shares)
    found: list[float | None] = []
    buckets = iter(sorted(sketch))
    bucket = next(buckets)
    seen = sketch[bucket]
    for q in shares:
        rank = max(1, math.ceil(q * count))
        while seen < rank:
            bucket = next(buckets)
            seen += sketch[bucket]
        found.append(value_of(bucket, error))
    return found
