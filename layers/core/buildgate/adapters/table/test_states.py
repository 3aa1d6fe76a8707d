"""Test cases in the table: builds whose reports are still to be read, and cases that have ever failed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.build_items import head_of
from buildgate.adapters.table.table import Change, Is, Present, Put, Table
from buildgate.domain.builds import BuildHead
from buildgate.domain.errors import Conflict
from buildgate.domain.metrics.test_cases import CaseState
from buildgate.domain.times import from_text, to_text

_AT_MOST = 200


class TableTestStates:
    """An item only for a case that failed once, changed only when the case changes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, now: datetime) -> Sequence[tuple[BuildHead, Sequence[str]]]:
        """Return builds whose reports are to be read, each with the ARNs of its reports, oldest first."""
        items = self._table.query(keys.WORK_REPORTS, index="GSI2", up_to=to_text(now), limit=_AT_MOST)
        found = []
        for item in list(items):
            parts = {one["sk"]: one for one in self._table.query(item["pk"])}
            if keys.HEAD in parts:
                found.append((head_of(parts[keys.HEAD]), parts.get(keys.DETAIL, {}).get("reports", [])))
        return sorted(found, key=lambda pair: pair[0].ended_at or pair[0].started_at)

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

    def store(self, project: str, states: Sequence[CaseState]) -> None:
        for state in states:
            self._table.put(Put(_item(project, state)))

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
        "sk": f"C#{hashlib.sha256(state.name.encode()).hexdigest()[:24]}",
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
    }


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
    )
