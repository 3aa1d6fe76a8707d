"""Asks people to approve a stage: stores what is asked, then sends each approver a link of their own."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from buildgate.domain.approvals import ENTRY, Approval, ApprovalRef, ApprovalStatus, Capability, Identity
from buildgate.domain.errors import NotFound, Stopped
from buildgate.domain.ids import fingerprint
from buildgate.domain.lanes import Where, standing
from buildgate.domain.notices import NoticeRef
from buildgate.domain.pipelines import ApprovalRule, Pipeline
from buildgate.domain.run_notices import Asked, approval_asked, approval_key
from buildgate.domain.runs import Run, RunRecord, StageAttempt
from buildgate.domain.steps import approval_rule, turn_ref
from buildgate.ports import Approvals, Clock, Outbox, Pipelines, Randomness, Runs
from buildgate.usecases.close_run import gate_lines
from buildgate.usecases.deliver import Delivery
from buildgate.usecases.send_notice import TRY_AGAIN, SendNotice
from buildgate.usecases.take_turns import TakeTurns

_CAPABILITY_BYTES = 32


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Parks the task token in an approval and asks. Safe to repeat: what went out is not sent again.

    A link's capability exists only in the message; when sending failed, the next try makes a new one.
    """

    pipelines: Pipelines
    runs: Runs
    approvals: Approvals
    delivery: Delivery
    turns: TakeTurns
    outbox: Outbox
    send: SendNotice
    clock: Clock
    randomness: Randomness
    link_base_url: str
    time_scale: float = 1.0

    def park(self, run_id: str, *, stage: int, name: str, token: str) -> str:
        """Store the approval with the task's token and ask; returns what happened, in words.

        Raises:
            NotFound: The run, stage or approval does not exist.
            Stopped: The run is being stopped or has ended, or a newer one has superseded it.
        """
        record, pipeline, attempt = self._place(run_id, stage)
        rule = approval_rule(pipeline.stages[stage], name)
        if rule is None:
            raise NotFound(f"stage {attempt.name} has no approval {name}")
        approval = self.approvals.ask(self._new(record.run, attempt, name, rule, token))
        if approval.is_decided:
            return self.delivery.approval(approval)
        again = self.runs.run(run_id)
        if again is None or again.is_ending:
            raise Stopped(f"run {run_id} is being stopped or has ended: nobody needs to be asked")
        if name == ENTRY:
            self._give_way(record, pipeline, attempt)
        return self._ask(record, pipeline, approval)

    def _give_way(self, record: RunRecord, pipeline: Pipeline, attempt: StageAttempt) -> None:
        """End what nobody needs to decide any more. The approval was stored first, and the lane is read then."""
        lane = self.turns.lane(record, pipeline.stages[attempt.index])
        stands = standing(lane, turn_ref(record, attempt)) if lane else None
        if stands is not None and stands.turn is not None and stands.where is Where.SUPERSEDED:
            self.turns.tell(stands.turn)
            raise Stopped(f"run {record.run.run_id} is superseded by run {stands.behind}: nobody needs to be asked")

    def remind(self, ref: ApprovalRef) -> str:
        """Send what is still owed for a waiting approval; returns what happened, in words."""
        approval = self.approvals.get(ref)
        if approval is None or approval.is_decided:
            self._forget(ref, approval)
            return "nobody needs to be asked"
        record, pipeline, _ = self._place(ref.run_id, ref.stage)
        return self._ask(record, pipeline, approval)

    def _forget(self, ref: ApprovalRef, approval: Approval | None) -> None:
        for approver in _recipients(approval) if approval else []:
            notice_ref = approval_asked_ref(ref, approver)
            if self.outbox.is_owed(notice_ref):
                self.outbox.mark_sent(notice_ref, now=self.clock.now())

    def _place(self, run_id: str, stage: int) -> tuple[RunRecord, Pipeline, StageAttempt]:
        record = self.runs.record(run_id)
        attempt = record.latest(stage) if record else None
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version) if record else None
        if record is None or attempt is None or pipeline is None:
            raise NotFound(f"run {run_id} has no stage {stage}")
        return record, pipeline, attempt

    def _new(self, run: Run, attempt: StageAttempt, name: str, rule: ApprovalRule, token: str) -> Approval:
        now = self.clock.now()
        return Approval(
            ref=ApprovalRef(run.run_id, attempt.index, attempt.attempt, name),
            pipeline=run.pipeline,
            stage_name=attempt.name,
            status=ApprovalStatus.WAITING,
            asked_at=now,
            due_at=now + timedelta(seconds=max(1.0, rule.timeout_minutes * 60 / self.time_scale)),
            channel=Identity(rule.channel),
            required=rule.required,
            approvers=rule.approvers,
            allow_self=rule.allow_self,
            instructions=rule.instructions,
            barred=tuple(dict.fromkeys([run.source.actor, *run.source.authors])) if not rule.allow_self else (),
            token=token,
            correlation_id=run.correlation_id,
        )

    def _ask(self, record: RunRecord, pipeline: Pipeline, approval: Approval) -> str:
        return "; ".join(self._ask_one(record, pipeline, approval, one) for one in _recipients(approval))

    def _ask_one(self, record: RunRecord, pipeline: Pipeline, approval: Approval, approver: str) -> str:
        ref = approval_asked_ref(approval.ref, approver)
        now = self.clock.now()
        self.outbox.owe(ref, kind="approval", due_at=now + TRY_AGAIN)
        if not self.outbox.is_owed(ref):
            return f"{approver or 'everyone'} was asked before"
        approval_id = approval.ref.to_text()
        asked = Asked(
            approval_id=approval_id,
            stage=approval.stage_name,
            due_at=approval.due_at,
            instructions=approval.instructions,
            link=self._link(approval, approver),
            approver=approver,
            topic_arn=pipeline.topics.get("approval", ""),
            gate="" if approval.ref.name == ENTRY else approval.ref.name,
            gates=tuple(gate_lines(record)),
        )
        return f"{approver or 'everyone'}: {self.send(approval_asked(record.run, asked, now=now))}"

    def _link(self, approval: Approval, approver: str) -> str:
        """Return a new link, whose capability is stored as a fingerprint before anyone can use it."""
        if approval.channel not in {Identity.LINK, Identity.MAILBOX}:
            return ""
        random = self.randomness.random_bytes(_CAPABILITY_BYTES)
        capability = base64.urlsafe_b64encode(random).decode().rstrip("=")
        self.approvals.add_capability(approval.ref, Capability(fingerprint(capability), approver))
        return f"{self.link_base_url}/approvals/{quote(approval.ref.to_text())}?k={capability}"


def _recipients(approval: Approval) -> Sequence[str]:
    """Return who gets a message of their own; a broadcast topic gets one message for all."""
    return approval.approvers if approval.channel is Identity.MAILBOX else ("",)


def approval_asked_ref(ref: ApprovalRef, approver: str) -> NoticeRef:
    """Return under which key an approver is asked: the same as the notice's own."""
    return NoticeRef(ref.run_id, approval_key(ref.to_text(), approver))
