"""Response times as a histogram: exact to the millisecond as far as memory allows, then to three digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate.reports.document import Document

PERCENTILES: Final = (50, 75, 90, 95, 99)
_EXACT_VALUES: Final = 20_000


class Requests:
    """The requests of one load test, counted as they are read."""

    def __init__(self, document: Document, *, ticks: int = 1) -> None:
        """Count times in ticks, so many a millisecond."""
        self.document = document
        self.contents = document.contents
        self._ticks = ticks
        self.total = 0
        self.failed = 0
        self.total_ms = 0.0
        self.first_ms: float | None = None
        self.last_ms: float | None = None
        self._times: dict[int, int] = {}
        self._is_coarse = False

    def add(self, elapsed: int, *, is_failed: bool, started_ms: float | None = None) -> None:
        """Count one request; its time is in ticks, its start in milliseconds."""
        self.total += 1
        self.failed += is_failed
        self.total_ms += elapsed / self._ticks
        key = _coarse(elapsed) if self._is_coarse else elapsed
        self._times[key] = self._times.get(key, 0) + 1
        if len(self._times) > _EXACT_VALUES and not self._is_coarse:
            self._coarsen()
        if started_ms is not None:
            ended_ms = started_ms + elapsed / self._ticks
            self.first_ms = started_ms if self.first_ms is None else min(self.first_ms, started_ms)
            self.last_ms = ended_ms if self.last_ms is None else max(self.last_ms, ended_ms)

    def _coarsen(self) -> None:
        self._is_coarse = True
        times: dict[int, int] = {}
        for value, count in self._times.items():
            times[_coarse(value)] = times.get(_coarse(value), 0) + count
        self._times = times

    def finish(self) -> None:
        """Set the measurements; without a single request there are none."""
        contents = self.contents
        contents.measure("performance.requests", self.total)
        if not self.total:
            contents.warn("the report holds no request")
            return
        values = sorted(self._times.items())
        for wanted in PERCENTILES:
            contents.measure(f"performance.p{wanted}_ms", percentile(values, self.total, wanted) / self._ticks)
        contents.measure("performance.mean_ms", self.total_ms / self.total)
        contents.measure("performance.min_ms", values[0][0] / self._ticks)
        contents.measure("performance.max_ms", values[-1][0] / self._ticks)
        contents.measure("performance.error_percent", percent(self.failed, self.total))
        if self.first_ms is not None and self.last_ms is not None and self.last_ms > self.first_ms:
            contents.measure("performance.rps", self.total * 1000.0 / (self.last_ms - self.first_ms))
        else:
            contents.warn("the report holds no start times: requests a second are unknown")


def _coarse(value: int) -> int:
    """Return the value to three digits."""
    digits = len(str(value))
    step = 10 ** max(0, digits - 3)
    return int(round(value / step) * step)


def percentile(values: Sequence[tuple[int, int]], total: int, wanted: float) -> float:
    """Return a percentile of sorted (value, count) pairs: position p (n + 1), linear between ranks, held at the ends.

    This is what JMeter's own report does (the estimate called LEGACY in Commons Math).
    """
    position = wanted / 100.0 * (total + 1)
    rank = min(max(int(position), 1), total)
    low = _at_rank(values, rank)
    if position < 1 or position >= total:
        return low
    high = _at_rank(values, rank + 1)
    return low + (position - rank) * (high - low)


def _at_rank(values: Sequence[tuple[int, int]], rank: int) -> float:
    passed = 0
    for value, count in values:
        passed += count
        if passed >= rank:
            return float(value)
    return float(values[-1][0])
