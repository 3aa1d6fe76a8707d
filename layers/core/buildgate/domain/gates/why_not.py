"""The smallest set of changes that would make a gate pass: a counterfactual that is judged, not guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from buildgate.domain.gates.criteria import Criterion, number_text, plain
from buildgate.domain.gates.judge import judge
from buildgate.domain.gates.objective import shown, written
from buildgate.domain.gates.values import SECURITY_SCORE
from buildgate.domain.gates.verdict import ObjectiveResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate.domain.gates.evidence import Evidence
    from buildgate.domain.gates.model import Gate, Objective, Score

_GOAL_RANK = {"pass": 2, "warn": 1}
_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to change. A `value` goes from `before` (None: not measured) to `after`; a `report` must be readable."""

    kind: Literal["value", "report"]
    subject: str
    text: str
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The verdict as it is, the changes, and the verdict they would give.

    Without changes the gate passes already, or nothing measurable would help and `after` says why.
    """

    before: Verdict
    changes: tuple[Change, ...]
    after: Verdict


def why_not(gate: Gate, evidence: Evidence) -> WhyNot:
    """Return a set of changes none of which can be left out; with a total score the ones that earn most come first."""
    before = judge(gate, evidence)
    if before.status == "pass" or gate.manual is not None:
        return WhyNot(before, (), before)
    reports = [
        Change("report", r.file, f"{r.file}: give a report that can be read ({r.reason_code})")
        for r in evidence.refused
    ]
    readable = replace(evidence, refused=())
    wanted = _wanted(gate, readable, before)
    best = _rank(judge(gate, readable, overrides=wanted))
    chosen = _fewest(gate, readable, before, wanted, best)
    after = judge(gate, readable, overrides=chosen)
    changes = [*reports, *(_value_change(gate, before, name, value) for name, value in chosen.items())]
    return WhyNot(before, tuple(changes), after)


def _rank(verdict: Verdict) -> int:
    return _GOAL_RANK.get(verdict.status, 0)


def _fewest(
    gate: Gate, evidence: Evidence, before: Verdict, wanted: Mapping[str, float], goal: int
) -> dict[str, float]:
    """Add changes, those that earn most first, until the goal is met; then drop each that was not needed."""
    gains: dict[str, tuple[bool, float]] = {}
    for result in before.objectives:
        was_key, gain = gains.get(result.measurement, (False, 0.0))
        gains[result.measurement] = (was_key or result.is_key, gain + result.weight - result.points)
    order = sorted(wanted, key=lambda name: (tuple(-x for x in gains.get(name, (True, math.inf))), name))
    chosen: dict[str, float] = {}
    for name in order:
        if _rank(judge(gate, evidence, overrides=chosen)) >= goal:
            break
        chosen[name] = wanted[name]
    for name in reversed(order):
        fewer = {key: value for key, value in chosen.items() if key != name}
        if name in chosen and _rank(judge(gate, evidence, overrides=fewer)) >= goal:
            chosen = fewer
    return chosen


def _wanted(gate: Gate, evidence: Evidence, before: Verdict) -> dict[str, float]:
    """Return, for each measurement that holds the gate back, the nearest value at which most of its criteria pass."""
    wanted: dict[str, float] = {}
    for objective, result in zip(gate.objectives, before.objectives, strict=True):
        if result.status in {"pass", "info", "skipped"}:
            continue
        score = _score_of(gate, objective.measurement)
        if score is None or result.value is None:
            value = _nearest(gate, evidence, objective, result)
            if value is not None:
                wanted[objective.measurement] = value
        else:
            wanted.update(_through_parts(gate, evidence, objective, score, wanted))
    return wanted


def _score_of(gate: Gate, name: str) -> Score | None:
    own = next((score for score in gate.scores if score.name == name), None)
    return SECURITY_SCORE if own is None and name == SECURITY_SCORE.name else own


def _through_parts(
    gate: Gate, evidence: Evidence, objective: Objective, score: Score, wanted: Mapping[str, float]
) -> dict[str, float]:
    """Lift a score through what it is made of: the parts that cost most come down first, no further than needed."""
    assumed = dict(wanted)
    parts: dict[str, float] = {}
    for name, figure in sorted(score.per, key=lambda part: (part[1], part[0])):
        value = assumed.get(name, evidence.measurements[name].value if name in evidence.measurements else 0.0)
        if figure >= 0 or value <= 0:
            continue
        if _passes(gate, evidence, objective, assumed):
            break
        low, high = 0, math.ceil(value)
        while low < high:  # the greatest whole value at which the score passes, or 0
            middle = (low + high + 1) // 2
            if _passes(gate, evidence, objective, {**assumed, name: float(middle)}):
                low = middle
            else:
                high = middle - 1
        assumed[name] = parts[name] = float(low)
    return parts


def _passes(gate: Gate, evidence: Evidence, objective: Objective, overrides: Mapping[str, float]) -> bool:
    return _rank_alone(gate, evidence, objective, overrides) == _GOAL_RANK["pass"]


def _rank_alone(gate: Gate, evidence: Evidence, objective: Objective, overrides: Mapping[str, float]) -> int:
    alone = replace(gate, objectives=(objective,), total_pass=None, total_warn=None)
    return _rank(judge(alone, evidence, overrides=overrides))


def _nearest(gate: Gate, evidence: Evidence, objective: Objective, result: ObjectiveResult) -> float | None:
    """Return the value that helps most, and of these the nearest. Without history a warning is the best there is."""
    same = [o for o in gate.objectives if o.measurement == objective.measurement]
    now = _rank_alone(gate, evidence, objective, {})
    best: tuple[int, int, float, float] | None = None
    for value in sorted(set(_candidates(same, result))):
        rank = _rank_alone(gate, evidence, objective, {objective.measurement: value})
        if rank <= now:
            continue
        passing = sum(_passes(gate, evidence, o, {o.measurement: value}) for o in same)
        distance = abs(value - (result.value or 0.0))
        if best is None or (-rank, -passing, distance, value) < best:
            best = (-rank, -passing, distance, value)
    return None if best is None else best[3]


def _candidates(objectives: list[Objective], result: ObjectiveResult) -> Iterator[float]:
    for objective in objectives:
        for group in objective.passes:
            for criterion in group:
                target = criterion.target(result.baseline)
                if target is not None:
                    yield from _around(criterion, target, result.value)


def _around(criterion: Criterion, target: float, value: float | None) -> Iterator[float]:
    is_count = target == int(target) and (value is None or value == int(value))
    step = 1.0 if is_count else max(abs(target), 1.0) * _STEP
    if criterion.operator in {"<=", ">=", "=="}:
        yield target
    if criterion.operator in {"<", "!="}:
        yield target - step
    if criterion.operator in {">", "!="}:
        yield target + step


def _value_change(gate: Gate, before: Verdict, name: str, value: float) -> Change:
    objective = next((o for o in gate.objectives if o.measurement == name), None)
    result = next((r for r in before.objectives if r.measurement == name), None)
    was = result.value if result else None
    said = f"{name} to {shown(name, value)}"
    if was is not None:
        said = f"{name} from {shown(name, was)} to {shown(name, value)}"
    if objective is not None and result is not None:
        said += f" ({written(objective.passes, result.baseline)})"
    if was is None and result is not None:
        said = f"a report that measures {said}"
    return Change("value", name, said, was, plain(value))


def sentence(answer: WhyNot) -> str:
    """Say it in a line: how many changes, and what they would lead to."""
    count = len(answer.changes)
    if answer.before.status == "pass":
        return f"{answer.before.gate} passes already"
    if not count:
        return f"no change of a measurement makes {answer.before.gate} better than {answer.after.status}"
    things = "one change" if count == 1 else f"{number_text(count)} changes"
    return f"{things} would take {answer.before.gate} from {answer.before.status} to {answer.after.status}"
