"""Waivers in the table: one partition per pipeline, and the work index until people know that one has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import All, Is, Missing, Present
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.errors import Conflict
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.waiver_data import waiver_from_data, waiver_to_data
from buildgate.domain.times import from_text, to_text

_AT_MOST = 500


class TableWaivers:
    """Waivers in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, waiver: PipelineWaiver) -> None:
        self._table.put(Put(_item(waiver)))

    def of_pipeline(self, pipeline: str) -> Sequence[PipelineWaiver]:
        found = [_waiver(item) for item in self._table.query(keys.waivers(pipeline))]
        return sorted(found, key=lambda one: (one.waiver.expires, one.id))

    def get(self, pipeline: str, waiver_id: str) -> PipelineWaiver | None:
        item = self._table.get(keys.waivers(pipeline), waiver_id)
        return None if item is None else _waiver(item)

    def withdraw(self, pipeline: str, waiver_id: str, *, actor: str, now: datetime) -> bool:
        sets = {"withdrawn_by": actor, "withdrawn_at": to_text(now), "g2p": None, "g2s": None}
        believed = All((Present("pk"), Missing("withdrawn_by")))
        return self._change(pipeline, waiver_id, sets, believed)

    def due(self, now: datetime) -> Sequence[tuple[str, str]]:
        found = self._table.query(keys.WORK_WAIVER, index="GSI2", up_to=to_text(now), limit=_AT_MOST)
        return [(item["pk"].removeprefix("WAIVER#"), item["sk"]) for item in found]

    def settle(self, pipeline: str, waiver_id: str, *, due_at: datetime) -> None:
        self._change(pipeline, waiver_id, {"g2p": None, "g2s": None}, Is("g2s", to_text(due_at)))

    def _change(self, pipeline: str, waiver_id: str, sets: dict[str, Any], believed: Any) -> bool:
        try:
            self._table.change(Change(keys.waivers(pipeline), waiver_id, sets=sets, only_if=believed))
        except Conflict:
            return False
        return True


def _item(one: PipelineWaiver) -> dict[str, Any]:
    return {
        "pk": keys.waivers(one.pipeline),
        "sk": one.id,
        "g2p": keys.WORK_WAIVER,
        "g2s": to_text(one.ends_at),
        "waiver": waiver_to_data(one.waiver),
        "gate": one.gate,
        "granted_by": one.granted_by,
        "granted_at": to_text(one.granted_at),
    }


def _waiver(item: dict[str, Any]) -> PipelineWaiver:
    return PipelineWaiver(
        pipeline=item["pk"].removeprefix("WAIVER#"),
        waiver=waiver_from_data(item["waiver"]),
        granted_by=item.get("granted_by", ""),
        granted_at=from_text(item["granted_at"]),
        gate=item.get("gate", ""),
        withdrawn_by=item.get("withdrawn_by", ""),
    )
