"""The sparse index of open work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.table import Table
from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.builds import SlotRef
from buildgate.domain.notices import NoticeRef
from buildgate.domain.times import from_text, to_text
from buildgate.ports import PendingNotice

_AT_MOST = 500


class TableWork:
    """One Query per kind of open work that is due; an idle look reads nothing."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def _due(self, kind: str, now: datetime) -> list[dict[str, Any]]:
        return list(self._table.query(kind, index="GSI2", up_to=to_text(now), limit=_AT_MOST))

    def due_builds(self, now: datetime) -> Sequence[str]:
        return [item["pk"].removeprefix("BUILD#") for item in self._due(keys.WORK_BUILD, now)]

    def due_slots(self, now: datetime) -> Sequence[SlotRef]:
        found = []
        for item in self._due(keys.WORK_SLOT, now):
            index, attempt, name = keys.parse_stage(item["sk"])
            found.append(SlotRef(item["pk"].removeprefix("RUN#"), index, attempt, name))
        return found

    def due_approvals(self, now: datetime) -> Sequence[ApprovalRef]:
        found = []
        for item in self._due(keys.WORK_APPROVAL, now):
            index, attempt, name = keys.parse_stage(item["sk"])
            found.append(ApprovalRef(item["pk"].removeprefix("RUN#"), index, attempt, name))
        return found

    def due_notices(self, now: datetime) -> Sequence[PendingNotice]:
        items = self._due(keys.WORK_NOTICE, now)
        stored = {(i["pk"], i["sk"]): i for i in self._table.get_many([(i["pk"], i["sk"]) for i in items])}
        found = []
        for item in items:
            whole = stored.get((item["pk"], item["sk"]))
            if whole is None or whole["state"] != "OWED":
                continue
            owner = item["pk"].split("#", 1)[1]
            ref = NoticeRef(owner, item["sk"].removeprefix("N#"))
            found.append(PendingNotice(ref, whole["kind"], from_text(item["g2s"])))
        return found

    def due_runs(self, now: datetime) -> Sequence[str]:
        return [item["pk"].removeprefix("RUN#") for item in self._due(keys.WORK_RUN, now)]

    def due_pushes(self, now: datetime) -> Sequence[tuple[str, str]]:
        found = self._due(keys.WORK_PUSH, now)
        return [(i["pk"].removeprefix("REPO#codecommit:"), i["sk"].removeprefix("SIGHT#branch#")) for i in found]
