"""Quantiles that merge exactly: logarithmic buckets with a relative error of one per cent (DDSketch).

A value lands in bucket ``ceil(log(value, gamma))`` with ``gamma = (1 + a) / (1 - a)``; adding two sketches bucket by
bucket is the sketch of both sets together, so any window of any group is an exact merge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_SMALLEST_MS = 1.0


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a duration; everything up to a millisecond shares bucket 0."""
    return 0 if milliseconds <= _SMALLEST_MS else math.ceil(math.log(milliseconds) / _LOG_GAMMA)


def value_of(bucket: int) -> float:
    """Return the milliseconds that stand for a bucket: within one per cent of every value in it."""
    return 2 * math.pow(_GAMMA, bucket) / (_GAMMA + 1)


def merge(sketches: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return the sketch of all values together; the order of the sketches does not matter."""
    total: dict[int, int] = {}
    for sketch in sketches:
        for bucket, count in sketch.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile(sketch: Mapping[int, int], q: float) -> float | None:
    """Return the value in milliseconds that the share ``q`` (0 to 1) does not exceed, or None for an empty sketch.

    Nearest rank: the smallest value with at least ``q`` of all values at or below it, so that the 99th percentile of
    three builds is the longest of them.
    """
    count = sum(sketch.values())
    if count == 0:
        return None
    rank = max(1, math.ceil(q * count))
    seen = 0
    for bucket in sorted(sketch):
        seen += sketch[bucket]
        if seen >= rank:
            return value_of(bucket)
    return value_of(max(sketch))
