"""Looks after lanes: tells those whose wake-up was lost, and hands on what a run that has ended still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from buildgate.domain.builds import Build
from buildgate.domain.lanes import Lane, Turn, leave
from buildgate.domain.runs import RunRecord, StageAttempt, StageStatus
from buildgate.domain.slots import Slot
from buildgate.ports import Clock, Launcher, Runs
from buildgate.usecases.find_start import find_start
from buildgate.usecases.lane_ports import Lanes
from buildgate.usecases.take_turns import LOOK_AGAIN, TakeTurns, is_open

LOOK_LATER = timedelta(minutes=5)
START_LASTS = timedelta(minutes=3)
"""How long a call that starts a build may be on its way: the function's own limit, and a margin."""


@dataclass(frozen=True, slots=True)
class HealLanes:
    """Heals one lane at a time. Safe to repeat, and while runs come and go."""

    lanes: Lanes
    turns: TakeTurns
    runs: Runs
    launcher: Launcher
    clock: Clock

    def __call__(self, key: str) -> tuple[str, ...]:
        """Return the runs that were told of their turn, or taken out of the lane."""
        lane = self.lanes.lane(key)
        records = {turn.ref: self.runs.record(turn.ref.run_id) for turn in lane.turns}
        over = [turn for turn in lane.turns if _is_over(records[turn.ref], turn)]
        gone = [turn for turn in over if not self._may_build(lane, turn, records[turn.ref])]
        told = [turn for turn in lane.turns if turn not in over and self._is_told(lane, turn)]
        for turn in gone:
            self.turns.change(key, partial(leave, ref=turn.ref))
        later = LOOK_AGAIN if len(gone) < len(over) else LOOK_LATER
        self.lanes.postpone(lane, until=self.clock.now() + later)
        return tuple(turn.ref.run_id for turn in [*gone, *told])

    def _is_told(self, lane: Lane, turn: Turn) -> bool:
        waits = turn is not lane.holder and not turn.superseded_by
        return not waits and self.turns.tell(turn)

    def _may_build(self, lane: Lane, turn: Turn, record: RunRecord | None) -> bool:
        """Return whether a build of the holder's stage may still run; one that is found running is stopped."""
        attempt = None if record is None else _attempt_of(record, turn)
        if turn is not lane.holder or record is None or attempt is None:
            return False
        running = [slot for slot in record.slots_of(attempt) if is_open(slot) and self._may_run(slot)]
        return bool(running)

    def _may_run(self, slot: Slot) -> bool:
        build = self._build_of(slot)
        if build is None:
            return slot.parked_at is not None and self.clock.now() - slot.parked_at < START_LASTS
        if not build.status.is_finished:
            self.launcher.stop(build.build_id)
        return not build.status.is_finished

    def _build_of(self, slot: Slot) -> Build | None:
        """Return the build of a slot, by its id or by the nonce that it carries."""
        if slot.build_id:
            return next(iter(self.launcher.builds([slot.build_id])), None)
        return find_start(self.launcher, slot)


def _attempt_of(record: RunRecord, turn: Turn) -> StageAttempt | None:
    found = (one for one in record.stages if one.index == turn.ref.stage and one.attempt == turn.ref.attempt)
    return next(found, None)


def _is_over(record: RunRecord | None, turn: Turn) -> bool:
    """Return whether a run has no more business in the lane: it has ended, or its stage has."""
    if record is None or record.run.status.is_final:
        return True
    attempt = _attempt_of(record, turn)
    return attempt is None or attempt.status is not StageStatus.RUNNING
