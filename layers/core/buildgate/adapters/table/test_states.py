"""Test cases in the table: builds whose reports are still to be read, and cases that have ever failed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.build_items import head_of
from buildgate.adapters.table.conditions import Is, Present
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.errors import Conflict
from buildgate.domain.metrics.test_cases import CaseChange, CaseState
from buildgate.domain.times import from_text, to_text
from buildgate.usecases.collect_tests import DueReports

_AT_MOST = 200


class TableTestStates:
    """An item only for a case that failed once, changed only when the case changes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, now: datetime) -> Sequence[DueReports]:
        """Return builds whose reports are to be read, oldest first."""
        items = self._table.query(keys.WORK_REPORTS, index="GSI2", up_to=to_text(now), limit=_AT_MOST)
        found = []
        for item in list(items):
            parts = {one["sk"]: one for one in self._table.query(item["pk"])}
            if keys.HEAD in parts:
                head, detail = head_of(parts[keys.HEAD]), parts.get(keys.DETAIL, {})
                correlation = detail.get("correlation", "") if head.slot else ""
                found.append(DueReports(head, detail.get("reports", []), correlation))
        return sorted(found, key=lambda one: one.head.ended_at or one.head.started_at)

    def done(self, build_id: str, totals: Mapping[str, int]) -> None:
        """Note a build's report totals and take it off the list. Safe to repeat."""
        pk = keys.build(build_id)
        self._table.change(Change(pk, keys.DETAIL, sets={"tests": dict(totals)}, only_if=Present("pk")))
        try:
            sets = {"g2p": None, "g2s": None}
            self._table.change(Change(pk, keys.HEAD, sets=sets, only_if=Is("g2p", keys.WORK_REPORTS)))
        except Conflict:
            return

    def postpone(self, build_id: str, until: datetime) -> None:
        sets = {"g2s": to_text(until)}
        try:
            self._table.change(Change(keys.build(build_id), keys.HEAD, sets=sets, only_if=Is("g2p", keys.WORK_REPORTS)))
        except Conflict:
            return

    def states(self, project: str) -> Mapping[str, CaseState]:
        """Return every case of a project that ever failed, by name."""
        found = (_state(item) for item in self._table.query(_tests(project), begins="C#"))
        return {state.name: state for state in found}

    def store(self, project: str, states: Sequence[CaseState], changes: Sequence[CaseChange]) -> None:
        """Store states and the turns that made them, one for each state. Safe to repeat."""
        for state, change in zip(states, changes, strict=True):
            self._table.put(Put(_change_item(project, state.name, change)))
            self._table.put(Put(_item(project, state)))

    def changes(self, project: str, case: str) -> Sequence[CaseChange]:
        """Return every turn of a case between good and bad, oldest first."""
        return [_change(item) for item in self._table.query(_tests(project), begins=f"H#{_digest(case)}#")]

    def last_commit(self, project: str) -> str:
        """Return the commit of the build whose cases were read last."""
        item = self._table.get(_tests(project), "LAST") or {}
        return str(item.get("commit", ""))

    def set_last_commit(self, project: str, commit: str) -> None:
        self._table.put(Put({"pk": _tests(project), "sk": "LAST", "commit": commit}))


def _tests(project: str) -> str:
    return f"TESTS#{project}"


def _item(project: str, state: CaseState) -> dict[str, Any]:
    return {
        "pk": _tests(project),
        "sk": f"C#{_digest(state.name)}",
        "name": state.name,
        "status": state.status,
        "since": to_text(state.since),
        "commit": state.commit,
        "build_id": state.build_id,
        "first_failed_at": to_text(state.first_failed_at),
        "flips": state.flips,
        "flaky": state.flaky,
        "failures": state.failures,
        "cost_micro_usd": state.cost_micro_usd,
        "first_flaky_at": None if state.first_flaky_at is None else to_text(state.first_flaky_at),
        "owner": state.owner,
    }


def _digest(case: str) -> str:
    return hashlib.sha256(case.encode()).hexdigest()[:24]


def _change_item(project: str, case: str, change: CaseChange) -> dict[str, Any]:
    return {
        "pk": _tests(project),
        "sk": f"H#{_digest(case)}#{to_text(change.at)}",
        "status": change.status,
        "commit": change.commit,
        "build_id": change.build_id,
        "is_same_commit": change.is_same_commit,
    }


def _change(item: Mapping[str, Any]) -> CaseChange:
    return CaseChange(
        at=from_text(item["sk"].rsplit("#", 1)[-1]),
        status=item["status"],
        commit=item.get("commit", ""),
        build_id=item["build_id"],
        is_same_commit=bool(item.get("is_same_commit")),
    )


def _state(item: Mapping[str, Any]) -> CaseState:
    return CaseState(
        name=item["name"],
        status=item["status"],
        since=from_text(item["since"]),
        commit=item.get("commit", ""),
        build_id=item["build_id"],
        first_failed_at=from_text(item["first_failed_at"]),
        flips=item["flips"],
        flaky=item["flaky"],
        failures=item["failures"],
        cost_micro_usd=item["cost_micro_usd"],
        first_flaky_at=from_text(item["first_flaky_at"]) if item.get("first_flaky_at") else None,
        owner=item.get("owner", ""),
    )
