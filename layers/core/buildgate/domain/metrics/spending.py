"""Where a project's money goes, what failures and retries cost, and what the month will come to."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from buildgate.domain.builds import PHASES, BuildHead
from buildgate.domain.metrics.rollups import STATUS_COUNTERS, DayTotals, merged
from buildgate.domain.metrics.statistics import mean, median, spread
from buildgate.domain.times import day_of, from_text

_UNPAID = {"SUBMITTED", "QUEUED"}
_FORECAST_DAYS = 7
"""A forecast from fewer days is a guess."""
_Z90 = 1.645


@dataclass(frozen=True, slots=True)
class Forecast:
    """The calendar month's cost: so far, expected at its end, and an interval that holds nine times in ten.

    None where there are fewer than seven whole days to go by; ``explanation`` says so.
    """

    month: str
    so_far_micro_usd: int
    expected_micro_usd: int | None
    low_micro_usd: int | None
    high_micro_usd: int | None
    explanation: str


@dataclass(frozen=True, slots=True)
class Spending:
    """A window's cost in micro-dollars. Shares by phase are by time: CodeBuild bills minutes, not phases."""

    total_micro_usd: int
    cost_unknown: int
    by_phase: Mapping[str, int]
    by_status: Mapping[str, int]
    retries_micro_usd: int
    retries: int
    by_branch: Mapping[str, int]
    by_compute: Mapping[str, int]
    builds_looked_at: int
    forecast: Forecast
    one_more_build: str
    one_more_build_micro_usd: int | None


def spending(
    days: Sequence[DayTotals], heads: Sequence[BuildHead], *, past: Sequence[DayTotals], now: datetime
) -> Spending:
    """Return the cost analysis of a window.

    Args:
        days: The window's days.
        heads: Its builds, for what days do not carry (branch, compute).
        past: The last 28 days and this month's, for the forecast.
        now: The moment of asking; today is not a whole day yet.
    """
    whole = merged(days, "")
    total = whole.count("cost_micro_usd")
    by_status = {str(status): whole.count(f"cost_{name}") for status, name in STATUS_COUNTERS.items() if name != "ok"}
    by_status = {"SUCCEEDED": total - sum(by_status.values())} | by_status
    price = median([float(head.cost_micro_usd) for head in heads if head.cost_micro_usd is not None])
    return Spending(
        total_micro_usd=total,
        cost_unknown=whole.count("cost_unknown"),
        by_phase=_by_phase(whole, total),
        by_status={name: cost for name, cost in by_status.items() if cost},
        retries_micro_usd=whole.count("cost_retries"),
        retries=whole.count("retries"),
        by_branch=_by(heads, lambda head: head.branch or "(no branch)"),
        by_compute=_by(heads, lambda head: f"{head.environment_type} {head.compute_type}".strip() or "(unknown)"),
        builds_looked_at=len(heads),
        forecast=forecast(past, now=now),
        one_more_build=_one_more(price, len(days), whole.count("n")),
        one_more_build_micro_usd=None if price is None else round(price),
    )


def _by_phase(window: DayTotals, total: int) -> Mapping[str, int]:
    sums = {name: window.count(f"p{index}") for index, name in enumerate(PHASES) if name not in _UNPAID}
    whole = sum(sums.values())
    shares = {name: round(total * value / whole) for name, value in sums.items() if value} if whole else {}
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def _by(heads: Sequence[BuildHead], key: Callable[[BuildHead], str]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for head in heads:
        name = key(head)
        found[name] = found.get(name, 0) + (head.cost_micro_usd or 0)
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:20])


def _one_more(price: float | None, days: int, builds: int) -> str:
    if price is None:
        return "not enough data: no build of the window has a known price"
    each = price / 1_000_000
    month = builds / max(1, days) * 30 * each
    return (
        f"one more build of this kind beside each of these costs ${each:.4f} a time, "
        f"about ${month:.2f} a month at {builds / max(1, days):.1f} builds a day"
    )


def forecast(days: Sequence[DayTotals], *, now: datetime) -> Forecast:
    """Return what the calendar month (UTC) will cost: spent so far, plus the days left at the mean of whole days.

    The interval adds the days' own spread and the uncertainty of their mean (a normal approximation, 90 %), and is never
    below what is spent already.
    """
    today = day_of(now)
    month = today[:7]
    so_far = sum(day.count("cost_micro_usd") for day in days if day.day[:7] == month)
    known = {day.day: float(day.count("cost_micro_usd")) for day in days}
    first_used = min((day.day for day in days if day.count("n")), default=today)
    whole = [value for name, value in known.items() if first_used <= name < today]
    if len(whole) < _FORECAST_DAYS:
        why = f"not enough data: {len(whole)} whole days with builds behind us, {_FORECAST_DAYS} are needed"
        return Forecast(month, so_far, None, None, None, why)
    left = calendar.monthrange(now.year, now.month)[1] - now.day + (1 - _day_share(now))
    centre, deviation = mean(whole) or 0.0, spread(whole) or 0.0
    reach = _Z90 * deviation * math.sqrt(left + left**2 / len(whole))
    expected = so_far + centre * left
    return Forecast(
        month,
        so_far,
        round(expected),
        max(so_far, round(expected - reach)),
        round(expected + reach),
        f"{left:.1f} days left at the mean of {len(whole)} whole days",
    )


def _day_share(now: datetime) -> float:
    midnight = from_text(day_of(now))
    return (now - midnight).total_seconds() / 86_400
