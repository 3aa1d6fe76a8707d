"""The state machine gave up waiting for a build: stop it and note how its slot ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.slots import Slot, SlotState
from buildgate.ports import Clock, Launcher, Runs
from buildgate.usecases.record_build import why

_REASON_LIMIT = 300
_ENDS = {"States.Timeout": BuildStatus.TIMED_OUT, "Stopped": BuildStatus.STOPPED, "Closed": BuildStatus.STOPPED}
"""How a build ended by what made its task fail; ``Stopped`` and ``Closed`` are our own words for a run's end."""


class Settled(NamedTuple):
    """How a slot was settled, in words, and the slot as it was found; None when there is no such slot."""

    reason: str
    slot: Slot | None


@dataclass(frozen=True, slots=True)
class SettleBuild:
    """Settles a slot whose task failed or timed out; a timeout of the state machine stops nothing by itself."""

    runs: Runs
    launcher: Launcher
    clock: Clock

    def __call__(self, ref: SlotRef, *, error: str, cause: str = "") -> Settled:
        """Settle the slot; safe to repeat."""
        slot = self.runs.slot(ref)
        if slot is None or slot.is_settled:
            return Settled("settled before", slot)
        status = _ENDS.get(error, BuildStatus.FAULT)
        reason = shorten(redact(f"{error}: {cause}" if cause else error), limit=_REASON_LIMIT)
        if slot.build_id:
            builds = self.launcher.builds([slot.build_id])
            if builds and builds[0].status.is_finished:
                status, reason = builds[0].status, why(builds[0])
            else:
                self.launcher.stop(slot.build_id)
        settled = slot._replace(state=SlotState.SETTLED, build_status=status, reason=reason, due_at=None)
        is_ours = self.runs.settle_slot(settled)
        return Settled(f"settled as {status}" if is_ours else "settled by someone else", slot)
