"""A judgement with all it rests on, so that it can be explained, repeated and compared with long after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from buildgate.domain.errors import Corrupt
from buildgate.domain.gates.backtest import Outcome, PastRun
from buildgate.domain.gates.baselines import PastResult
from buildgate.domain.gates.data import gate_to_data
from buildgate.domain.gates.evidence import Evidence, canonical
from buildgate.domain.gates.judge import judge
from buildgate.domain.gates.outcomes import OUTCOMES
from buildgate.domain.gates.parse import gate_from_data
from buildgate.domain.gates.verdict import Verdict
from buildgate.domain.times import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from buildgate.domain.gates.model import Gate
    from buildgate.domain.gates.verdict import Status

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class JudgementRef:
    """Exactly which stored judgement: its key and version in the report bucket, and the SHA-256 of its bytes."""

    key: str
    version_id: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class JudgementHead:
    """A judgement as histories list it.

    `branch` is that of the run (`tags/NAME` for a tag), `values` what was measured for each objective, by measurement.
    `ref` is None for a gate that people decided: there is no evidence but their word.
    """

    pipeline: str
    stage: str
    gate: str
    branch: str
    run_id: str
    at: datetime
    status: Status
    is_blocking: bool
    may_seed: bool
    score: float | None = None
    mode: str = "enforce"
    is_advisory: bool = False
    policy_hash: str = ""
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    ref: JudgementRef | None = None

    @property
    def place(self) -> str:
        """Which gate of the pipeline, in one word."""
        return f"{quote(self.stage)}/{quote(self.gate)}"

    @property
    def position(self) -> str:
        """Where it stands in its pipeline's history; a later one is greater."""
        return f"{to_text(self.at)}#{self.run_id}#{self.place}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A gate, the evidence, and the verdict it gave. What became of its run, and how, may be unknown."""

    gate: Gate
    evidence: Evidence
    verdict: Verdict
    run_id: str = ""
    branch: str = ""
    finished_at: str = ""
    outcome: Outcome | None = None
    fate: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data."""
        data: dict[str, Any] = {
            "version": RECORD_VERSION,
            "gate": gate_to_data(self.gate),
            "evidence": self.evidence.to_data(),
            "verdict": self.verdict.to_data(),
        }
        about = {"run_id": self.run_id, "branch": self.branch, "finished_at": self.finished_at}
        about["outcome"] = self.fate or self.outcome or ""
        return data | {key: value for key, value in about.items() if value}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Judgement:
        """Read what `to_data` wrote.

        Raises:
            Corrupt: it is something else.
        """
        try:
            became = str(data.get("outcome") or "")
            outcome = cast("Mapping[str, Outcome]", OUTCOMES).get(became) or became
            return cls(
                gate=gate_from_data(data["gate"]),
                evidence=Evidence.from_data(data["evidence"]),
                verdict=Verdict.from_data(data["verdict"]),
                run_id=str(data.get("run_id", "")),
                branch=str(data.get("branch", "")),
                finished_at=str(data.get("finished_at", "")),
                outcome=cast("Outcome", outcome) if outcome in {"good", "bad"} else None,
                fate=became if became in OUTCOMES else "",
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Corrupt(f"this is no judgement of a gate: {type(error).__name__} {error}") from error

    def is_repeatable(self) -> bool:
        """Whether judging again gives the same bytes; False after a change of engine, or of the record."""
        again = judge(self.gate, self.evidence)
        return canonical(again.to_data()) == canonical(self.verdict.to_data())

    def as_past_run(self) -> PastRun:
        """Return it as backtesting takes it."""
        return PastRun(
            self.run_id, self.evidence, self.verdict.status, self.verdict.is_blocking, self.outcome, self.fate
        )

    def as_past_result(self) -> PastResult:
        """Return it as baseline selection takes it."""
        return PastResult(
            run_id=self.run_id,
            branch=self.branch,
            finished_at=self.finished_at,
            status=self.verdict.status,
            may_seed_baseline=self.verdict.may_seed_baseline,
            measurements={name: measured.value for name, measured in self.evidence.measurements.items()},
            fingerprints=frozenset(f.fingerprint for f in self.evidence.findings if f.fingerprint),
        )
