"""Hands the result of a build back to the run that waits for it, however often that is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildgate.domain.builds import SlotRef
    from buildgate.ports import Executions, Slots

NOT_SETTLED = "not settled yet"


class SlotDelivery:
    """Sends the callbacks of builds and clears what was owed.

    The state machine judges nothing: a waiting task is told to go on, and the next step reads the table.
    """

    def __init__(self, slots: Slots, executions: Executions) -> None:
        self.slots = slots
        self.executions = executions

    def slot(self, ref: SlotRef) -> str:
        """Tell a settled slot's task to go on; safe to repeat. Returns what happened, in words."""
        slot = self.slots.slot(ref)
        if slot is None or not slot.is_settled:
            return NOT_SETTLED
        if slot.is_delivered:
            return "delivered before"
        if not slot.token:
            self.slots.mark_delivered(ref, token="")
            return "nobody waits"
        told = self.executions.succeed(slot.token)
        if not told:
            again = self.slots.slot(ref)
            if again is not None and again.token != slot.token:
                told = self.executions.succeed(again.token)
                slot = again
        self.slots.mark_delivered(ref, token=slot.token)
        return "delivered" if told else "the task waits no more"
