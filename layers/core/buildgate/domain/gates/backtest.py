"""What a gate would have done to past runs: thresholds chosen from evidence instead of by feeling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from buildgate.domain.gates.judge import judge, policy_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buildgate.domain.gates.evidence import Evidence
    from buildgate.domain.gates.model import Gate
    from buildgate.domain.gates.verdict import Status, Verdict

Outcome = Literal["good", "bad"]
"""What became of a run: `bad` when it was rolled back, reverted or failed later, `good` when it is known to have held."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run's stored evidence, what its gate decided then, and what is known of it since (None: nothing).

    `fate` says how it came to its outcome: held, failed, reverted or rolled back; empty when nobody knows.
    """

    run_id: str
    evidence: Evidence
    status: Status
    was_blocked: bool
    outcome: Outcome | None = None
    fate: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A run that the gate under test would judge differently."""

    run_id: str
    before: Status
    after: Status
    was_blocked: bool
    is_blocked: bool
    outcome: Outcome | None
    reason: str
    fate: str = ""

    @property
    def became(self) -> str:
        """What became of the run, for people."""
        how = f": {self.fate}" if self.fate else ""
        return f"{self.outcome}{how}" if self.outcome else "unknown"


@dataclass(frozen=True, slots=True)
class Backtest:
    """The result. Precision and recall are ratios over runs blocked differently whose outcome is known.

    - precision: of those it would newly block, how many turned out bad;
    - recall: of the bad among them, how many it would block.
    None means that there was nothing to count, not zero.
    """

    policy_hash: str
    judged: int
    would_block: int
    did_block: int
    differences: tuple[Difference, ...]
    unlabelled: int
    precision: float | None
    recall: float | None

    @property
    def summary(self) -> str:
        """The result in a sentence or two."""
        said = f"would block {self.would_block} of {self.judged} runs (the gate of the time blocked {self.did_block})"
        newly = sum(d.is_blocked and not d.was_blocked for d in self.differences)
        freed = sum(d.was_blocked and not d.is_blocked for d in self.differences)
        said += f"; {newly} newly blocked, {freed} let through"
        figures = [("precision", self.precision), ("recall", self.recall)]
        said += "".join(f"; {name} {100 * value:.0f} %" for name, value in figures if value is not None)
        return said + (f"; {self.unlabelled} of unknown outcome" if self.unlabelled else "")

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "policy_hash": self.policy_hash,
            "judged": self.judged,
            "would_block": self.would_block,
            "did_block": self.did_block,
            "unlabelled": self.unlabelled,
            "precision": self.precision,
            "recall": self.recall,
            "differences": [
                {
                    "run_id": d.run_id,
                    "before": d.before,
                    "after": d.after,
                    "was_blocked": d.was_blocked,
                    "is_blocked": d.is_blocked,
                    "outcome": d.outcome,
                    "fate": d.fate or None,
                    "reason": d.reason,
                }
                for d in self.differences
            ],
        }


def backtest(gate: Gate, past: Iterable[PastRun]) -> Backtest:
    """Judge the stored evidence of each run anew.

    An observing gate is counted as it would be once enforced: that is what the question is about.
    """
    judged = would_block = did_block = 0
    differences = []
    for run in past:
        verdict = judge(gate, run.evidence)
        is_blocked = would_stop(verdict)
        judged += 1
        would_block += is_blocked
        did_block += run.was_blocked
        if verdict.status != run.status or is_blocked != run.was_blocked:
            differences.append(_difference(run, verdict, is_blocked=is_blocked))
    precision, recall, unlabelled = _quality(differences)
    return Backtest(
        policy_hash(gate), judged, would_block, did_block, tuple(differences), unlabelled, precision, recall
    )


def would_stop(verdict: Verdict) -> bool:
    """Return whether the verdict stops a run once its gate enforces."""
    if verdict.mode == "observe" and not verdict.is_advisory:
        is_tolerated = verdict.status == "error" and any("on_error is warn" in note for note in verdict.notes)
        return verdict.status in {"fail", "error", "inconclusive"} and not is_tolerated
    return verdict.is_blocking


def _difference(run: PastRun, verdict: Verdict, *, is_blocked: bool) -> Difference:
    reason = verdict.reasons[0] if verdict.reasons else ""
    return Difference(
        run.run_id, run.status, verdict.status, run.was_blocked, is_blocked, run.outcome, reason, run.fate
    )


def _quality(differences: list[Difference]) -> tuple[float | None, float | None, int]:
    changed = [d for d in differences if d.is_blocked != d.was_blocked]
    labelled = [d for d in changed if d.outcome is not None]
    blocked = [d for d in labelled if d.is_blocked]
    bad = [d for d in labelled if d.outcome == "bad"]
    caught = sum(d.outcome == "bad" for d in blocked)
    precision = caught / len(blocked) if blocked else None
    return precision, caught / len(bad) if bad else None, len(changed) - len(labelled)
