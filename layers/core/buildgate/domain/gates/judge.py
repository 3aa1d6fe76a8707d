"""From a gate and its evidence to a verdict: a pure function, the same bytes every time.

Rules, in the order they win (none of them ever turns into a silent pass):

- fail: a key objective failed; or, without a total score, any objective failed; or the score stays under the warning
  line even if everything unknown had come out well.
- error: a report was refused or absent, nothing feeds an objective, or its value is not a number.
- inconclusive: an objective says so, or there is nothing at all to judge.
- warn: an objective warned or had no history; or the score lies between the two lines.
- pass: the rest.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from buildgate.domain.gates.criteria import number_text
from buildgate.domain.gates.data import gate_to_data
from buildgate.domain.gates.evidence import Evidence, canonical
from buildgate.domain.gates.objective import WARN_SHARE, judge_objective
from buildgate.domain.gates.values import Values, controls_that_do_not_hold
from buildgate.domain.gates.verdict import ObjectiveResult, Status, Verdict
from buildgate.domain.gates.waivers import apply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buildgate.domain.gates.model import Gate

COUNTED: Final = frozenset({"pass", "warn", "fail"})
UNKNOWN: Final = frozenset({"error", "inconclusive", "no_baseline"})
_ORDER: Final = ("fail", "error", "inconclusive", "warn", "no_baseline")
_PRECISION: Final = 9


def judge(gate: Gate, evidence: Evidence, *, overrides: Mapping[str, float] | None = None) -> Verdict:
    """Return the verdict of a gate on evidence.

    Args:
        gate: What is wanted. A manual gate is inconclusive here: people decide it.
        evidence: What was measured.
        overrides: Values to assume instead of the measured ones, for counterfactuals only.
    """
    if gate.manual is not None:
        return _awaiting_people(gate)
    open_controls = controls_that_do_not_hold(gate, evidence)
    waived = apply((*gate.waivers, *evidence.waivers), evidence.findings, open_controls, evidence.now.date())
    values = Values(gate, evidence, waived, overrides or {})
    results = tuple(judge_objective(objective, gate, values) for objective in gate.objectives)
    status, is_tolerated = _status(gate, evidence, results)
    verdict = Verdict(
        gate=gate.name,
        status=status,
        is_blocking=_stops(status) and not is_tolerated and gate.mode == "enforce" and not gate.is_advisory,
        score=score_of(results),
        objectives=results,
        reasons=_reasons(gate, evidence, results, status),
        notes=(*waived.notes, *_skips(results), *sorted(evidence.notes)),
        mode=gate.mode,
        is_advisory=gate.is_advisory,
        may_seed_baseline=_may_seed(status, results),
        baseline_runs=evidence.baseline.runs if evidence.baseline and gate.needs_baseline else (),
        policy_hash=policy_hash(gate),
    )
    return _said_not_to_block(verdict, is_tolerated=is_tolerated)


def policy_hash(gate: Gate) -> str:
    """Return the SHA-256 of the whole gate with its preset expanded: which policy a verdict was given by."""
    return hashlib.sha256(canonical(gate_to_data(gate)).encode()).hexdigest()


def score_of(results: Sequence[ObjectiveResult], *, is_best_case: bool = False) -> float | None:
    """Return 100 x points / weights of what was judged; None when nothing was.

    An objective without history earns the share the others earn, and at least that of a warning. With `is_best_case`
    errors and the inconclusive count as if they had passed.
    """
    counted = [r for r in results if r.status in COUNTED]
    unknown = [r for r in results if r.status in {"error", "inconclusive"}] if is_best_case else []
    most = math.fsum(r.weight for r in (*counted, *unknown))
    points = math.fsum([*(r.points for r in counted), *(r.weight for r in unknown)])
    if not most:
        return None
    without_history = math.fsum(r.weight for r in results if r.status == "no_baseline")
    if without_history:
        points += without_history * max(points / most, WARN_SHARE)
        most += without_history
    return round(100.0 * points / most, _PRECISION)


def _stops(status: Status) -> bool:
    return status in {"fail", "error", "inconclusive"}


def _status(gate: Gate, evidence: Evidence, results: Sequence[ObjectiveResult]) -> tuple[Status, bool]:
    """Return the status, and whether it is an error that the gate tolerates."""
    base = _of_values(gate, results)
    if base == "fail":
        return "fail", False
    errors = [r for r in results if r.status == "error"]
    if (evidence.refused and gate.on_error == "block") or any(not r.is_error_tolerated for r in errors):
        return "error", False
    if base == "inconclusive" or any(r.status == "inconclusive" for r in results):
        return "inconclusive", False
    if evidence.refused or errors:
        return "error", True
    return base, False


def _of_values(gate: Gate, results: Sequence[ObjectiveResult]) -> Status:
    """Judge what is known; `fail` only when no outcome of the unknown could avert it."""
    if any(r.is_key and r.status == "fail" for r in results):
        return "fail"
    statuses = {r.status for r in results}
    if not statuses & (COUNTED | UNKNOWN):
        return _of_nothing(results)
    if gate.total_pass is None:
        if "fail" in statuses:
            return "fail"
        return "warn" if statuses & {"warn", "no_baseline"} else "pass"
    return _of_score(gate, gate.total_pass, results)


def _of_nothing(results: Sequence[ObjectiveResult]) -> Status:
    """Every objective was skipped: a small change passes, visibly; a gate that judged nothing else does not."""
    is_small_change = any("changed line" in r.reason for r in results if r.status == "skipped")
    return "pass" if is_small_change else "inconclusive"


def _of_score(gate: Gate, passing: float, results: Sequence[ObjectiveResult]) -> Status:
    warning = passing if gate.total_warn is None else gate.total_warn
    best = score_of([r for r in results if not r.is_error_tolerated], is_best_case=True)
    if best is not None and best < warning:
        return "fail"
    score = score_of(results)
    is_short = score is not None and score < passing
    if score is not None and score < warning and not any(_may_yet_help(r) for r in results):
        return "fail"
    return "warn" if is_short or any(r.status == "no_baseline" for r in results) else "pass"


def _may_yet_help(result: ObjectiveResult) -> bool:
    """Whether the verdict waits for this objective. A tolerated error is left out, so it cannot rescue a score."""
    return result.status == "inconclusive" or (result.status == "error" and not result.is_error_tolerated)


def _may_seed(status: Status, results: Sequence[ObjectiveResult]) -> bool:
    """Whether later runs may compare with this one: it passed, or only lacked a history of its own.

    Without the second half a gate of relative criteria alone would never get its first baseline.
    """
    if status == "pass":
        return True
    judged = {r.status for r in results if r.status in COUNTED | UNKNOWN}
    return status == "warn" and "no_baseline" in judged and judged <= {"pass", "no_baseline"}


def _reasons(gate: Gate, evidence: Evidence, results: Sequence[ObjectiveResult], status: Status) -> tuple[str, ...]:
    reasons = [
        f"{r.file} was refused: {r.message} ({r.reason_code})"
        for r in sorted(evidence.refused, key=lambda r: (r.file, r.reason_code, r.message))
    ]
    for wanted in _ORDER:
        reasons += [r.reason for r in results if r.status == wanted]
    score = score_of(results)
    if gate.total_pass is not None and score is not None:
        reasons.append(_score_sentence(gate, gate.total_pass, score))
    if status == "pass":
        held = sum(r.status == "pass" for r in results)
        reasons.append(f"{held} of {len(results)} objectives hold" if held else "there was nothing to judge")
    elif not any(r.status in COUNTED | UNKNOWN for r in results):
        reasons.append("nothing was judged: the gate has no objective with a value")
    return tuple(reasons)


def _score_sentence(gate: Gate, passing: float, score: float) -> str:
    warning = "" if gate.total_warn is None else f", and {number_text(gate.total_warn)} to warn"
    vetoes = [r for r in gate.objectives if r.is_key]
    veto = "; a key objective that fails vetoes" if vetoes else ""
    return (
        f"the score is {number_text(round(score, 2))} of 100, {number_text(passing)} is needed to pass{warning}{veto}"
    )


def _skips(results: Sequence[ObjectiveResult]) -> tuple[str, ...]:
    return tuple(r.reason for r in results if r.status == "skipped")


def _said_not_to_block(verdict: Verdict, *, is_tolerated: bool) -> Verdict:
    """Say why a verdict that would stop the run does not."""
    if not _stops(verdict.status) or verdict.is_blocking:
        return verdict
    if verdict.mode == "observe":
        why = "observe mode: this verdict would have stopped the run"
    elif verdict.is_advisory:
        why = "the gate is advisory: the run goes on"
    elif is_tolerated:
        why = "on_error is warn: the run goes on without this judgement"
    else:
        return verdict
    return replace(verdict, notes=(*verdict.notes, why))


def _awaiting_people(gate: Gate) -> Verdict:
    manual = gate.manual
    who = ", ".join(manual.approvers) if manual else "nobody"
    needed = manual.required if manual else 0
    return Verdict(
        gate=gate.name,
        status="inconclusive",
        is_blocking=gate.mode == "enforce" and not gate.is_advisory,
        score=None,
        objectives=(),
        reasons=(f"{gate.name} is decided by people: {needed} of {who}",),
        mode=gate.mode,
        is_advisory=gate.is_advisory,
        policy_hash=policy_hash(gate),
    )
