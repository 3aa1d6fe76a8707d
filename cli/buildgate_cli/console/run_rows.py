"""A run as rows on one axis of time: stages, and in them approvals, builds and gates, each where it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buildgate_cli.human import elapsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_OF_BUILDS = {"queue", "provision", "phase"}
_KINDS = {"SUBMITTED": "f-queue", "QUEUED": "f-queue", "PROVISIONING": "f-provision"}
Stretch = tuple[float, float]
"""When something began, in seconds from the run's opening, and how many it lasted so far."""


@dataclass(frozen=True)
class Row:
    """One approval, build or gate of a stage; ``data`` is the API's own. ``span`` is None while it has not begun."""

    kind: str
    data: Mapping[str, Any]
    span: Stretch | None = None


@dataclass(frozen=True)
class Stage:
    """A stage with its rows, in the order in which they happen."""

    data: Mapping[str, Any]
    span: Stretch | None
    rows: Sequence[Row] = field(default_factory=tuple)


def stages(run: Mapping[str, Any], now: datetime) -> list[Stage]:
    """Return the stages of a run; what is still under way lasts until now."""
    end = run["finished_at"]
    return [Stage(one, _span(run, one.get("started_at"), one.get("finished_at") or end, now), _rows(run, one, now))
            for one in run["stages"]]  # fmt: skip


@dataclass(frozen=True)
class Phase:
    """A phase of a build, in seconds from the build's start. ``kind`` is how its bar looks."""

    name: str
    status: str
    start: float
    seconds: float
    kind: str
    is_bad: bool
    messages: Sequence[str]


@dataclass(frozen=True)
class Bar:
    """One stretch of what a run waited for, in seconds from its opening."""

    label: str
    kind: str
    start: float
    seconds: float


@dataclass(frozen=True)
class Group:
    """Stretches that belong together: the phases of one build under its stage and project, or one without a name."""

    name: str
    stretches: list[Bar]


def groups(bars: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Return a waterfall's bars, those of one build together."""
    found: list[Group] = []
    for bar in bars:
        project, _, phase = bar["name"].rpartition(" ") if bar["kind"] in _OF_BUILDS else ("", "", bar["name"])
        name = f"{bar['stage']} \N{MIDDLE DOT} {project}" if project else ""
        label = phase if project else f"{bar['stage']} {bar['name'].removesuffix(' entry')}".strip()
        if not found or found[-1].name != name:
            found.append(Group(name, []))
        found[-1].stretches.append(Bar(label.replace("_", " "), bar["kind"], bar["from_seconds"], bar["seconds"]))
    return found


def phases(build: Mapping[str, Any], now: datetime) -> tuple[list[Phase], float]:
    """Return a build's phases, one after the other, and the seconds of them all; the one under way lasts until now."""
    found, at = [], 0.0
    lasted = elapsed(build["started_at"], build["finished_at"], now) or 0.0
    known = [one for one in build.get("phases") or [] if one["name"] != "COMPLETED"]
    for one in known:
        status = one.get("status") or ""
        is_open = not status and not build["finished_at"] and one is known[-1]
        seconds = max(0.0, lasted - at) if is_open else one.get("seconds") or 0.0
        is_bad = status not in {"", "SUCCEEDED"}
        kind = "bad" if is_bad else "busy" if is_open else _KINDS.get(one["name"], "f-phase")
        name = _word(one["name"])
        found.append(Phase(name, status, at, seconds, kind, is_bad, one.get("messages") or ()))
        at += seconds
    return found, max(at, lasted)


def said(run: Mapping[str, Any]) -> str:
    """Return how a run stands in one sentence: what screen readers hear when it has changed."""
    words = [f"Run {_word(run['status'])}."]
    for stage in run["stages"]:
        builds = [f"build {one['name']} {_word(_standing(one))}" for one in stage["builds"]]
        gates = [f"gate {one['name']} {_word(one['status'])}" for one in stage["gates"]]
        asked = [f"approval {_word(one['status'])}" for one in _approvals(stage)]
        turn = ["waits for its turn"] if (stage.get("lane") or {}).get("state") == "waiting" else []
        words.append(
            ", ".join([f"Stage {stage['name']} {_word(stage['status'])}", *turn, *asked, *builds, *gates]) + "."
        )
    return " ".join(words)


def _standing(build: Mapping[str, Any]) -> str:
    return f"in phase {build['phase']}" if build["status"] == "IN_PROGRESS" and build["phase"] else build["status"]


def _word(status: str | None) -> str:
    return (status or "pending").replace("_", " ").lower()


def _approvals(stage: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a stage's approvals: on entry first, then those of its manual gates."""
    found: Sequence[Mapping[str, Any]] = stage.get("approvals") or ([stage["approval"]] if stage["approval"] else [])
    return found


def _rows(run: Mapping[str, Any], stage: Mapping[str, Any], now: datetime) -> list[Row]:
    asked = []
    for one in _approvals(stage):
        decided = one["decisions"][-1]["at"] if one["decisions"] and one["status"] != "WAITING" else None
        until = decided or stage.get("finished_at") or run["finished_at"]
        asked.append(Row("approval", one, _span(run, one["asked_at"], until, now)))
    builds = [
        Row("build", one, _span(run, one["started_at"], one.get("finished_at") or run["finished_at"], now))
        for one in stage["builds"]
    ]
    entry = [row for row in asked if row.data["name"] == "entry"]
    later = [row for row in asked if row.data["name"] != "entry"]
    return [*entry, *builds, *(Row("gate", one) for one in stage["gates"]), *later]


def _span(run: Mapping[str, Any], start: str | None, end: str | None, now: datetime) -> Stretch | None:
    before = elapsed(run["started_at"], start, now) if start else None
    lasted = elapsed(start, end, now)
    return None if before is None or lasted is None else (before, lasted)
