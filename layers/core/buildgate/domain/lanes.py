"""Lanes: what makes the runs of a stage follow each other, one at a time.

A stage that is queued or superseded has a lane of its own, or shares the lane of a lock. A run takes a *turn* in it:
it waits, then holds the lane until its stage has ended. Whoever leaves hands the lane over in the same write, so that a
lane is never free while somebody who is ready waits. The order is that of the runs' opening, whoever came first.

Superseded: of the waiting runs of one stage only the newest stays, and none goes on after a newer one has gone in. A
run that holds the lane is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from buildgate.domain.errors import Rejected
from buildgate.domain.ids import parse_place, place_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from buildgate.domain.pipelines import Mode, Stage

WAITING_LIMIT: Final = 500
"""Turns of one lane; an item of the table holds some 2,000."""
_PREFIX: Final = "turn:"


@dataclass(frozen=True, slots=True)
class TurnRef:
    """Names the turn of one stage attempt of a run."""

    run_id: str
    stage: int
    attempt: int

    def to_text(self) -> str:
        return f"{_PREFIX}{place_text(self.run_id, self.stage, self.attempt, 'turn')}"

    @classmethod
    def from_text(cls, text: str) -> TurnRef | None:
        """Return the reference of a text, or None when it is not one that ``to_text`` writes."""
        place = parse_place(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else None
        return None if place is None else cls(*place[:3])


@dataclass(frozen=True, slots=True)
class Turn:
    """A run's turn in a lane.

    ``stage`` is pipeline and stage, in which runs supersede each other. ``since`` is when it began to wait for nothing
    but the lane; before that it is not ``is_ready``, because people have to approve first. ``superseded_by`` names the
    newer run to which it has lost its turn.
    """

    ref: TurnRef
    stage: str
    mode: Mode
    since: datetime
    is_ready: bool = True
    superseded_by: str = ""

    @property
    def is_in_line(self) -> bool:
        """Whether it may be next."""
        return self.is_ready and not self.superseded_by


@dataclass(frozen=True, slots=True)
class Ticket:
    """The task token with which a run waits for its turn. A secret."""

    ref: TurnRef
    token: str = field(repr=False)
    is_delivered: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane as stored. ``waiting`` is in the order of the runs' opening; ``entered`` is the newest run by stage."""

    key: str
    holder: Turn | None = None
    waiting: tuple[Turn, ...] = ()
    entered: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

    @property
    def is_empty(self) -> bool:
        return self.holder is None and not self.waiting

    @property
    def turns(self) -> Sequence[Turn]:
        return self.waiting if self.holder is None else (self.holder, *self.waiting)

    def turn(self, ref: TurnRef) -> Turn | None:
        return next((turn for turn in self.turns if turn.ref == ref), None)


class Where(Enum):
    """How a run stands to a lane."""

    ABSENT = "absent"
    WAITING = "waiting"
    HOLDING = "holding"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is in a lane: behind whom (or superseded by whom), and how many are before it."""

    where: Where
    turn: Turn | None = None
    behind: str = ""
    ahead: int = 0


def lane_of(pipeline: str, stage: Stage) -> str:
    """Return the key of a stage's lane, or nothing for a stage whose runs go side by side."""
    if stage.mode == "parallel":
        return ""
    return f"lock:{stage.lock}" if stage.lock else f"stage:{stage_key(pipeline, stage.name)}"


def stage_key(pipeline: str, stage: str) -> str:
    """Return what names a stage of a pipeline in its lane, whatever version it is of."""
    return f"{pipeline}/{stage}"


def standing(lane: Lane, ref: TurnRef) -> Standing:
    """Return where a run is in a lane."""
    turn = lane.turn(ref)
    if turn is None:
        return Standing(Where.ABSENT)
    if turn is lane.holder:
        return Standing(Where.HOLDING, turn)
    if turn.superseded_by:
        return Standing(Where.SUPERSEDED, turn, behind=turn.superseded_by)
    line = [one for one in lane.waiting if one.is_in_line and _opened(one) < _opened(turn)]
    before = [lane.holder, *line] if lane.holder else line
    return Standing(Where.WAITING, turn, behind=before[-1].ref.run_id if before else "", ahead=len(before))


def arrive(lane: Lane, turn: Turn) -> Lane:
    """Return the lane after a run came to its stage, or has become ready for it; the same lane when nothing changes.

    Raises:
        Rejected: Too many wait already.
    """
    known = lane.turn(turn.ref)
    if known is None and len(lane.waiting) >= WAITING_LIMIT:
        raise Rejected(f"{len(lane.waiting)} runs wait for {said_of(lane.key)} already", fix="stop some of them")
    if known is not None:
        if known is lane.holder or known.superseded_by or known.is_ready or not turn.is_ready:
            return lane
        waiting = [replace(one, is_ready=True, since=turn.since) if one is known else one for one in lane.waiting]
    else:
        waiting = sorted([*_overtaken(lane.waiting, turn), _judged(lane, turn)], key=_opened)
    return _advanced(replace(lane, waiting=tuple(waiting)))


def leave(lane: Lane, ref: TurnRef) -> Lane:
    """Return the lane after a run has left it, handed over to the next; the same lane when the run was not in it."""
    turn = lane.turn(ref)
    if turn is None:
        return lane
    if turn is lane.holder:
        return _advanced(replace(lane, holder=None))
    return _advanced(replace(lane, waiting=tuple(one for one in lane.waiting if one is not turn)))


def to_tell(before: Lane, after: Lane) -> list[Turn]:
    """Return whose wait a change has ended: who holds the lane now, and who has lost a turn."""
    told = [turn for turn in after.waiting if turn.superseded_by and not _lost(before, turn)]
    if after.holder is not None and (before.holder is None or before.holder.ref != after.holder.ref):
        told.append(after.holder)
    return told


def said_of(key: str) -> str:
    """Return a lane's name as people read it: ``stage shop/release``, ``lock production``."""
    return key.replace(":", " ", 1)


def _opened(turn: Turn) -> str:
    """Return what orders turns: a run's id sorts by its opening."""
    return turn.ref.run_id


def _lost(lane: Lane, turn: Turn) -> bool:
    known = lane.turn(turn.ref)
    return known is not None and bool(known.superseded_by)


def _overtaken(waiting: Sequence[Turn], newer: Turn) -> list[Turn]:
    """Return the waiting turns after a newer run came: older ones of the same stage have lost theirs to it."""
    return [replace(one, superseded_by=newer.ref.run_id) if _gives_way(one, newer) else one for one in waiting]


def _gives_way(turn: Turn, other: Turn) -> bool:
    is_same = turn.stage == other.stage and turn.mode == "superseded" == other.mode
    return is_same and not turn.superseded_by and _opened(turn) < _opened(other)


def _judged(lane: Lane, turn: Turn) -> Turn:
    """Return a turn as it begins: lost already when a newer run waits, or has gone in."""
    if turn.mode != "superseded":
        return turn
    newer = [one.ref.run_id for one in lane.waiting if _gives_way(turn, one) and not one.superseded_by]
    newer += [run_id for run_id in (lane.entered.get(turn.stage, ""),) if run_id > turn.ref.run_id]
    return replace(turn, superseded_by=max(newer)) if newer else turn


def _advanced(lane: Lane) -> Lane:
    """Return the lane with the next run in it, when it is free and one is ready."""
    following = next((one for one in lane.waiting if one.is_in_line), None)
    if lane.holder is not None or following is None:
        return lane
    newest = max(lane.entered.get(following.stage, ""), following.ref.run_id)
    waiting = tuple(one for one in lane.waiting if one is not following)
    return replace(lane, holder=following, waiting=waiting, entered={**lane.entered, following.stage: newest})
