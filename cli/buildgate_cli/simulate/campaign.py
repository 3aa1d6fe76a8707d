"""Many bad days one after another: what became of their runs, what was checked, and the first promise that broke."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.simulate.breaches import Promise
from buildgate_cli.simulate.schedule import Ended, Schedule, Trial

if TYPE_CHECKING:
    from buildgate_cli.simulate.world import World


_DAYS_UNSWEPT: Final = 5
"""How many played days may lie in memory before they are swept up together."""


@contextmanager
def _swept_seldom() -> Iterator[Callable[[], None]]:
    """Collect garbage only at the end of every so many days, which is what is handed out: none is cyclic but they are.

    What was there before is not looked through again and again.
    """
    was_enabled, days = gc.isenabled(), count(1)

    def sweep() -> None:
        if not next(days) % _DAYS_UNSWEPT:
            gc.collect()

    gc.freeze()
    gc.disable()
    try:
        yield sweep
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


@dataclass(slots=True)
class Campaign:
    """What so many days came to. `broken` is the first day that broke a promise; it ends the campaign."""

    trial: Trial
    days: int = 0
    broken: Ended | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    builds: int = 0
    events: int = 0
    invocations: int = 0
    longest_run_seconds: float = 0.0
    longest_healing_seconds: float = 0.0

    def play(
        self,
        seeds: Iterable[int],
        *,
        after: Callable[[Ended], object] = lambda _: None,
        prepare: Callable[[World], object] | None = None,
    ) -> Campaign:
        """Play a day for each seed, until one breaks a promise; `after` hears of each day."""
        with _swept_seldom() as sweep:
            self._play(seeds, lambda ended: (after(ended), sweep()), prepare)
        return self

    def _play(
        self, seeds: Iterable[int], after: Callable[[Ended], object], prepare: Callable[[World], object] | None
    ) -> None:
        for seed in seeds:
            ended = Schedule(self.trial, seed, prepare=prepare).play()
            self._add(ended)
            after(ended)
            if ended.breaches:
                self.broken = ended
                break

    def _add(self, ended: Ended) -> None:
        self.days += 1
        self.outcomes += ended.outcomes
        self.met += ended.met
        self.builds += ended.builds
        self.events += ended.events
        self.invocations += ended.invocations
        self.longest_run_seconds = max(self.longest_run_seconds, ended.longest_run_seconds)
        self.longest_healing_seconds = max(self.longest_healing_seconds, ended.longest_healing_seconds)

    def to_data(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        broken = {breach.promise for breach in self.broken.breaches} if self.broken else set()
        return {
            "days": self.days,
            "runs": dict(sorted(self.outcomes.items())),
            "builds": self.builds,
            "events": self.events,
            "invocations": self.invocations,
            "faults": dict(self.met.most_common()),
            "promises": {one.value: "broken" if one in broken else "kept" for one in Promise},
            "longest_run_seconds": round(self.longest_run_seconds),
            "longest_healing_seconds": round(self.longest_healing_seconds),
        }
