"""Virtual time: a clock and a queue of appointments, stepped one by one and never in parallel."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Appointment:
    """Something that will happen, unless it is cancelled first."""

    seconds: float
    name: str
    action: Callable[[], object] | None

    def cancel(self) -> None:
        """Make it not happen; harmless when it has happened."""
        self.action = None


@dataclass(slots=True)
class Timeline:
    """A clock that moves only by stepping from one appointment to the next.

    Appointments of the same moment happen in the order in which they were made. An action may step the timeline
    itself: what is due then happens inside it, which is how one process preempts another.
    """

    start: datetime = START
    _seconds: float = 0.0
    _made: int = 0
    _queue: list[tuple[float, int, Appointment]] = field(default_factory=list)
    _shown: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """Return the aware UTC moment."""
        shown = self._shown
        if shown is None or shown[0] != self._seconds:
            shown = self._shown = self._seconds, self.start + timedelta(seconds=self._seconds)
        return shown[1]

    def __call__(self) -> datetime:
        """Return the same as `now`."""
        return self.now()

    def time(self) -> float:
        """Return seconds since the epoch."""
        return (self.start - _EPOCH).total_seconds() + self._seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._seconds

    def after(self, seconds: float, action: Callable[[], object], name: str = "") -> Appointment:
        """Make an appointment this many seconds from now (never in the past)."""
        appointment = Appointment(self._seconds + max(0.0, seconds), name, action)
        self._made += 1
        heapq.heappush(self._queue, (appointment.seconds, self._made, appointment))
        return appointment

    def step(self, *, until: float | None = None) -> Appointment | None:
        """Go to the next appointment and do it; None when there is none (before `until`, in elapsed seconds)."""
        while self._queue:
            seconds, _, appointment = self._queue[0]
            if appointment.action is None:
                heapq.heappop(self._queue)
                continue
            if until is not None and seconds > until:
                return None
            heapq.heappop(self._queue)
            self._seconds = max(self._seconds, seconds)
            action, appointment.action = appointment.action, None
            action()
            return appointment
        return None

    def advance(self, seconds: float = 0.0, **duration: float) -> None:
        """Do everything due within a span (seconds, or what `timedelta` accepts) and end exactly there."""
        end = self._seconds + seconds + timedelta(**duration).total_seconds()
        while self.step(until=end):
            pass
        self._seconds = max(self._seconds, end)

    def settle(self, *, steps: int = 100_000) -> int:
        """Step until nothing is left to happen; return how many steps that took.

        Raises:
            RuntimeError: There was still something to do after so many steps, as with a schedule that never ends.
        """
        for done in range(steps):
            if self.step() is None:
                return done
        raise RuntimeError(f"still busy after {steps} steps; next are {', '.join(self.upcoming()[:5])}")

    def upcoming(self) -> list[str]:
        """Return the names of what is to happen, soonest first."""
        return [entry[2].name for entry in sorted(self._queue, key=lambda entry: entry[:2]) if entry[2].action]
