"""Which notices are owed, and which went out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import Missing
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.errors import Conflict
from buildgate.domain.times import to_text

if TYPE_CHECKING:
    from buildgate.domain.notices import NoticeRef


def notice_keys(ref: NoticeRef) -> tuple[str, str]:
    """Return where a notice is noted: beside the build (whose id has a colon) or the run that it is about."""
    owner = keys.build(ref.owner) if ":" in ref.owner else keys.run(ref.owner)
    return owner, f"N#{ref.key}"


def notice_item(ref: NoticeRef, *, kind: str, due_at: str) -> dict[str, Any]:
    pk, sk = notice_keys(ref)
    return {"pk": pk, "sk": sk, "kind": kind, "state": "OWED", "g2p": keys.WORK_NOTICE, "g2s": due_at}


class TableOutbox:
    """The outbox in the table: an owed notice is in the work index until it is sent."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def owe(self, ref: NoticeRef, *, kind: str, due_at: datetime) -> bool:
        try:
            self._table.put(Put(notice_item(ref, kind=kind, due_at=to_text(due_at)), only_if=Missing("pk")))
        except Conflict:
            return False
        return True

    def is_owed(self, ref: NoticeRef) -> bool:
        item = self._table.get(*notice_keys(ref))
        return item is not None and item["state"] == "OWED"

    def is_sent(self, ref: NoticeRef) -> bool:
        item = self._table.get(*notice_keys(ref))
        return item is not None and item["state"] == "SENT"

    def mark_sent(self, ref: NoticeRef, *, now: datetime) -> None:
        pk, sk = notice_keys(ref)
        self._table.change(Change(pk, sk, sets={"state": "SENT", "sent_at": to_text(now), "g2p": None, "g2s": None}))
