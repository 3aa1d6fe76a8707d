"""What taking turns needs from the world: lanes, and the tickets of those who wait for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from buildgate.domain.lanes import Lane, Ticket, Turn, TurnRef


class Lanes(Protocol):
    """Lanes, each changed by one conditional write at a time, and the task tokens of the runs that wait."""

    def lane(self, key: str) -> Lane:
        """Return a lane as it is now; one that nobody was ever in is empty."""
        ...

    def store(self, lane: Lane, *, look_at: datetime, lost: Sequence[Turn] = ()) -> None:
        """Store a changed lane, to be looked at again then unless it is empty, and note in the runs who ``lost`` a turn.

        Raises:
            Conflict: Someone else changed it since it was read; nothing is written.
        """
        ...

    def postpone(self, lane: Lane, *, until: datetime) -> None:
        """Note when a lane is to be looked at again, unless someone has changed it meanwhile."""
        ...

    def due(self, now: datetime) -> Sequence[str]:
        """Return the keys of the lanes that are to be looked at."""
        ...

    def park(self, ref: TurnRef, token: str) -> None:
        """Store the task token with which a run waits; a newer one replaces it."""
        ...

    def ticket(self, ref: TurnRef) -> Ticket | None: ...

    def mark_delivered(self, ticket: Ticket) -> None:
        """Note that a token was answered, if it is still the one that is stored."""
        ...
