"""Pushes in the table: events by id, branches by cursor, and what opened nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import Any_, Is, IsNot, Missing
from buildgate.adapters.table.runs import opening_writes
from buildgate.adapters.table.table import Change, Put, Table, Write
from buildgate.domain.errors import Conflict
from buildgate.domain.pushes import Changes, Cursor, Push
from buildgate.domain.runs import Run
from buildgate.domain.times import from_text, to_text
from buildgate.ports import SeenEvent

EVENT_KEPT = timedelta(days=30)
IGNORED_KEPT = timedelta(days=30)


class TablePushes:
    """Pushes in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def event(self, event_id: str) -> SeenEvent | None:
        item = self._table.get(keys.event(event_id), "-")
        if item is None:
            return None
        return SeenEvent(event_id, tuple(item.get("run_ids", ())), item.get("reason", ""))

    def cursor(self, repository_key: str, ref_type: str, ref: str) -> Cursor | None:
        item = self._table.get(keys.repository(repository_key), _ref_key(ref_type, ref))
        if item is None:
            return None
        healed, recent = (_changes_of(item.get(name, ())) for name in ("healed", "recent"))
        return Cursor(item.get("commit", ""), from_text(item["at"]), item["version"], healed, recent)

    def open_runs(self, push: Push, *, moved: tuple[Cursor | None, Cursor], runs: Sequence[Run], reason: str) -> None:
        before, after = moved
        event = {
            "pk": keys.event(push.event_id),
            "sk": "-",
            "run_ids": [run.run_id for run in runs],
            "reason": reason,
            "ttl": int((push.at + EVENT_KEPT).timestamp()),
        }
        writes: list[Write] = [
            Put(event, only_if=Missing("pk")),
            self._cursor_write(push, before, after),
        ]
        for run in runs:
            writes += opening_writes(run)
        self._table.transact(writes)

    def _cursor_write(self, push: Push, before: Cursor | None, after: Cursor) -> Change:
        return Change(
            keys.repository(push.repository_key),
            _ref_key(push.ref_type, push.ref),
            sets={
                "commit": after.commit or None,
                "at": to_text(after.at),
                "version": after.version,
                "healed": [[old, new, to_text(at)] for old, new, at in after.healed],
                "recent": [[old, new, to_text(at)] for old, new, at in after.recent],
            },
            only_if=Missing("pk") if before is None else Is("version", before.version),
        )

    def ignore(self, push: Push, reason: str) -> None:
        item: dict[str, Any] = {
            "pk": keys.repository(push.repository_key),
            "sk": f"PUSH#{to_text(push.at)}#{push.event_id}",
            "ref_type": push.ref_type,
            "ref": push.ref,
            "commit": push.commit,
            "reason": reason,
            "ttl": int((push.at + IGNORED_KEPT).timestamp()),
        }
        self._table.put(Put(item))

    def ignored(self, repository_key: str, *, limit: int) -> Sequence[tuple[datetime, str, str, str]]:
        pk = keys.repository(repository_key)
        items = self._table.query(pk, begins="PUSH#", newest_first=True, limit=limit)
        return [(from_text(i["sk"].split("#")[1]), i["ref"], i.get("commit", ""), i["reason"]) for i in items]

    def sight(self, repository: str, branch: str, commit: str, *, due_at: datetime) -> None:
        item = {
            "pk": keys.repository(f"codecommit:{repository}"),
            "sk": f"SIGHT#branch#{branch}",
            "commit": commit,
            "g2p": keys.WORK_PUSH,
            "g2s": to_text(due_at),
        }
        unlike = Any_((Missing("commit"), IsNot("commit", commit), Missing("g2p")))
        try:
            self._table.put(Put(item, only_if=unlike))
        except Conflict:
            return

    def settle_sight(self, repository: str, branch: str) -> None:
        pk = keys.repository(f"codecommit:{repository}")
        self._table.change(Change(pk, f"SIGHT#branch#{branch}", sets={"g2p": None, "g2s": None}))

    def seed_cursor(self, repository_key: str, ref: str, commit: str, now: datetime) -> None:
        item = {
            "pk": keys.repository(repository_key),
            "sk": _ref_key("branch", ref),
            "commit": commit,
            "at": to_text(now),
            "version": 1,
        }
        try:
            self._table.put(Put(item, only_if=Missing("pk")))
        except Conflict:
            return


def _changes_of(entries: Sequence[Sequence[str]]) -> Changes:
    return tuple((old, new, from_text(at)) for old, new, at in entries)


def _ref_key(ref_type: str, ref: str) -> str:
    return f"REF#{ref_type}#{ref}"
