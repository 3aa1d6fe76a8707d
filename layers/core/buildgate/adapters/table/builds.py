"""Builds in the table: a small head, a detail beside it, and the days that a finished build counts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.table import All, Any_, Below, Change, Is, Missing, Put, Table, Write
from buildgate.domain.builds import Build, BuildHead, BuildStatus, Phase, SlotRef
from buildgate.domain.errors import Conflict
from buildgate.domain.metrics.rollups import DayTotals, Scope, day_of_build, increments, scopes_of
from buildgate.domain.redaction import redact, shorten
from buildgate.domain.times import from_text, to_text

LOOK_AGAIN = timedelta(minutes=10)
_MESSAGE_LIMIT = 500


class TableBuilds:
    """What is recorded of builds.

    A finished build takes one transaction: head, detail, project's day and, in a run, pipeline's day.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def heads(self, build_ids: Sequence[str]) -> Mapping[str, BuildHead]:
        if len(build_ids) == 1:
            item = self._table.get(keys.build(build_ids[0]), keys.HEAD)
            items = [] if item is None else [item]
        else:
            items = self._table.get_many([(keys.build(build_id), keys.HEAD) for build_id in set(build_ids)])
        return {item["build_id"]: _head_of(item) for item in items}

    def record(self, head: BuildHead, build: Build, *, known: BuildHead | None, is_finish: bool, now: datetime) -> None:
        writes: list[Write] = [_head_write(head, known, now)]
        if is_finish:
            writes.append(Put(_detail_item(build)))
            counts = increments(head)
            day = f"D#{day_of_build(head, seen_at=now)}"
            writes += [Change(scope.key, day, adds=counts) for scope in scopes_of(head)]
        if len(writes) == 1:
            self._write_one(writes[0])
        else:
            self._table.transact(writes)
        if known is None:
            self._register(head)

    def _write_one(self, write: Write) -> None:
        if isinstance(write, Put):
            self._table.put(write)
        else:
            self._table.change(write)

    def _register(self, head: BuildHead) -> None:
        """Note the project's name, once; doing it again changes nothing."""
        item = {"pk": keys.PROJECTS, "sk": head.project, "first_seen_at": to_text(head.started_at)}
        try:
            self._table.put(Put(item, only_if=Missing("pk")))
        except Conflict:
            return

    def recent(self, project: str, *, limit: int) -> Sequence[BuildHead]:
        found = self._table.query(keys.project(project), index="GSI1", begins="B#", newest_first=True, limit=limit)
        return [_head_of(item) for item in found]

    def days(self, scope: Scope, days: Sequence[str]) -> Sequence[DayTotals]:
        if not days:
            return []
        items = self._table.query(scope.key, between=(f"D#{min(days)}", f"D#{max(days)}"))
        return [_day_of(item) for item in items]

    def projects(self) -> Sequence[str]:
        return [item["sk"] for item in self._table.query(keys.PROJECTS)]


def _head_write(head: BuildHead, known: BuildHead | None, now: datetime) -> Write:
    item = _head_item(head)
    if not head.status.is_finished:
        item |= {"g2p": keys.WORK_BUILD, "g2s": to_text(now + LOOK_AGAIN)}
    if known is None:
        return Put(item, only_if=Missing("pk"))
    sets = {name: value for name, value in item.items() if name not in {"pk", "sk"}}
    if head.status.is_finished:
        sets |= {"g2p": None, "g2s": None}
    same = Is("status", known.status.value)
    believed = same if head.status.rank == known.status.rank else All((same, Below("rank", head.status.rank)))
    return Change(item["pk"], item["sk"], sets=sets, only_if=Any_((believed, Missing("pk"))))


def _head_item(head: BuildHead) -> dict[str, Any]:
    return {
        "pk": keys.build(head.build_id),
        "sk": keys.HEAD,
        "g1p": keys.project(head.project),
        "g1s": f"B#{to_text(head.started_at)}#{head.build_id.rsplit(':', 1)[-1]}",
        "build_id": head.build_id,
        "project": head.project,
        "status": head.status.value,
        "rank": head.status.rank,
        "started_at": to_text(head.started_at),
        "finished_at": None if head.ended_at is None else to_text(head.ended_at),
        "duration_seconds": head.duration_seconds,
        "queue_seconds": head.queue_seconds,
        "cost_micro_usd": head.cost_micro_usd,
        "compute_type": head.compute_type,
        "environment_type": head.environment_type,
        "image": head.image,
        "initiator": head.initiator,
        "source_version": head.source_version,
        "commit": head.commit,
        "phase": head.current_phase,
        "slot": head.slot.to_text() if head.slot else None,
        "pipeline": head.pipeline,
        "stage": head.stage,
        "log_link": head.log_link,
    }


def _head_of(item: dict[str, Any]) -> BuildHead:
    """Return the head of an item; a list index carries only a part of it, the rest is empty then."""
    return BuildHead(
        build_id=item["build_id"],
        project=item["project"],
        status=BuildStatus(item["status"]),
        started_at=from_text(item["started_at"]),
        ended_at=from_text(item["finished_at"]) if item.get("finished_at") else None,
        duration_seconds=item.get("duration_seconds"),
        queue_seconds=item.get("queue_seconds"),
        cost_micro_usd=item.get("cost_micro_usd"),
        compute_type=item.get("compute_type", ""),
        environment_type=item.get("environment_type", ""),
        image=item.get("image", ""),
        initiator=item.get("initiator", ""),
        source_version=item.get("source_version", ""),
        commit=item.get("commit", ""),
        current_phase=item.get("phase", ""),
        slot=SlotRef.from_text(item["slot"]) if item.get("slot") else None,
        pipeline=item.get("pipeline", ""),
        stage=item.get("stage", ""),
        log_link=item.get("log_link", ""),
    )


def _detail_item(build: Build) -> dict[str, Any]:
    return {
        "pk": keys.build(build.build_id),
        "sk": keys.DETAIL,
        "phases": [_phase_data(phase) for phase in build.phases],
        "variables": [[name, kind] for name, kind in build.variables],
        "reports": list(build.report_arns),
        "log_group": build.log_group,
        "log_stream": build.log_stream,
        "number": build.number,
    }


def _phase_data(phase: Phase) -> dict[str, Any]:
    known = {
        "name": phase.name,
        "status": phase.status,
        "seconds": phase.duration_seconds,
        "messages": [shorten(redact(message), limit=_MESSAGE_LIMIT) for message in phase.messages],
    }
    return {name: value for name, value in known.items() if value not in (None, [])}


def _day_of(item: dict[str, Any]) -> DayTotals:
    counters = {name: value for name, value in item.items() if isinstance(value, int)}
    return DayTotals(item["sk"].removeprefix("D#"), counters)
