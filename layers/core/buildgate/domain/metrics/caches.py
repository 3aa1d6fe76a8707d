"""What a project's cache is worth: seconds and dollars saved per key, from builds that differ in little but the cache."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics.statistics import median

LEAST_PAIRS = 3
"""Savings from fewer comparisons are an anecdote."""
LOCAL_MINUTES = 15
"""A guess of how long a build host is kept: AWS gives no figure and promises nothing for local caches."""
_KEYS = 20
BLOCK = """\
cache:
  key: deps-$(codebuild-hash-files package-lock.json)   # the file that pins your dependencies
  fallback-keys:
    - deps-
  paths:                                                # keep the lines of your tools
    - "node_modules/**/*"
    - "/root/.cache/pip/**/*"
    - "/root/.m2/**/*"
    - "/go/pkg/mod/**/*"
"""
"""A buildspec's cache block to start from: the key changes with the lock file, the fallback takes the newest."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One cache key. ``saved_seconds_per_hit`` is None where nothing can be compared; negative where it costs."""

    key: str
    hits: int
    partials: int
    misses: int
    pairs: int
    saved_seconds_per_hit: float | None
    saved_seconds: float | None
    saved_micro_usd: int | None
    size_bytes: int | None
    verdict: str


@dataclass(frozen=True, slots=True)
class CacheAnalysis:
    """A window's cache. Sums are None when nothing could be compared; ``explanation`` says why."""

    probed: int
    unprobed: int
    hits: int
    partials: int
    misses: int
    hit_ratio: float | None
    saved_seconds: float | None
    saved_micro_usd: int | None
    keys: tuple[KeyValue, ...]
    gap_median_minutes: float | None
    gap_over_local_ratio: float | None
    explanation: str
    block: str


def analyse_cache(heads: Sequence[BuildHead]) -> CacheAnalysis:
    """Return what the cache did in a window and what it saved.

    A saving is the working time of a miss less that of a hit, both succeeded, on the same compute and image: first of
    the same key (the same dependencies, so the commits are near-identical), else of the misses next in time. The queue
    is left out of both. Medians of at least three pairs, or nothing.
    """
    probed = [head for head in heads if head.cache is not None]
    by_result = {name: sum(1 for h in probed if h.cache and h.cache.result == name) for name in _RESULTS}
    keys = _keys(probed)
    saved = [one.saved_seconds for one in keys if one.saved_seconds is not None]
    dollars = [one.saved_micro_usd for one in keys if one.saved_micro_usd is not None]
    gaps = _gap_minutes(heads)
    return CacheAnalysis(
        probed=len(probed),
        unprobed=len(heads) - len(probed),
        hits=by_result["hit"],
        partials=by_result["partial"],
        misses=by_result["miss"],
        hit_ratio=by_result["hit"] / len(probed) if probed else None,
        saved_seconds=sum(saved) if saved else None,
        saved_micro_usd=sum(dollars) if dollars else None,
        keys=keys,
        gap_median_minutes=median(gaps),
        gap_over_local_ratio=sum(gap > LOCAL_MINUTES for gap in gaps) / len(gaps) if gaps else None,
        explanation=_explained(len(heads), len(probed), is_saving_known=bool(saved)),
        block=BLOCK,
    )


_RESULTS = ("hit", "partial", "miss")


def _explained(builds: int, probed: int, *, is_saving_known: bool) -> str:
    if not builds:
        return "not enough data: no build in the window"
    if not probed:
        return (
            "not enough data: no build reports what its cache did; "
            "`buildgate buildspec generate` writes a probe into the buildspec"
        )
    if not is_saving_known:
        return f"not enough data to say what was saved: fewer than {LEAST_PAIRS} hits can be compared with a miss"
    return "saved = working time of a miss less that of a hit on the same compute and image, times the hits (medians)"


def _keys(probed: Sequence[BuildHead]) -> tuple[KeyValue, ...]:
    groups: dict[str, list[BuildHead]] = {}
    for head in probed:
        if head.cache is not None:
            groups.setdefault(head.cache.key or "(no key)", []).append(head)
    misses = _Misses(probed)
    found = [_key_value(key, members, misses) for key, members in groups.items()]
    return tuple(sorted(found, key=lambda one: -(one.hits + one.partials + one.misses))[:_KEYS])


def _is(head: BuildHead, result: str) -> bool:
    return head.cache is not None and head.cache.result == result


def _is_timed(head: BuildHead) -> bool:
    return head.status is BuildStatus.SUCCEEDED and head.work_seconds is not None


class _Misses:
    """Timed misses by compute and image, in the order of their starts, so that the nearest is found without a search."""

    def __init__(self, heads: Sequence[BuildHead]) -> None:
        self._groups: dict[tuple[str, str, str], list[BuildHead]] = {}
        timed = [head for head in heads if _is(head, "miss") and _is_timed(head)]
        for head in sorted(timed, key=_start):
            self._groups.setdefault(_kind(head), []).append(head)

    def nearest(self, hit: BuildHead) -> BuildHead | None:
        """Return the miss on the same compute and image that started nearest in time, the earlier of two as near."""
        group = self._groups.get(_kind(hit), [])
        place = bisect.bisect_left(group, hit.started_at, key=_start)
        around = group[max(0, place - 1) : place + 1]
        return min(around, key=lambda head: abs(head.started_at - hit.started_at), default=None)


def _start(head: BuildHead) -> datetime:
    return head.started_at


def _key_value(key: str, members: Sequence[BuildHead], misses: _Misses) -> KeyValue:
    hits, own = [head for head in members if _is(head, "hit")], _Misses(members)
    pairs = [
        _saved(head, miss) for head in hits if _is_timed(head) and (miss := own.nearest(head) or misses.nearest(head))
    ]
    enough = len(pairs) >= LEAST_PAIRS
    per_hit = median([seconds for seconds, _ in pairs]) if enough else None
    rate = median([rate for _, rate in pairs if rate is not None]) if enough else None
    total = None if per_hit is None else per_hit * len(hits)
    sizes = [float(head.cache.size_bytes) for head in members if head.cache and head.cache.size_bytes is not None]
    size = median(sizes)
    return KeyValue(
        key=key,
        hits=len(hits),
        partials=sum(_is(head, "partial") for head in members),
        misses=sum(_is(head, "miss") for head in members),
        pairs=len(pairs),
        saved_seconds_per_hit=per_hit,
        saved_seconds=total,
        saved_micro_usd=None if total is None or rate is None else round(total * rate),
        size_bytes=None if size is None else round(size),
        verdict=_verdict(per_hit, len(pairs)),
    )


def _verdict(per_hit: float | None, pairs: int) -> str:
    if per_hit is None:
        return f"not enough data: {pairs} comparisons, {LEAST_PAIRS} are needed"
    return "costs more than it saves" if per_hit < 0 else "saves"


def _saved(hit: BuildHead, miss: BuildHead) -> tuple[float, float | None]:
    """Return the seconds a hit saved against a miss, and the micro-dollars of one of its seconds."""
    paid = miss.work_seconds or 0.0
    rate = miss.cost_micro_usd / paid if miss.cost_micro_usd is not None and paid else None
    return paid - (hit.work_seconds or 0.0), rate


def _kind(head: BuildHead) -> tuple[str, str, str]:
    return head.compute_type, head.environment_type, head.image


def _gap_minutes(heads: Sequence[BuildHead]) -> list[float]:
    """Return the minutes between the end of each build and the start of the next, for builds that do not overlap."""
    ordered = sorted((head for head in heads if head.ended_at is not None), key=lambda head: head.started_at)
    gaps = []
    for before, after in itertools.pairwise(ordered):
        seconds = (after.started_at - (before.ended_at or before.started_at)).total_seconds()
        if seconds >= 0:
            gaps.append(seconds / 60)
    return gaps
