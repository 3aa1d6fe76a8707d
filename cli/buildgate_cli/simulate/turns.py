"""Watches the stages that hold one run at a time: no two builds of two runs at once, and no old one after a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buildgate.domain.builds import SlotRef
from buildgate.domain.lanes import lane_of, said_of, stage_key
from buildgate_cli.simulate.breaches import Promise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from buildgate.adapters.memory.builds import FakeBuild
    from buildgate.domain.pipelines import Stage


@dataclass(slots=True)
class Turns:
    """What ran in each lane so far; `breach` is told what was broken."""

    breach: Callable[[Promise, str], object]
    _last: dict[str, list[tuple[str, FakeBuild]]] = field(default_factory=dict)
    _newest: dict[str, str] = field(default_factory=dict)

    def started(self, ref: SlotRef, pipeline: str, stage: Stage, build: FakeBuild) -> None:
        """Check a build that has just started against those that run in its lane, and against newer runs."""
        key = lane_of(pipeline, stage)
        if not key:
            return
        running = [(run_id, one) for run_id, one in self._last.get(key, ()) if not one.is_over]
        for run_id, other in running:
            if run_id != ref.run_id:
                what = f"{build.build_id} of run {ref.run_id} started while {other.build_id} of run {run_id} ran"
                self.breach(Promise.ONE_AT_A_TIME, f"{said_of(key)}: {what}")
        self._last[key] = [*running, (ref.run_id, build)]
        place = stage_key(pipeline, stage.name)
        newest = self._newest.get(place, "")
        if stage.mode == "superseded" and ref.run_id < newest:
            self.breach(Promise.NOT_OVERTAKEN, f"{place}: run {ref.run_id} began after run {newest} had")
        self._newest[place] = max(newest, ref.run_id)


def waiting_behind(lanes: Iterable[dict[str, Any]], busy: set[str]) -> set[str]:
    """Return the partitions of runs that wait in a lane behind a run that is busy itself."""
    found = set()
    for lane in lanes:
        holder = lane.get("holder")
        if holder and f"RUN#{holder['run']}" in busy:
            found |= {f"RUN#{turn['run']}" for turn in lane.get("waiting", ())}
    return found
