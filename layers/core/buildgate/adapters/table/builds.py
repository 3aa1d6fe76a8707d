"""Builds in the table: a small head, a detail beside it, and the days that a finished build counts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.build_items import detail_item, head_item, head_of
from buildgate.adapters.table.conditions import All, Any_, Below, Is, Missing
from buildgate.adapters.table.day_items import (
    FULL_BYTES,
    day_of,
    days_of,
    growing_key,
    packed_item,
    packed_key,
    size_bytes,
    span,
)
from buildgate.adapters.table.table import Change, Put, Table, Write
from buildgate.domain.builds import Build, BuildHead, Misreported, Owner
from buildgate.domain.errors import Conflict, Unavailable
from buildgate.domain.metrics.rollups import DayTotals, Scope, day_of_build, increments, merged, scopes_of
from buildgate.domain.times import day_of as day_of_moment
from buildgate.domain.times import to_text

LOOK_AGAIN = timedelta(minutes=5)
FOLDED_FOR = timedelta(days=2)
"""So long wider totals are set anew by themselves; a build that is counted on an earlier day asks for it."""
_LOOKS = "0123"
"""A quarter of all builds, by the last digit of their ids, looks whether its day's item is full: a read each."""


class TableBuilds:
    """What is recorded of builds.

    A finished build takes one transaction: head, project's day and, in a run, pipeline's day. Its detail is written
    before, for nobody reads it until the head says that the build finished.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._registered: set[str] = set()

    def heads(self, build_ids: Sequence[str]) -> Mapping[str, BuildHead]:
        if len(build_ids) == 1:
            item = self._table.get(keys.build(build_ids[0]), keys.HEAD)
            items = [] if item is None else [item]
        else:
            items = self._table.get_many([(keys.build(build_id), keys.HEAD) for build_id in set(build_ids)])
        return {item["build_id"]: head_of(item) for item in items}

    def known(self, build_ids: Sequence[str]) -> AbstractSet[str]:
        found = self._table.get_many(
            [(keys.build(build_id), keys.HEAD) for build_id in set(build_ids)], only="build_id"
        )
        return {item["build_id"] for item in found}

    def record(self, head: BuildHead, build: Build, *, known: BuildHead | None, is_finish: bool, now: datetime) -> None:
        head_write = _head_write(head, known, now, has_reports=bool(build.report_arns))
        if is_finish:
            self._count(head, build, head_write, now)
        else:
            self._write_one(head_write)
        if known is None:
            self._register(head)

    def _count(self, head: BuildHead, build: Build, head_write: Write, now: datetime) -> None:
        """Write a finished build's head and count it, all or nothing; a day that is folded no more is noted with it."""
        self._put_once(detail_item(build))
        day = day_of_build(head, seen_at=now)
        adds, scopes = increments(head), scopes_of(head)
        writes = [head_write, *(Change(scope.key, growing_key(day), adds=adds) for scope in scopes)]
        if day < day_of_moment(now - FOLDED_FOR):
            writes.append(Put({"pk": keys.FOLDS, "sk": day, "noted_at": f"{to_text(now)} {head.build_id}"}))
        self._table.transact(writes)
        if head.build_id[-1] in _LOOKS:
            for scope in scopes:
                self._empty_if_full(scope, day)

    def _put_once(self, item: dict[str, Any]) -> bool:
        """Write an item if there is none; False when there was."""
        return self._table.has_put(Put(item, only_if=Missing("pk")))

    def _empty_if_full(self, scope: Scope, day: str) -> None:
        """Move a full day's counts into its packed item, unless a build counts or another one moves them meanwhile.

        A day holds the same before and after, whoever reads it: both items change together or not at all.
        """
        growing = self._table.get(scope.key, growing_key(day))
        if growing is None or size_bytes(growing) < FULL_BYTES:
            return
        packed = self._table.get(scope.key, packed_key(day))
        whole = merged([day_of(one) for one in (growing, packed) if one], day)
        believed = Missing("pk") if packed is None else Is("n", packed["n"])
        emptied = Put({"pk": scope.key, "sk": growing_key(day)}, only_if=Is("n", growing["n"]))
        try:
            self._table.transact([emptied, Put(packed_item(scope, whole, packed_key(day)), only_if=believed)])
        except (Conflict, Unavailable):
            return

    def _write_one(self, write: Put | Change) -> None:
        if isinstance(write, Put):
            self._table.put(write)
        else:
            self._table.change(write)

    def _register(self, head: BuildHead) -> None:
        """Note the project's name, once; doing it again changes nothing."""
        if head.project in self._registered:
            return
        self._registered.add(head.project)
        self._put_once({"pk": keys.PROJECTS, "sk": head.project, "first_seen_at": to_text(head.started_at)})

    def owner(self, project: str) -> Owner:
        """Return who answers and pays for a project as last learnt from tags; empty when nobody said."""
        item = self._table.get(keys.PROJECTS, project) or {}
        return Owner(item.get("team", ""), item.get("cost_centre", ""))

    def quarantine(self, unfit: Misreported, *, now: datetime) -> bool:
        """Set a build aside whose description cannot be true; False when it lies there already."""
        item = {"pk": keys.QUARANTINE, "sk": unfit.build_id, "reason": unfit.reason, "seen_at": to_text(now)}
        return self._put_once(item)

    def is_quarantined(self, build_id: str) -> bool:
        return self._table.get(keys.QUARANTINE, build_id) is not None

    def recent(self, project: str, *, limit: int) -> Sequence[BuildHead]:
        found = self._table.query(keys.project(project), index="GSI1", begins="B#", newest_first=True, limit=limit)
        return [head_of(item) for item in found]

    def days(self, scope: Scope, days: Sequence[str]) -> Sequence[DayTotals]:
        if not days:
            return []
        return days_of(self._table.query(scope.key, between=span(days)))

    def is_known(self, project: str) -> bool:
        return self._table.get(keys.PROJECTS, project) is not None

    def whole(self, build_id: str) -> tuple[BuildHead, dict[str, Any]] | None:
        """Return a build's head, and its detail as stored (phases, variable names, exported values), or None."""
        items = {item["sk"]: item for item in self._table.query(keys.build(build_id))}
        if keys.HEAD not in items:
            return None
        detail = items.get(keys.DETAIL, {})
        return head_of(items[keys.HEAD]), {name: value for name, value in detail.items() if name not in {"pk", "sk"}}

    def projects(self) -> Sequence[str]:
        return [item["sk"] for item in self._table.query(keys.PROJECTS)]


def _head_write(head: BuildHead, known: BuildHead | None, now: datetime, *, has_reports: bool) -> Put | Change:
    item = head_item(head)
    if not head.status.is_finished:
        item |= {"g2p": keys.WORK_BUILD, "g2s": to_text(now + LOOK_AGAIN)}
    elif has_reports:
        item |= {"g2p": keys.WORK_REPORTS, "g2s": to_text(now)}
    if known is None:
        return Put(item, only_if=Missing("pk"))
    sets = {name: value for name, value in item.items() if name not in {"pk", "sk"}}
    if head.status.is_finished:
        sets = {"g2p": None, "g2s": None} | sets
    same = Is("status", known.status.value)
    believed = same if head.status.rank == known.status.rank else All((same, Below("rank", head.status.rank)))
    return Change(item["pk"], item["sk"], sets=sets, only_if=Any_((believed, Missing("pk"))))
