"""Daily totals: what one finished build adds to its project's and its pipeline's day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from buildgate.domain.builds import PHASES, BuildHead, BuildStatus
from buildgate.domain.metrics import sketch
from buildgate.domain.times import day_of

STATUS_COUNTERS: Mapping[BuildStatus, str] = {
    BuildStatus.SUCCEEDED: "ok",
    BuildStatus.FAILED: "failed",
    BuildStatus.FAULT: "fault",
    BuildStatus.TIMED_OUT: "timed_out",
    BuildStatus.STOPPED: "stopped",
}


class Scope(NamedTuple):
    """Whose day it is: ``kind`` is PROJECT or PIPELINE (written with each build), TEAM, COST or ACCOUNT (folded)."""

    kind: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.name}"


class DayTotals:
    """The counts of one scope on one UTC day; ``counters`` are whole numbers that only grow.

    ``n`` builds, one counter per status, ``duration_ms``, ``queue_ms``, ``cost_micro_usd``, ``cost_unknown`` (builds
    without a known price), ``d<bucket>`` and ``w<bucket>`` (sketches of duration and of the wait in the queue),
    ``q<bucket>`` (waits once more, to five per cent: what the release before this one reads), ``p<n>``
    (milliseconds of the n-th of ``PHASES``), ``cost_<status>`` (what builds that did not succeed cost), ``retries`` and ``cost_retries``,
    ``cache_<result>``, ``cache_probed``, ``cache_ms`` and ``cache_bytes``.
    """

    def __init__(self, day: str, counters: Mapping[str, int] | None = None, sketches: Sketches | None = None) -> None:
        """Take counters under their names; buckets may be given as sketches instead, which spares their names."""
        self.day = day
        self._named: Mapping[str, int] = counters or {}
        self._apart = sketches

    def __repr__(self) -> str:
        return f"DayTotals({self.day!r}, {dict(self.counters)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DayTotals) and (self.day, self.counters) == (other.day, other.counters)

    def __hash__(self) -> int:
        return hash((self.day, frozenset(self.counters.items())))

    @property
    def is_empty(self) -> bool:
        return not self._named

    @cached_property
    def counters(self) -> Mapping[str, int]:
        """Every counter under its name."""
        if self._apart is None:
            return self._named
        named = dict(self._named)
        for prefix, buckets in self._apart.complete().items():
            named |= {f"{prefix}{bucket}": count for bucket, count in buckets.items()}
        return named

    @cached_property
    def sketches(self) -> Sketches:
        return sketches_of(self._named) if self._apart is None else self._apart

    @cached_property
    def scalars(self) -> Mapping[str, int]:
        """The counters that are no buckets."""
        if self._apart is not None:
            return self._named
        return {name: count for name, count in self._named.items() if name[0] not in _PREFIXES or not _is_bucket(name)}

    def sketch(self, prefix: str) -> Mapping[int, int]:
        """Return the sketch of durations (``d``) or of waits in the queue (``w``), in milliseconds."""
        return self.sketches.durations if prefix == "d" else self.sketches.all_waits

    def count(self, name: str) -> int:
        """Return a counter that is no bucket."""
        return self._named.get(name, 0)


_PREFIXES = frozenset("dwq")


class Sketches:
    """The sketches of a day. ``former`` is that of waits for the release before, None where it follows from ``waits``."""

    def __init__(
        self, durations: Mapping[int, int], waits: Mapping[int, int], former: Mapping[int, int] | None
    ) -> None:
        self.durations = durations
        self.waits = waits
        self.former = former

    @cached_property
    def all_waits(self) -> Mapping[int, int]:
        """Waits to one per cent, and to five those that only an earlier release counted."""
        former = self.former
        if former is None or sum(self.waits.values()) == sum(former.values()):
            return self.waits
        return sketch.with_former(self.waits, former)

    @property
    def whole_former(self) -> Mapping[int, int]:
        return sketch.coarse(self.waits) if self.former is None else self.former

    def complete(self) -> Mapping[str, Mapping[int, int]]:
        """Return all three by what the names of their buckets begin with."""
        return {"d": self.durations, "w": self.waits, "q": self.whole_former}


def _is_bucket(name: str) -> bool:
    return name[1:].isdigit()


def sketches_of(counters: Mapping[str, int]) -> Sketches:
    """Return the buckets among counters, as they were written."""
    found: dict[str, dict[int, int]] = {"d": {}, "w": {}, "q": {}}
    for name, count in counters.items():
        if name[0] in _PREFIXES and _is_bucket(name):
            found[name[0]][int(name[1:])] = count
    return Sketches(found["d"], found["w"], found["q"])


def increments(head: BuildHead) -> dict[str, int]:
    """Return what a finished build adds to each day it belongs to."""
    counts = {"n": 1, STATUS_COUNTERS[head.status]: 1}
    if head.duration_seconds is not None:
        milliseconds = round(head.duration_seconds * 1000)
        counts["duration_ms"] = milliseconds
        counts[f"d{sketch.bucket_of(milliseconds)}"] = 1
    if head.queue_seconds is not None:
        milliseconds = round(head.queue_seconds * 1000)
        counts["queue_ms"] = milliseconds
        wait = sketch.bucket_of(milliseconds)
        counts |= {f"w{wait}": 1, f"q{sketch.coarser(wait)}": 1}
    return {name: value for name, value in (counts | _costs(head) | _phases(head) | _cache(head)).items() if value}


def _costs(head: BuildHead) -> dict[str, int]:
    cost = head.cost_micro_usd
    if cost is None:
        return {"cost_unknown": 1, "retries": int(head.is_retry)}
    found = {"cost_micro_usd": cost}
    if head.status is not BuildStatus.SUCCEEDED:
        found[f"cost_{STATUS_COUNTERS[head.status]}"] = cost
    if head.is_retry:
        found |= {"retries": 1, "cost_retries": cost}
    return found


def _phases(head: BuildHead) -> dict[str, int]:
    known = head.phase_seconds
    return {f"p{index}": round(known[name] * 1000) for index, name in enumerate(PHASES) if name in known}


def _cache(head: BuildHead) -> dict[str, int]:
    probe = head.cache
    if probe is None:
        return {}
    found = {"cache_probed": 1, f"cache_{probe.result}": 1}
    if probe.seconds is not None:
        found["cache_ms"] = round(probe.seconds * 1000)
    if probe.size_bytes is not None:
        found["cache_bytes"] = probe.size_bytes
    return found


def merged(days: Iterable[DayTotals], day: str) -> DayTotals:
    """Return the sum of several scopes' days as one day: exact, sketches included, in any order."""
    total: dict[str, int] = {}
    sketches = []
    for one in days:
        for name, value in one.scalars.items():
            total[name] = total.get(name, 0) + value
        sketches.append(one.sketches)
    former = None
    if any(one.former is not None for one in sketches):
        former = sketch.merge(one.whole_former for one in sketches)
    durations = sketch.merge(one.durations for one in sketches)
    waits = sketch.merge(one.waits for one in sketches)
    return DayTotals(day, total, Sketches(durations, waits, former))


def day_of_build(head: BuildHead, *, seen_at: datetime) -> str:
    """Return the UTC day of completion; a finished build without an end counts on the day it was seen."""
    return day_of(head.ended_at or seen_at)


def scopes_of(head: BuildHead) -> tuple[Scope, ...]:
    """Return the scopes whose day is written in the build's own transaction."""
    project = Scope("PROJECT", head.project)
    return (project, Scope("PIPELINE", head.pipeline)) if head.pipeline else (project,)


def fold(heads: Iterable[BuildHead], *, seen_at: datetime) -> dict[tuple[Scope, str], dict[str, int]]:
    """Return all days of all scopes recounted from the builds: what the stored totals must equal."""
    totals: dict[tuple[Scope, str], dict[str, int]] = {}
    for head in heads:
        if not head.status.is_finished:
            continue
        added = increments(head)
        for scope in scopes_of(head):
            day = totals.setdefault((scope, day_of_build(head, seen_at=seen_at)), {})
            for name, value in added.items():
                day[name] = day.get(name, 0) + value
    return totals
