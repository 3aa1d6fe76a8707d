"""Slots: the places of a run's builds, and all of a run that recording a build asks for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from buildgate.domain.builds import BuildStatus, SlotRef


_SECRETS = ("token", "nonce")


class SlotState(StrEnum):
    """How far one build of a stage is: WAITING for its start, PARKED with a token, BOUND to a build, SETTLED."""

    WAITING = "WAITING"
    PARKED = "PARKED"
    BOUND = "BOUND"
    SETTLED = "SETTLED"


class Slot(NamedTuple):
    """The place of one build in a stage. The token resumes the state machine; the nonce proves the build is ours."""

    ref: SlotRef
    project: str
    state: SlotState
    token: str = ""
    nonce: str = ""
    build_id: str = ""
    build_status: BuildStatus | None = None
    reason: str = ""
    parked_at: datetime | None = None
    due_at: datetime | None = None
    is_delivered: bool = False
    stage_name: str = ""

    @property
    def is_settled(self) -> bool:
        return self.state is SlotState.SETTLED

    def __repr__(self) -> str:
        """Say what the slot is, without its token and its nonce: both are secrets."""
        told = (f"{name}={value!r}" for name, value in self._asdict().items() if name not in _SECRETS)
        return f"Slot({', '.join(told)})"


class Origin(NamedTuple):
    """Which pipeline a run is of, the branch or tag that it builds, and the id that joins all that is said of it."""

    pipeline: str
    ref: str
    correlation_id: str = ""
