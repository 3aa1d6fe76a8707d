"""One person decides: the one path for the page, the command line and the API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from buildgate.domain.approvals import Approval, ApprovalRef, Decided, Decision, Refused, Repeated, judge_decision
from buildgate.domain.errors import Conflict, NotFound, Unavailable
from buildgate.domain.redaction import redact, shorten
from buildgate.ports import Approvals, Runs
from buildgate.usecases.deliver import Delivery

_TRIES = 5
_COMMENT_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """One conditional write decides, then the waiting task is told; ``reconcile`` heals a lost callback.

    The write holds only while the run can heed it: nobody is told of an effect that a decision cannot have any more.
    """

    approvals: Approvals
    delivery: Delivery
    runs: Runs

    def __call__(self, ref: ApprovalRef, decision: Decision) -> tuple[Approval, Decided | Repeated | Refused]:
        """Return the approval as it is now, and what the decision did. Safe to repeat.

        Raises:
            NotFound: There is no such approval.
            Conflict: Other deciders kept coming in between.
        """
        clean = Decision(
            approve=decision.approve,
            actor=shorten(redact(decision.actor.strip()), limit=200),
            identity=decision.identity,
            comment=shorten(redact(decision.comment.strip()), limit=_COMMENT_LIMIT),
            at=decision.at,
        )
        for _ in range(_TRIES):
            approval = self.approvals.get(ref)
            if approval is None:
                raise NotFound(f"there is no approval {ref.to_text()}")
            judged = judge_decision(approval, clean)
            if not isinstance(judged, Decided):
                if isinstance(judged, Repeated):
                    self._deliver(approval)
                return approval, judged
            try:
                self.approvals.store_decision(judged.approval)
            except Conflict:
                over = self._too_late(ref)
                if over is not None:
                    return approval, over
                continue
            self._deliver(judged.approval)
            return judged.approval, judged
        raise Conflict(f"approval {ref.to_text()}: other deciders were in the way {_TRIES} times")

    def _too_late(self, ref: ApprovalRef) -> Refused | None:
        """Return why a run heeds no decision any more, before its approval says so itself; None when it does."""
        run = self.runs.run(ref.run_id)
        if run is not None and run.superseded_by:
            return Refused(f"superseded by run {run.superseded_by}: decide about that one", 409)
        if run is None or run.is_ending:
            return Refused("the run ended, or is being stopped", 409)
        return None

    def _deliver(self, approval: Approval) -> None:
        """Tell the waiting task. The decision stands when that fails: it stays due, and ``reconcile`` tells the task."""
        if approval.is_decided:
            with suppress(Unavailable):
                self.delivery.approval(approval)
