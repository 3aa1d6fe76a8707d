"""Slots in the table: the part of a run's partition that recording a build reads and writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import All, Any_, Is, IsOneOf, Missing
from buildgate.adapters.table.table import Change, Table
from buildgate.domain.builds import BuildStatus, SlotRef
from buildgate.domain.slots import Origin, Slot, SlotState
from buildgate.domain.times import from_text, to_text


def slot_item(slot: Slot) -> dict[str, Any]:
    pk, sk = keys.slot(slot.ref)
    item = {"pk": pk, "sk": sk, "project": slot.project, "state": slot.state.value}
    return item | ({"stage_name": slot.stage_name} if slot.stage_name else {})


def slot_of(item: dict[str, Any]) -> Slot:
    index, attempt, name = keys.parse_stage(item["sk"])
    status = item.get("build_status")
    return Slot(
        ref=SlotRef(item["pk"].removeprefix("RUN#"), index, attempt, name),
        project=item["project"],
        state=SlotState(item["state"]),
        token=item.get("token", ""),
        nonce=item.get("nonce", ""),
        build_id=item.get("build_id", ""),
        build_status=BuildStatus(status) if status else None,
        reason=item.get("reason", ""),
        parked_at=from_text(item["parked_at"]) if item.get("parked_at") else None,
        due_at=from_text(item["g2s"]) if item.get("g2s") else None,
        is_delivered=bool(item.get("is_delivered", False)),
        stage_name=item.get("stage_name", ""),
    )


class TableSlots:
    """Slots in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def origin(self, run_id: str) -> Origin | None:
        item = self._table.get(keys.run(run_id), keys.RUN)
        if item is None:
            return None
        return Origin(item["pipeline"], item.get("ref", ""), item.get("correlation_id", ""))

    def slot(self, ref: SlotRef) -> Slot | None:
        item = self._table.get(*keys.slot(ref))
        return None if item is None else slot_of(item)

    def bind_slot(self, ref: SlotRef, *, nonce: str, build_id: str, now: datetime) -> bool:
        pk, sk = keys.slot(ref)
        unbound = Any_((Missing("build_id"), Is("build_id", build_id)))
        sets: dict[str, Any] = {"build_id": build_id, "state": SlotState.BOUND.value}
        believed = All((Is("nonce", nonce), unbound, IsOneOf("state", ("WAITING", "PARKED", "BOUND"))))
        change = Change(pk, sk, sets=sets, first={"bound_at": to_text(now)}, only_if=believed)
        return self._table.has_changed(change)

    def settle_slot(self, slot: Slot) -> bool:
        pk, sk = keys.slot(slot.ref)
        sets: dict[str, Any] = {
            "state": SlotState.SETTLED.value,
            "build_status": slot.build_status.value if slot.build_status else None,
            "reason": slot.reason,
        }
        owes = {"g2p": keys.WORK_SLOT, "g2s": to_text(slot.due_at)} if slot.due_at else {"g2p": None, "g2s": None}
        open_states = IsOneOf("state", ("WAITING", "PARKED", "BOUND"))
        mine = Any_((Missing("build_id"), Is("build_id", slot.build_id or "-")))
        change = Change(pk, sk, sets=sets | owes, only_if=All((open_states, mine)))
        return self._table.has_changed(change)

    def mark_delivered(self, ref: SlotRef, *, token: str) -> None:
        pk, sk = keys.slot(ref)
        sets = {"is_delivered": True, "g2p": None, "g2s": None}
        change = Change(pk, sk, sets=sets, only_if=Any_((Is("token", token), Missing("token"))))
        self._table.has_changed(change)
