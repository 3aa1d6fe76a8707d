"""Where a run's time went: one bar after the other from the push to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from buildgate.domain.builds import BuildHead
from buildgate.domain.runs import RunRecord, StageAttempt


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a run, in seconds from its opening. ``kind``: wait, approval, queue, provision, phase, gate, other."""

    stage: str
    name: str
    kind: str
    from_seconds: float
    seconds: float


def waterfall(record: RunRecord, heads: Mapping[str, BuildHead], *, now: datetime) -> tuple[Bar, ...]:
    """Return the bars of a run: what opened it, each stage's approvals, its longest build phase by phase, its gates.

    Builds of a stage run side by side: the one that ended last made the stage wait, and is shown.
    """
    run = record.run
    bars: list[Bar] = []
    stages = sorted(record.stages, key=lambda stage: (stage.started_at is None, stage.started_at or now, stage.index))
    first = next((stage.started_at for stage in stages if stage.started_at), None)
    if first is not None:
        bars.append(_bar("", "start", "wait", run.opened_at, run.opened_at, first))
    for stage in stages:
        if stage.started_at is not None:
            bars += _stage_bars(record, stage, heads, now)
    return tuple(bar for bar in bars if bar.seconds >= 0.05)


def _stage_bars(record: RunRecord, stage: StageAttempt, heads: Mapping[str, BuildHead], now: datetime) -> list[Bar]:
    opened = record.run.opened_at
    bars: list[Bar] = []
    for approval in record.approvals:
        if (approval.ref.stage, approval.ref.attempt) == (stage.index, stage.attempt):
            ended = approval.decisions[-1].at if approval.decisions else stage.finished_at or now
            bars.append(_bar(stage.name, f"approval {approval.ref.name}", "approval", opened, approval.asked_at, ended))
    found = [heads[slot.build_id] for slot in record.slots_of(stage) if slot.build_id in heads]
    last = max(found, key=lambda head: head.ended_at or now, default=None)
    if last is not None:
        bars += _build_bars(stage.name, last, opened, now)
    asked = {
        one.ref.name for one in record.approvals if (one.ref.stage, one.ref.attempt) == (stage.index, stage.attempt)
    }
    judged = [gate.evaluated_at for gate in record.gates_of(stage) if gate.name not in asked]
    if judged and last is not None and last.ended_at is not None:
        bars.append(_bar(stage.name, "gates", "gate", opened, last.ended_at, max(judged)))
    return bars


_KINDS = {"SUBMITTED": "queue", "QUEUED": "queue", "PROVISIONING": "provision"}


def _build_bars(stage: str, head: BuildHead, opened: datetime, now: datetime) -> list[Bar]:
    if not head.phase_seconds:
        return [_bar(stage, head.project, "phase", opened, head.started_at, head.ended_at or now)]
    at = (head.started_at - opened).total_seconds()
    bars = []
    for name, seconds in head.phase_seconds.items():
        bars.append(_phase_bar(stage, head, name, at, seconds))
        at += seconds
    if head.ended_at is None and head.current_phase not in head.phase_seconds:
        so_far = (now - opened).total_seconds() - at
        bars.append(_phase_bar(stage, head, head.current_phase, at, max(0.0, so_far)))
    return bars


def _phase_bar(stage: str, head: BuildHead, phase: str, at: float, seconds: float) -> Bar:
    return Bar(stage, f"{head.project} {phase.lower()}".strip(), _KINDS.get(phase, "phase"), at, seconds)


def _bar(stage: str, name: str, kind: str, opened: datetime, start: datetime, end: datetime) -> Bar:
    return Bar(stage, name, kind, (start - opened).total_seconds(), max(0.0, (end - start).total_seconds()))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the lead time: ``seconds`` is the mean over the runs looked at, ``share`` its part of the whole (0-1)."""

    kind: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class LeadTime:
    """The mean lead time of so many runs, in parts that add up to it."""

    runs: int
    seconds: float
    stretches: tuple[Stretch, ...]


KINDS = ("commit", "wait", "approval", "queue", "provision", "phase", "gate", "other")
"""In the order in which a change goes through them. ``commit``: from the commit to the run's opening. ``other``: the rest."""


def lead_time(runs: Sequence[tuple[float, float, Sequence[Bar]]]) -> LeadTime:
    """Return where the lead time of runs went on the mean.

    Means, because they add up and medians do not. Bars that overlap count one after the other, as far as the run lasted.

    Args:
        runs: For each run the seconds from the commit to its opening, those from its opening to its end, and its bars.
    """
    sums = dict.fromkeys(KINDS, 0.0)
    for before, lasted, bars in runs:
        left = lasted
        sums["commit"] += before
        for bar in sorted(bars, key=lambda one: one.from_seconds):
            seconds = min(bar.seconds, left)
            sums[bar.kind] += seconds
            left -= seconds
        sums["other"] += left
    whole = sum(sums.values())
    count = len(runs) or 1
    parts = tuple(Stretch(kind, value / count, value / whole if whole else 0.0) for kind, value in sums.items())
    return LeadTime(len(runs), whole / count, parts)


def by_kind(bars: Sequence[Bar]) -> Mapping[str, float]:
    """Return the seconds of each kind of bar, the largest first."""
    found: dict[str, float] = {}
    for bar in bars:
        found[bar.kind] = found.get(bar.kind, 0.0) + bar.seconds
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
