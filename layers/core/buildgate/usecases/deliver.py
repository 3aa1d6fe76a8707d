"""Hands the result of a waiting task back to its run, however often that is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildgate.domain.approvals import Approval
    from buildgate.domain.builds import SlotRef
    from buildgate.ports import Approvals, Executions, Runs


@dataclass(frozen=True, slots=True)
class SlotDelivery:
    """Sends the callbacks of builds and clears what was owed.

    The state machine judges nothing: a waiting task is told to go on, and the next step reads the table.
    """

    runs: Runs
    executions: Executions

    def slot(self, ref: SlotRef) -> str:
        """Tell a settled slot's task to go on; safe to repeat. Returns what happened, in words."""
        slot = self.runs.slot(ref)
        if slot is None or not slot.is_settled:
            return "not settled yet"
        if slot.is_delivered:
            return "delivered before"
        if not slot.token:
            self.runs.mark_delivered(ref, token="")
            return "nobody waits"
        told = self.executions.succeed(slot.token)
        if not told:
            again = self.runs.slot(ref)
            if again is not None and again.token != slot.token:
                told = self.executions.succeed(again.token)
                slot = again
        self.runs.mark_delivered(ref, token=slot.token)
        return "delivered" if told else "the task waits no more"


@dataclass(frozen=True, slots=True)
class Delivery(SlotDelivery):
    """Sends the callbacks of builds and of approvals, and clears what was owed."""

    approvals: Approvals

    def approval(self, approval: Approval) -> str:
        """Tell a decided approval's task to go on; safe to repeat. Returns what happened, in words."""
        newest = self.approvals.get(approval.ref)
        if newest is None or not newest.is_decided:
            return "not decided yet"
        if newest.is_delivered:
            return "delivered before"
        told = self.executions.succeed(newest.token) if newest.token else False
        self.approvals.mark_delivered(newest.ref, token=newest.token)
        return "delivered" if told else "the task waits no more"
