"""A window of days in a few honest numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics import sketch
from buildgate.domain.metrics.rollups import STATUS_COUNTERS, DayTotals, increments, merged


@dataclass(frozen=True, slots=True)
class Summary:
    """Whole UTC days of one scope. None means that nothing was measured: not zero.

    ``success_ratio`` is the share of succeeded among finished builds that nobody stopped. Percentiles are in seconds,
    within one per cent. ``cost_micro_usd`` is the sum of known costs; ``cost_unknown`` builds have no known price.
    ``cache_hit_ratio`` is the share of full hits among builds with a cache probe.
    """

    days: int
    builds: int
    by_status: Mapping[str, int]
    success_ratio: float | None
    mean_seconds: float | None
    p50_seconds: float | None
    p90_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    queue_p95_seconds: float | None
    cost_micro_usd: int
    cost_unknown: int
    cost_per_build_micro_usd: int | None
    score_v1: int | None
    queue_p50_seconds: float | None = None
    cache_hit_ratio: float | None = None
    cache_probed: int = 0
    retries: int = 0
    cost_retries_micro_usd: int = 0


def summarise(days: Sequence[DayTotals], *, window_days: int) -> Summary:
    """Return the summary of the given days, which may leave out days without builds."""
    builds = sum(day.count("n") for day in days)
    by_status = {str(status): sum(day.count(name) for day in days) for status, name in STATUS_COUNTERS.items()}
    judged = builds - by_status[BuildStatus.STOPPED]
    durations = sketch.merge(day.sketch("d") for day in days)
    queues = sketch.merge(day.sketch("q") for day in days)
    timed = sum(durations.values())
    p50, p90, p95, p99 = _seconds(sketch.quantiles(durations, (0.5, 0.9, 0.95, 0.99)))
    queue_p50, queue_p95 = _seconds(sketch.quantiles(queues, (0.5, 0.95), sketch.QUEUE_ERROR))
    unknown = sum(day.count("cost_unknown") for day in days)
    cost = sum(day.count("cost_micro_usd") for day in days)
    mean = sum(day.count("duration_ms") for day in days) / timed / 1000 if timed else None
    succeeded = by_status[BuildStatus.SUCCEEDED]
    priced = builds - unknown
    return Summary(
        days=window_days,
        builds=builds,
        by_status=by_status,
        success_ratio=succeeded / judged if judged else None,
        mean_seconds=mean,
        p50_seconds=p50,
        p90_seconds=p90,
        p95_seconds=p95,
        p99_seconds=p99,
        queue_p95_seconds=queue_p95,
        cost_micro_usd=cost,
        cost_unknown=unknown,
        cost_per_build_micro_usd=round(cost / priced) if priced else None,
        score_v1=score_v1(days),
        queue_p50_seconds=queue_p50,
        cache_hit_ratio=_hit_ratio(days),
        cache_probed=sum(day.count("cache_probed") for day in days),
        retries=sum(day.count("retries") for day in days),
        cost_retries_micro_usd=sum(day.count("cost_retries") for day in days),
    )


def of_builds(heads: Iterable[BuildHead]) -> DayTotals:
    """Return the totals of single builds: what an exact window, which is no whole day, is summarised from."""
    return merged((DayTotals("", increments(head)) for head in heads if head.status.is_finished), "")


def _hit_ratio(days: Sequence[DayTotals]) -> float | None:
    probed = sum(day.count("cache_probed") for day in days)
    return sum(day.count("cache_hit") for day in days) / probed if probed else None


def score_v1(days: Sequence[DayTotals]) -> int | None:
    """Return the classic score from 0 to 100, or None without builds.

    40 points for the share of succeeded builds (a stopped build counts as not succeeded), 30 less one per minute of
    mean duration, 30 for the share of cache hits. From 30 minutes on the duration earns nothing, whatever the project.
    """
    builds = sum(day.count("n") for day in days)
    if not builds:
        return None
    success = sum(day.count("ok") for day in days) / builds
    timed = sum(day.count("n") for day in days if day.count("duration_ms"))
    mean_minutes = sum(day.count("duration_ms") for day in days) / timed / 60_000 if timed else 0.0
    cache = _hit_ratio(days) or 0.0
    return int(40 * success + max(0.0, 30 - mean_minutes) + 30 * cache)


def _seconds(milliseconds: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else value / 1000 for value in milliseconds]
