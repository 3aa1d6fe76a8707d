"""Approvals in the table: one item each, changed by one conditional write at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.approval_items import approval_item, approval_of, decision_data
from buildgate.adapters.table.conditions import All, Any_, Is, IsOneOf, Missing, Present
from buildgate.adapters.table.table import Change, Check, Put, Table
from buildgate.domain.approvals import Approval, ApprovalRef, ApprovalStatus, Capability
from buildgate.domain.errors import Conflict
from buildgate.domain.runs import OPEN_STATUSES
from buildgate.domain.times import to_text


class TableApprovals:
    """Approvals in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, ref: ApprovalRef) -> Approval | None:
        item = self._table.get(*keys.approval(ref))
        return None if item is None else approval_of(item)

    def ask(self, approval: Approval) -> Approval:
        try:
            self._table.put(Put(approval_item(approval), only_if=Missing("pk")))
        except Conflict:
            pk, sk = keys.approval(approval.ref)
            sets: dict[str, Any] = {"token": approval.token, "is_delivered": False}
            return approval_of(self._table.change(Change(pk, sk, sets=sets)))
        return approval

    def add_capability(self, ref: ApprovalRef, capability: Capability) -> None:
        pk, sk = keys.approval(ref)
        entry = [capability.fingerprint, capability.approver]
        self._table.change(Change(pk, sk, appends={"capabilities": [entry]}, only_if=Present("pk")))

    def store_decision(self, approval: Approval) -> None:
        pk, sk = keys.approval(approval.ref)
        sets: dict[str, Any] = {
            "status": approval.status.value,
            "version": approval.version,
            "decisions": [decision_data(decision) for decision in approval.decisions],
        }
        if approval.is_decided:
            sets |= {"g2s": to_text(approval.decisions[-1].at)}
        before = Is("version", approval.version - 1)
        believed = All((Is("status", ApprovalStatus.WAITING.value), Any_((before, Missing("version")))))
        heeded = All((IsOneOf("status", OPEN_STATUSES), Missing("stop"), Missing("superseded_by")))
        run = Check(keys.run(approval.ref.run_id), keys.RUN, only_if=heeded)
        self._table.transact([Change(pk, sk, sets=sets, only_if=believed), run])

    def end(self, ref: ApprovalRef, status: str, *, superseded_by: str = "") -> None:
        pk, sk = keys.approval(ref)
        sets: dict[str, Any] = {"status": ApprovalStatus(status).value, "g2p": None, "g2s": None}
        sets |= {"superseded_by": superseded_by} if superseded_by else {}
        try:
            self._table.change(Change(pk, sk, sets=sets, only_if=Is("status", ApprovalStatus.WAITING.value)))
        except Conflict:
            return

    def mark_delivered(self, ref: ApprovalRef, *, token: str) -> None:
        pk, sk = keys.approval(ref)
        sets = {"is_delivered": True, "g2p": None, "g2s": None}
        try:
            self._table.change(Change(pk, sk, sets=sets, only_if=Is("token", token)))
        except Conflict:
            return

    def waiting(self) -> Sequence[Approval]:
        found = self._table.query(keys.WORK_APPROVAL, index="GSI2")
        items = self._table.get_many([(item["pk"], item["sk"]) for item in found])
        approvals = [approval_of(item) for item in items]
        return sorted((a for a in approvals if not a.is_decided), key=lambda a: a.due_at)
