"""What judging gives: a status, a score, and a reason a person can check for every objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from buildgate.domain.gates.criteria import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal["pass", "warn", "fail", "inconclusive", "error"]
ObjectiveStatus = Literal["pass", "warn", "fail", "inconclusive", "error", "skipped", "no_baseline", "info"]

ENGINE_VERSION: Final = "1"
"""Changes whenever the same gate and evidence could give another verdict."""


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """How one objective came out.

    `target` is the criteria as written, with the figure a relative one came to. `points` are out of `weight`;
    statuses `skipped`, `no_baseline`, `info`, `inconclusive` and `error` count neither for nor against the score.
    `reason` is a sentence; `waived` says how many findings waivers took out of `value`.
    """

    name: str
    measurement: str
    status: ObjectiveStatus
    reason: str
    value: float | None = None
    target: str = ""
    baseline: float | None = None
    source_file: str = ""
    weight: float = 1.0
    points: float = 0.0
    is_key: bool = False
    is_error_tolerated: bool = False
    waived: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data without what is unset."""
        data: dict[str, Any] = {"name": self.name, "status": self.status, "reason": self.reason}
        optional: dict[str, tuple[Any, Any]] = {
            "measurement": (self.measurement, self.name),
            "value": (_plain(self.value), None),
            "target": (self.target, ""),
            "baseline": (_plain(self.baseline), None),
            "source_file": (self.source_file, ""),
            "weight": (plain(self.weight), 1),
            "points": (plain(self.points), 0),
            "key": (self.is_key, False),
            "error_tolerated": (self.is_error_tolerated, False),
            "waived": (self.waived, 0),
        }
        return data | {key: value for key, (value, unset) in optional.items() if value != unset}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ObjectiveResult:
        """Read what `to_data` wrote."""
        value, baseline = data.get("value"), data.get("baseline")
        return cls(
            name=data["name"],
            measurement=data.get("measurement", data["name"]),
            status=data["status"],
            reason=data["reason"],
            value=None if value is None else float(value),
            target=data.get("target", ""),
            baseline=None if baseline is None else float(baseline),
            source_file=data.get("source_file", ""),
            weight=float(data.get("weight", 1.0)),
            points=float(data.get("points", 0.0)),
            is_key=bool(data.get("key", False)),
            is_error_tolerated=bool(data.get("error_tolerated", False)),
            waived=int(data.get("waived", 0)),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's verdict, a pure function of the gate (`policy_hash`), the evidence and the engine version.

    `is_blocking` says whether the run must stop here. `score` is 0 to 100, None when nothing could be scored. `reasons`
    explain the status, worst first; `notes` are what a reader must see all the same (waivers acting or expired,
    conditions ignored). `may_seed_baseline` says whether later runs may compare with this one.
    """

    gate: str
    status: Status
    is_blocking: bool
    score: float | None
    objectives: tuple[ObjectiveResult, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    mode: str = "enforce"
    is_advisory: bool = False
    may_seed_baseline: bool = False
    baseline_runs: tuple[str, ...] = ()
    policy_hash: str = ""
    engine_version: str = ENGINE_VERSION

    @property
    def summary(self) -> str:
        """One line: the gate, its status, and the first reason."""
        first = f": {self.reasons[0]}" if self.reasons else ""
        return f"{self.gate} {self.status}{first}"

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data, compact: what is unset is left out."""
        data: dict[str, Any] = {
            "gate": self.gate,
            "status": self.status,
            "is_blocking": self.is_blocking,
            "score": _plain(self.score),
            "objectives": [objective.to_data() for objective in self.objectives],
            "reasons": list(self.reasons),
            "policy_hash": self.policy_hash,
            "engine_version": self.engine_version,
        }
        optional: dict[str, tuple[Any, Any]] = {
            "notes": (list(self.notes), []),
            "mode": (self.mode, "enforce"),
            "is_advisory": (self.is_advisory, False),
            "may_seed_baseline": (self.may_seed_baseline, False),
            "baseline_runs": (list(self.baseline_runs), []),
        }
        return data | {key: value for key, (value, unset) in optional.items() if value != unset}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Verdict:
        """Read what `to_data` wrote."""
        score = data.get("score")
        return cls(
            gate=data["gate"],
            status=data["status"],
            is_blocking=bool(data["is_blocking"]),
            score=None if score is None else float(score),
            objectives=tuple(ObjectiveResult.from_data(row) for row in data["objectives"]),
            reasons=tuple(data["reasons"]),
            notes=tuple(data.get("notes", ())),
            mode=data.get("mode", "enforce"),
            is_advisory=bool(data.get("is_advisory", False)),
            may_seed_baseline=bool(data.get("may_seed_baseline", False)),
            baseline_runs=tuple(data.get("baseline_runs", ())),
            policy_hash=data.get("policy_hash", ""),
            engine_version=data.get("engine_version", ENGINE_VERSION),
        )


def _plain(value: float | None) -> float | None:
    return None if value is None else plain(value)
