"""Runs in the table: one partition holds a run with everything that happened in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from buildgate.adapters.table import keys, run_items
from buildgate.adapters.table.conditions import All, Any_, Below, Is, IsOneOf, Missing, Present
from buildgate.adapters.table.outbox import notice_item
from buildgate.adapters.table.slots import TableSlots, slot_item, slot_of
from buildgate.adapters.table.table import Change, Put, Write
from buildgate.domain.errors import Conflict
from buildgate.domain.notices import NoticeRef
from buildgate.domain.runs import OPEN_STATUSES, GateResult, Run, RunRecord, RunStatus, StageAttempt, StopRequest
from buildgate.domain.slots import Slot, SlotState
from buildgate.domain.times import to_text

if TYPE_CHECKING:
    from buildgate.domain.builds import SlotRef

FIRST_LOOK = timedelta(minutes=2)
_OPEN = IsOneOf("status", OPEN_STATUSES)


def opening_writes(run: Run, carried: Sequence[StageAttempt] = ()) -> list[Write]:
    """Return the writes that open a run; they are the same wherever the wish for it came from."""
    look = {"g2p": keys.WORK_RUN, "g2s": to_text(run.opened_at + FIRST_LOOK)}
    writes: list[Write] = [Put(run_items.run_item(run) | look, only_if=Missing("pk"))]
    return writes + [Put(run_items.stage_item(run.run_id, stage)) for stage in carried]


class TableRuns(TableSlots):
    """Runs in the table."""

    def open(self, run: Run, carried: Sequence[StageAttempt]) -> None:
        self._table.transact(opening_writes(run, carried))

    def run(self, run_id: str) -> Run | None:
        item = self._table.get(keys.run(run_id), keys.RUN)
        return None if item is None else run_items.run_of(item)

    def record(self, run_id: str) -> RunRecord | None:
        from buildgate.adapters.table.approval_items import approval_of  # noqa: PLC0415 - recording builds goes without
        from buildgate.adapters.table.lanes import ticket_of  # noqa: PLC0415 - the same

        items = list(self._table.query(keys.run(run_id)))
        head = next((item for item in items if item["sk"] == keys.RUN), None)
        if head is None:
            return None
        parts = [item for item in items if item["sk"].startswith("S#")]
        return RunRecord(
            run=run_items.run_of(head),
            stages=[run_items.stage_of(item) for item in parts if item["sk"].count("#") == 2],
            slots=[slot_of(item) for item in parts if "#B#" in item["sk"]],
            gates=[run_items.gate_of(item) for item in parts if "#G#" in item["sk"]],
            approvals=[approval_of(item) for item in parts if "#P#" in item["sk"]],
            tickets=[ticket_of(item) for item in parts if item["sk"].endswith("#L") and item["sk"].count("#") == 3],
        )

    def recent(self, pipeline: str, *, limit: int, before: str = "") -> Sequence[Run]:
        found = self._table.query(
            keys.pipeline(pipeline),
            index="GSI1",
            begins="" if before else "R#",
            between=("R#", before) if before else None,
            newest_first=True,
            limit=limit + 1 if before else limit,
        )
        return [run_items.run_of(item) for item in found if item["g1s"] != before][:limit]

    def place(self, run: Run) -> str:
        return run_items.place_of(run)

    def mark_running(self, run_id: str, *, now: datetime) -> None:
        sets = {"status": RunStatus.RUNNING.value, "running_at": to_text(now)}
        self._change_if(run_id, sets, Is("status", RunStatus.QUEUED.value))

    def spend_events(self, run_id: str, events: int) -> None:
        self._table.change(Change(keys.run(run_id), keys.RUN, adds={"spent_events": events}, only_if=Present("pk")))

    def begin_execution(self, run: Run, *, is_resume: bool) -> Run:
        change = Change(
            keys.run(run.run_id),
            keys.RUN,
            sets={"executions": run.executions + 1, "spent_events": 0},
            adds={"resumes": 1 if is_resume else 0},
            only_if=All((Is("executions", run.executions), _OPEN)),
        )
        return run_items.run_of(self._table.change(change))

    def postpone(self, run_id: str, until: datetime) -> None:
        self._change_if(run_id, {"g2p": keys.WORK_RUN, "g2s": to_text(until)}, _OPEN)

    def close(self, run: Run) -> bool:
        finished = to_text(run.finished_at or run.opened_at)
        sets = {"status": run.status.value, "reason": run.reason, "finished_at": finished, "g2p": None, "g2s": None}
        ref = NoticeRef(run.run_id, f"run-{run.status}")
        writes: list[Write] = [
            Change(keys.run(run.run_id), keys.RUN, sets=sets, only_if=_OPEN),
            Put(notice_item(ref, kind="run", due_at=finished), only_if=Missing("pk")),
        ]
        try:
            self._table.transact(writes)
        except Conflict:
            return False
        return True

    def note_end(self, run: Run) -> None:
        last = {"last_run_id": run.run_id, "last_run_status": run.status.value}
        newer = Any_((Missing("last_run_id"), Is("last_run_id", run.run_id), Below("last_run_id", run.run_id)))
        head = Change(keys.PIPELINES, run.pipeline, sets=last, only_if=All((Present("pk"), newer)))
        self._table.has_changed(head)

    def ask_stop(self, run_id: str, stop: StopRequest) -> bool:
        wish = {"actor": stop.actor, "comment": stop.comment, "at": to_text(stop.at)}
        return self._change_if(run_id, {"stop": wish}, All((_OPEN, Missing("stop"))))

    def begin_stage(self, run_id: str, stage: StageAttempt, slots: Sequence[Slot]) -> None:
        writes: list[Write] = [Put(run_items.stage_item(run_id, stage), only_if=Missing("pk"))]
        writes += [Put(slot_item(slot), only_if=Missing("pk")) for slot in slots]
        self._table.transact(writes)

    def finish_stage(self, run_id: str, stage: StageAttempt) -> None:
        item = run_items.stage_item(run_id, stage)
        sets = {name: item[name] for name in ("status", "finished_at", "reason", "is_allowed")}
        change = Change(item["pk"], item["sk"], sets=sets, only_if=Is("status", "RUNNING"))
        self._table.has_changed(change)

    def store_gate(self, run_id: str, result: GateResult) -> bool:
        """Store a verdict, once: a second evaluation does not replace the one that was acted on."""
        try:
            self._table.put(Put(run_items.gate_item(run_id, result), only_if=Missing("pk")))
        except Conflict:
            return False
        return True

    def park_slot(self, ref: SlotRef, *, token: str, nonce: str, now: datetime, due_at: datetime) -> Slot:
        pk, sk = keys.slot(ref)
        before = self._table.get(pk, sk)
        if before is None:
            raise Conflict(f"run {ref.run_id} has no build {ref.name} in stage {ref.stage}")
        settled = before["state"] == SlotState.SETTLED.value
        state = before["state"] if before.get("build_id") or settled else SlotState.PARKED.value
        change = Change(
            pk,
            sk,
            sets={
                "token": token,
                "state": state,
                "is_delivered": False,
                "g2p": keys.WORK_SLOT,
                "g2s": to_text(now if settled else due_at),
            },
            first={"nonce": nonce, "parked_at": to_text(now)},
            only_if=Is("state", before["state"]),
        )
        return slot_of(self._table.change(change))

    def _change_if(self, run_id: str, sets: dict[str, Any], believed: Any) -> bool:
        return self._table.has_changed(Change(keys.run(run_id), keys.RUN, sets=sets, only_if=believed))
