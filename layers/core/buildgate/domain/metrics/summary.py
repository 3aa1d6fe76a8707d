"""A window of days in a few honest numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead
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


_STATUSES = tuple((status.value, name) for status, name in STATUS_COUNTERS.items())
_SHARES = (0.5, 0.9, 0.95, 0.99)
_QUEUE_SHARES = (0.5, 0.95)


def summarise(days: Sequence[DayTotals], *, window_days: int) -> Summary:
    """Return the summary of the given days, which may leave out days without builds."""
    total = days[0] if len(days) == 1 else merged((day for day in days if not day.is_empty), "")
    count = total.count
    builds = count("n")
    by_status = {status: count(name) for status, name in _STATUSES}
    judged = builds - count("stopped")
    p50, p90, p95, p99 = _seconds(sketch.quantiles(total.sketch("d"), _SHARES))
    queue_p50, queue_p95 = _seconds(sketch.quantiles(total.sketch("w"), _QUEUE_SHARES))
    unknown, cost, probed = count("cost_unknown"), count("cost_micro_usd"), count("cache_probed")
    mean = _mean_seconds(total)
    priced = builds - unknown
    return Summary(
        days=window_days,
        builds=builds,
        by_status=by_status,
        success_ratio=count("ok") / judged if judged else None,
        mean_seconds=mean,
        p50_seconds=p50,
        p90_seconds=p90,
        p95_seconds=p95,
        p99_seconds=p99,
        queue_p95_seconds=queue_p95,
        cost_micro_usd=cost,
        cost_unknown=unknown,
        cost_per_build_micro_usd=round(cost / priced) if priced else None,
        score_v1=score_v1(total),
        queue_p50_seconds=queue_p50,
        cache_hit_ratio=count("cache_hit") / probed if probed else None,
        cache_probed=probed,
        retries=count("retries"),
        cost_retries_micro_usd=count("cost_retries"),
    )


def _mean_seconds(total: DayTotals) -> float | None:
    timed = sum(total.sketch("d").values())
    return total.count("duration_ms") / timed / 1000 if timed else None


def of_builds(heads: Iterable[BuildHead]) -> DayTotals:
    """Return the totals of single builds: what an exact window, which is no whole day, is summarised from."""
    return merged((DayTotals("", increments(head)) for head in heads if head.status.is_finished), "")


def score_v1(total: DayTotals) -> int | None:
    """Return the classic score from 0 to 100, or None without builds.

    40 points for the share of succeeded builds (a stopped build counts as not succeeded), 30 less one per minute of
    mean duration, 30 for the share of cache hits. From 30 minutes on the duration earns nothing, whatever the project.
    """
    builds = total.count("n")
    if not builds:
        return None
    mean_minutes = (_mean_seconds(total) or 0.0) / 60
    probed = total.count("cache_probed")
    cache = total.count("cache_hit") / probed if probed else 0.0
    return int(40 * total.count("ok") / builds + max(0.0, 30 - mean_minutes) + 30 * cache)


def _seconds(milliseconds: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else value / 1000 for value in milliseconds]
