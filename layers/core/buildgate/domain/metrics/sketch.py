"""Quantiles that merge exactly: logarithmic buckets with a known relative error (DDSketch).

A value lands in bucket ``ceil(log(value, gamma))`` with ``gamma = (1 + a) / (1 - a)``; adding two sketches bucket by
bucket is the sketch of both sets together, so any window of any group is an exact merge. Durations and times in the
queue are kept to one per cent. Times in the queue that earlier releases recorded were kept to five.
"""

from __future__ import annotations

import base64
import bisect
import itertools
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

RELATIVE_ERROR = 0.01
FORMER_QUEUE_ERROR = 0.05
_SMALLEST_MS = 1.0


def _gamma(error: float) -> float:
    return (1 + error) / (1 - error)


_GAMMA = {error: _gamma(error) for error in (RELATIVE_ERROR, FORMER_QUEUE_ERROR)}
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
    known = total.get
    for sketch in sketches:
        if not total:
            total.update(sketch)
            continue
        for bucket, count in sketch.items():
            total[bucket] = known(bucket, 0) + count
    return total


@cache
def coarser(bucket: int) -> int:
    """Return the bucket of five per cent for one of one per cent: always the same one for the same bucket."""
    return bucket_of(value_of(bucket), FORMER_QUEUE_ERROR)


def coarse(sketch: Mapping[int, int]) -> dict[int, int]:
    """Return a sketch of one per cent as one of five."""
    return merge({coarser(bucket): count} for bucket, count in sketch.items())


def with_former(sketch: Mapping[int, int], former: Mapping[int, int]) -> dict[int, int]:
    """Return a fine sketch with what only the coarse one beside it counted.

    Each value of the fine sketch is in the coarse one too, in the bucket that ``coarser`` says; the others come from an
    earlier release, and stay within five per cent of the truth.
    """
    alone = dict(former)
    for bucket, count in sketch.items():
        coarse = coarser(bucket)
        alone[coarse] = alone.get(coarse, 0) - count
    fine = {bucket_of(value_of(bucket, FORMER_QUEUE_ERROR)): count for bucket, count in alone.items() if count > 0}
    return merge([sketch, fine])


def pack(sketch: Mapping[int, int]) -> str:
    """Return a sketch as a short text: how far each bucket is from the one before, and the counts, compressed.

    Some five hundred buckets, as a day of thirty thousand builds has, take about 900 characters.
    """
    if not sketch:
        return ""
    buckets = sorted(sketch)
    steps = ",".join(str(bucket - before) for before, bucket in zip([0, *buckets], buckets, strict=False))
    counts = ",".join(str(sketch[bucket]) for bucket in buckets)
    return base64.b64encode(zlib.compress(f"{steps};{counts}".encode(), 9)).decode("ascii")


def unpack(text: str) -> dict[int, int]:
    """Return the sketch that ``pack`` made a text of."""
    if not text:
        return {}
    steps, counts = zlib.decompress(base64.b64decode(text)).decode("ascii").split(";")
    buckets = itertools.accumulate(map(int, steps.split(",")))
    return dict(zip(buckets, map(int, counts.split(",")), strict=True))


def quantile(sketch: Mapping[int, int], q: float, error: float = RELATIVE_ERROR) -> float | None:
    """Return the value in milliseconds that the share ``q`` (0 to 1) does not exceed, or None for an empty sketch."""
    return quantiles(sketch, (q,), error)[0]


def quantiles(sketch: Mapping[int, int], shares: Sequence[float], error: float = RELATIVE_ERROR) -> list[float | None]:
    """Return the values of several shares, lowest share first, in one walk over the buckets.

    Nearest rank: the smallest value with at least ``q`` of all values at or below it, so that the 99th percentile of
    three builds is the longest of them.
    """
    if not sketch:
        return [None] * len(shares)
    buckets = sorted(sketch)
    reached = list(itertools.accumulate([sketch[bucket] for bucket in buckets]))
    count = reached[-1]
    if count == 0:
        return [None] * len(shares)
    places = [bisect.bisect_left(reached, max(1, math.ceil(q * count))) for q in shares]
    return [value_of(buckets[place], error) for place in places]
