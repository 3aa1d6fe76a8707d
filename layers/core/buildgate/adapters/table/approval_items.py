"""Approvals as items of the table, and back."""

from __future__ import annotations

from typing import Any

from buildgate.adapters.table import keys
from buildgate.domain.approvals import Approval, ApprovalRef, ApprovalStatus, Capability, Decision, Identity
from buildgate.domain.times import from_text, to_text


def approval_item(approval: Approval) -> dict[str, Any]:
    pk, sk = keys.approval(approval.ref)
    return {
        "pk": pk,
        "sk": sk,
        "g2p": keys.WORK_APPROVAL,
        "g2s": to_text(approval.due_at),
        "pipeline": approval.pipeline,
        "stage_name": approval.stage_name,
        "status": approval.status.value,
        "asked_at": to_text(approval.asked_at),
        "due_at": to_text(approval.due_at),
        "channel": approval.channel.value,
        "required": approval.required,
        "approvers": list(approval.approvers),
        "allow_self": approval.allow_self,
        "instructions": approval.instructions,
        "barred": list(approval.barred),
        "token": approval.token,
        "version": approval.version,
        "correlation_id": approval.correlation_id,
    }


def approval_of(item: dict[str, Any]) -> Approval:
    index, attempt, name = keys.parse_stage(item["sk"])
    return Approval(
        ref=ApprovalRef(item["pk"].removeprefix("RUN#"), index, attempt, name),
        pipeline=item["pipeline"],
        stage_name=item["stage_name"],
        status=ApprovalStatus(item["status"]),
        asked_at=from_text(item["asked_at"]),
        due_at=from_text(item["due_at"]),
        channel=Identity(item["channel"]),
        required=item["required"],
        approvers=tuple(item.get("approvers", ())),
        allow_self=item.get("allow_self", True),
        instructions=item.get("instructions", ""),
        barred=tuple(item.get("barred", ())),
        token=item.get("token", ""),
        capabilities=tuple(Capability(*entry) for entry in item.get("capabilities", ())),
        decisions=tuple(_decision_of(entry) for entry in item.get("decisions", ())),
        version=item.get("version", 0),
        is_delivered=bool(item.get("is_delivered", False)),
        correlation_id=item.get("correlation_id", ""),
        superseded_by=item.get("superseded_by", ""),
    )


def decision_data(decision: Decision) -> dict[str, Any]:
    return {
        "approve": decision.approve,
        "actor": decision.actor,
        "identity": decision.identity.value,
        "comment": decision.comment,
        "at": to_text(decision.at),
    }


def _decision_of(entry: dict[str, Any]) -> Decision:
    return Decision(
        approve=entry["approve"],
        actor=entry["actor"],
        identity=Identity(entry["identity"]),
        comment=entry.get("comment", ""),
        at=from_text(entry["at"]),
    )
