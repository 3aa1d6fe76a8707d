"""Tells people that a waiver has ended: what it let pass counts again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgate.domain.gates.waiver_notices import waiver_ended
from buildgate.ports import Clock, Topics
from buildgate.usecases.gate_ports import Waivers


@dataclass(frozen=True, slots=True)
class ExpireWaivers:
    """Publishes the end of each waiver, at least once under one key; a crash after publishing repeats it."""

    waivers: Waivers
    topics: Topics
    clock: Clock

    def due(self) -> Sequence[tuple[str, str]]:
        """Return (pipeline, id) of the waivers that have ended and of which nobody was told."""
        return self.waivers.due(self.clock.now())

    def __call__(self, place: tuple[str, str]) -> bool:
        """Tell of one waiver; False when it acts after all, or was withdrawn.

        Raises:
            Unavailable: The topic did not answer; the waiver stays due.
        """
        waiver = self.waivers.get(*place)
        if waiver is None or waiver.withdrawn_by or waiver.ends_at > self.clock.now():
            return False
        self.topics.publish(waiver_ended(waiver))
        self.waivers.settle(*place, due_at=waiver.ends_at)
        return True
