"""How a project moves: daily series with slopes, and builds after which its duration was another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics import sketch
from buildgate.domain.metrics.rollups import DayTotals
from buildgate.domain.metrics.statistics import Slope, pettitt, theil_sen

_CHANCE = 0.01
_LEAST_CHANGE = 0.10
"""A level that moved by less than a tenth is nobody's concern."""
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Trend:
    """One daily series. ``slope`` is None with fewer than five days that have a value."""

    name: str
    unit: str
    values: tuple[float | None, ...]
    slope: Slope | None


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Builds took ``before_seconds`` until ``first_build_id``, and ``after_seconds`` from it on (medians)."""

    first_build_id: str
    at: str
    before_seconds: float
    after_seconds: float
    chance: float
    differed: tuple[str, ...]


def trends(days: Sequence[DayTotals]) -> tuple[Trend, ...]:
    """Return the series of days that follow each other without a gap (days without builds are empty days)."""
    durations = [_percentiles(day) for day in days]
    series: tuple[tuple[str, str, list[float | None]], ...] = (
        ("builds", "builds a day", [float(day.count("n")) for day in days]),
        ("p50_seconds", "seconds", [half for half, _ in durations]),
        ("p95_seconds", "seconds", [tail for _, tail in durations]),
        ("queue_p95_seconds", "seconds", [_wait(day) for day in days]),
        ("success_ratio", "ratio", [_ratio(day.count("ok"), day.count("n") - day.count("stopped")) for day in days]),
        ("cost_usd", "dollars a day", [day.count("cost_micro_usd") / 1_000_000 for day in days]),
        ("cache_hit_ratio", "ratio", [_ratio(day.count("cache_hit"), day.count("cache_probed")) for day in days]),
    )
    return tuple(Trend(name, unit, tuple(values), _slope(values)) for name, unit, values in series)


def _slope(values: Sequence[float | None]) -> Slope | None:
    return theil_sen([(float(index), value) for index, value in enumerate(values) if value is not None])


_SHARES = (0.5, 0.95)


def _percentiles(day: DayTotals) -> tuple[float | None, float | None]:
    if day.is_empty:
        return None, None
    half, tail = sketch.quantiles(day.sketch("d"), _SHARES)
    return _seconds(half), _seconds(tail)


def _wait(day: DayTotals) -> float | None:
    return None if day.is_empty else _seconds(sketch.quantile(day.sketch("w"), 0.95))


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def change_points(heads: Sequence[BuildHead]) -> tuple[ChangePoint, ...]:
    """Return where the working time of succeeded builds changed its level, oldest first.

    Found by Pettitt's test, again on both sides of each change, at one per cent chance and a tenth of the level.
    """
    timed = [head for head in heads if head.status is BuildStatus.SUCCEEDED and head.work_seconds is not None]
    timed.sort(key=lambda head: head.started_at)
    values = [head.work_seconds or 0.0 for head in timed]
    return tuple(sorted(_breaks(timed, values, 0, len(values), _DEPTH), key=lambda change: change.at))


def _breaks(
    heads: Sequence[BuildHead], values: Sequence[float], low: int, high: int, depth: int
) -> Iterator[ChangePoint]:
    found = pettitt(values[low:high]) if depth else None
    if found is None or found.chance > _CHANCE:
        return
    place = low + found.index
    if abs(found.after - found.before) >= _LEAST_CHANGE * max(found.before, 1e-9):
        first = heads[place]
        yield ChangePoint(
            first.build_id,
            first.started_at.isoformat(),
            found.before,
            found.after,
            found.chance,
            what_differed(heads[place - 1], first),
        )
    yield from _breaks(heads, values, low, place, depth - 1)
    yield from _breaks(heads, values, place, high, depth - 1)


def what_differed(before: BuildHead, after: BuildHead) -> tuple[str, ...]:
    """Return in words what is not the same of two builds: commit, image, compute, buildspec, cache result."""
    pairs = (
        ("commit", before.commit[:12], after.commit[:12]),
        ("image", before.image, after.image),
        ("compute", before.compute_type, after.compute_type),
        ("environment", before.environment_type, after.environment_type),
        ("buildspec", before.buildspec, after.buildspec),
        ("cache", _cache(before), _cache(after)),
    )
    return tuple(f"{name}: {old or 'none'} -> {new or 'none'}" for name, old, new in pairs if old != new)


def _cache(head: BuildHead) -> str:
    return head.cache.result if head.cache else ""
