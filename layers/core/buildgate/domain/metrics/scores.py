"""score_v2: a project judged against its own past, every point explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from buildgate.domain.metrics.summary import Summary

LEAST_BUILDS = 5
"""A window or a baseline with fewer finished builds says nothing."""


@dataclass(frozen=True, slots=True)
class ScoredObjective:
    """One part of the score: what it was, what it was before, and why it earned its points."""

    name: str
    points: float
    of: int
    value: float | None
    baseline: float | None
    explanation: str


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of the objectives that could be judged, scaled to 100; None when too little is known."""

    total: int | None
    objectives: tuple[ScoredObjective, ...]
    explanation: str


_Reading = Callable[[Summary], float | None]
_OBJECTIVES: tuple[tuple[str, int, bool, _Reading], ...] = (
    ("success", 40, True, lambda summary: summary.success_ratio),
    ("duration p50", 20, False, lambda summary: summary.p50_seconds),
    ("duration p95", 10, False, lambda summary: summary.p95_seconds),
    ("queue p95", 5, False, lambda summary: summary.queue_p95_seconds),
    ("cost per build", 15, False, lambda summary: summary.cost_per_build_micro_usd),
    ("cache hits", 10, True, lambda summary: summary.cache_hit_ratio),
)
"""Name, points, whether more is better, and where to read it."""


def score_v2(now: Summary, before: Summary) -> Score:
    """Return how a window compares with the one before it.

    Each objective earns all its points at the baseline or better, none when it is half as good or worse, and in
    between what the straight line gives. Success besides is capped by itself: it never earns a larger share than the
    share of builds that succeeded, so that a project that always failed does not score by failing as before. What
    cannot be judged is left out and the rest scaled up; its explanation says so.
    """
    if now.builds < LEAST_BUILDS:
        return Score(
            None, (), f"not enough data: the window has {now.builds} of the {LEAST_BUILDS} builds that are needed"
        )
    if before.builds < LEAST_BUILDS:
        return Score(None, (), f"not enough data: {before.builds} builds before the window, {LEAST_BUILDS} are needed")
    scored = tuple(
        _scored(name, of, read(now), read(before), is_up=is_up, caps=name == "success")
        for name, of, is_up, read in _OBJECTIVES
    )
    judged = [one for one in scored if one.value is not None and one.baseline is not None]
    of = sum(one.of for one in judged)
    total = round(100 * sum(one.points for one in judged) / of) if of else None
    left = ", ".join(one.name for one in scored if one not in judged)
    return Score(total, scored, f"out of {of} points scaled to 100" + (f"; not measured: {left}" if left else ""))


def _scored(
    name: str, of: int, value: float | None, before: float | None, *, is_up: bool, caps: bool
) -> ScoredObjective:
    if value is None or before is None:
        return ScoredObjective(name, 0.0, of, value, before, "not measured in both windows: left out")
    ratio = _goodness(value, before, is_up=is_up)
    share = min(1.0, max(0.0, (ratio - 0.5) / 0.5))
    if caps:
        share = min(share, value)
    points = round(of * share, 1)
    word = "as good as" if abs(ratio - 1) < 0.005 else "better than" if ratio > 1 else "worse than"
    change = abs(value - before) / before if before else 0.0
    how = f" by {change:.0%}" if word != "as good as" and before else ""
    return ScoredObjective(name, points, of, value, before, f"{word} before{how}: {points:g} of {of}")


def _goodness(value: float, before: float, *, is_up: bool) -> float:
    """Return 1 for as good as before, 0.5 for half as good, 2 for twice as good."""
    good, reference = (value, before) if is_up else (before, value)
    if reference <= 0:
        return 1.0 if good <= 0 else 2.0
    return good / reference
