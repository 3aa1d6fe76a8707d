"""Lanes in the table: an item each, written whole on the version that was read; tickets lie with their runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from buildgate.adapters.table import keys
from buildgate.adapters.table.conditions import Is, Missing, Present
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.lanes import Lane, Ticket, Turn, TurnRef
from buildgate.domain.times import from_text, to_text

_AT_MOST = 500


class TableLanes:
    """Lanes in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def lane(self, key: str) -> Lane:
        item = self._table.get(keys.lane(key), keys.LANE)
        return Lane(key) if item is None else _lane_of(key, item)

    def store(self, lane: Lane, *, look_at: datetime, lost: Sequence[Turn] = ()) -> None:
        look = {} if lane.is_empty else {"g2p": keys.WORK_LANE, "g2s": to_text(look_at)}
        believed = Is("version", lane.version) if lane.version else Missing("pk")
        put = Put(_lane_item(lane) | look, only_if=believed)
        if lost:
            self._table.transact([put, *map(_noted, lost)])
        else:
            self._table.put(put)

    def postpone(self, lane: Lane, *, until: datetime) -> None:
        sets = {"g2p": None, "g2s": None} if lane.is_empty else {"g2p": keys.WORK_LANE, "g2s": to_text(until)}
        self._table.has_changed(Change(keys.lane(lane.key), keys.LANE, sets=sets, only_if=Is("version", lane.version)))

    def due(self, now: datetime) -> Sequence[str]:
        found = self._table.query(keys.WORK_LANE, index="GSI2", up_to=to_text(now), limit=_AT_MOST)
        return [item["pk"].removeprefix("LANE#") for item in found]

    def park(self, ref: TurnRef, token: str) -> None:
        pk, sk = keys.ticket(ref)
        self._table.put(Put({"pk": pk, "sk": sk, "token": token, "is_delivered": False}))

    def ticket(self, ref: TurnRef) -> Ticket | None:
        item = self._table.get(*keys.ticket(ref))
        return None if item is None else ticket_of(item)

    def mark_delivered(self, ticket: Ticket) -> None:
        pk, sk = keys.ticket(ticket.ref)
        self._table.has_changed(Change(pk, sk, sets={"is_delivered": True}, only_if=Is("token", ticket.token)))


def _noted(lost: Turn) -> Change:
    """Return the change that tells a run's head that the run has lost its turn: from then on no decision counts."""
    by = {"superseded_by": lost.superseded_by}
    return Change(keys.run(lost.ref.run_id), keys.RUN, sets=by, only_if=Present("pk"))


def ticket_of(item: dict[str, Any]) -> Ticket:
    """Return the ticket of an item of a run's partition."""
    _, stage, attempt, _ = item["sk"].split("#")
    ref = TurnRef(item["pk"].removeprefix("RUN#"), int(stage), int(attempt[1:]))
    return Ticket(ref, item.get("token", ""), bool(item.get("is_delivered", False)))


def _lane_item(lane: Lane) -> dict[str, Any]:
    return {
        "pk": keys.lane(lane.key),
        "sk": keys.LANE,
        "version": lane.version + 1,
        "holder": None if lane.holder is None else _turn_data(lane.holder),
        "waiting": [_turn_data(turn) for turn in lane.waiting],
        "entered": dict(lane.entered),
    }


def _lane_of(key: str, item: dict[str, Any]) -> Lane:
    return Lane(
        key=key,
        holder=_turn_of(item["holder"]) if item.get("holder") else None,
        waiting=tuple(_turn_of(data) for data in item.get("waiting", ())),
        entered=item.get("entered", {}),
        version=item["version"],
    )


def _turn_data(turn: Turn) -> dict[str, Any]:
    data = {
        "run": turn.ref.run_id,
        "index": turn.ref.stage,
        "attempt": turn.ref.attempt,
        "stage": turn.stage,
        "mode": turn.mode,
        "since": to_text(turn.since),
        "is_ready": turn.is_ready,
    }
    return data | ({"superseded_by": turn.superseded_by} if turn.superseded_by else {})


def _turn_of(data: dict[str, Any]) -> Turn:
    return Turn(
        ref=TurnRef(data["run"], data["index"], data["attempt"]),
        stage=data["stage"],
        mode=data["mode"],
        since=from_text(data["since"]),
        is_ready=data.get("is_ready", True),
        superseded_by=data.get("superseded_by", ""),
    )
