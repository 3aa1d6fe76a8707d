"""Quantiles that merge exactly: logarithmic buckets with a known relative error (DDSketch).

A value lands in bucket ``ceil(log(value, gamma))`` with ``gamma = (1 + a) / (1 - a)``; adding two sketches bucket by
bucket is the sketch of both sets together, so any window of any group is an exact merge. Durations and times in the
queue are kept to one per cent. Times in the queue that earlier releases recorded were kept to five.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence

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
    for sketch in sketches:
        for bucket, count in sketch.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def coarser(bucket: int) -> int:
    """Return the bucket of five per cent for one of one per cent: always the same one for the same bucket."""
    return bucket_of(value_of(bucket), FORMER_QUEUE_ERROR)


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
    """Return a sketch as a short text: its first bucket and the counts from there on, compressed.

    Some five hundred buckets, as a day of thirty thousand builds has, take about 900 characters.
    """
    if not sketch:
        return ""
    first, last = min(sketch), max(sketch)
    counts = ",".join(str(sketch.get(bucket) or "") for bucket in range(first, last + 1))
    return base64.b85encode(zlib.compress(f"{first},{counts}".encode(), 9)).decode("ascii")


def unpack(text: str) -> dict[int, int]:
    """Return the sketch that ``pack`` made a text of."""
    if not text:
        return {}
    first, *counts = zlib.decompress(base64.b85decode(text)).decode("ascii").split(",")
    return {bucket: int(count) for bucket, count in enumerate(counts, int(first)) if count}


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
