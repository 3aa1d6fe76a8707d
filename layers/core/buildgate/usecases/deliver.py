"""Hands the result of a waiting task back to its run, however often that is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.usecases.deliver_slot import SlotDelivery

if TYPE_CHECKING:
    from buildgate.domain.approvals import Approval
    from buildgate.ports import Approvals, Executions, Slots


class Delivery(SlotDelivery):
    """Sends the callbacks of builds and of approvals, and clears what was owed."""

    def __init__(self, slots: Slots, executions: Executions, approvals: Approvals) -> None:
        super().__init__(slots, executions)
        self.approvals = approvals

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
