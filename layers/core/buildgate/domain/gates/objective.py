"""Judge one objective and say why in a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from buildgate.domain.gates.criteria import Criterion, number_text, rating_letter
from buildgate.domain.gates.model import (
    SMALL_CHANGE_LINES,
    Alternatives,
    Gate,
    Objective,
    OnMissing,
    OnNoBaseline,
)
from buildgate.domain.gates.verdict import ObjectiveResult, ObjectiveStatus
from buildgate.domain.gates.vocabulary import is_rating

if TYPE_CHECKING:
    from buildgate.domain.gates.values import Found, Values

BETTER_LAST: Final[tuple[ObjectiveStatus, ...]] = ("fail", "error", "inconclusive", "warn", "no_baseline", "pass")
WARN_SHARE: Final = 0.5
"""A warning earns half of the weight (Keptn's rule)."""
_MISSING_STATUS: Final[dict[OnMissing, ObjectiveStatus]] = {
    "fail": "fail",
    "warn": "warn",
    "inconclusive": "inconclusive",
    "skip": "skipped",
}
_NO_HISTORY_STATUS: Final[dict[OnNoBaseline, ObjectiveStatus]] = {
    "pass": "pass",
    "warn": "no_baseline",
    "fail": "fail",
    "inconclusive": "inconclusive",
}


def judge_objective(objective: Objective, gate: Gate, values: Values) -> ObjectiveResult:
    """Judge with waivers, and without them where they change the value: the better outcome stands.

    So a waiver never worsens, whichever way a gate's criteria point.
    """
    with_waivers = _judge(objective, gate, values, is_waiving=True)
    if not with_waivers.waived:
        return with_waivers
    without = _judge(objective, gate, values, is_waiving=False)
    return max(with_waivers, without, key=_goodness)


def _goodness(result: ObjectiveResult) -> int:
    return BETTER_LAST.index(result.status) if result.status in BETTER_LAST else len(BETTER_LAST)


def _judge(objective: Objective, gate: Gate, values: Values, *, is_waiving: bool) -> ObjectiveResult:
    lines = values.evidence.changed_lines
    found = values.find(objective.measurement, is_waiving=is_waiving)
    if objective.is_new_code and lines is not None and lines < SMALL_CHANGE_LINES:
        said = f"{objective.label} SKIPPED ({lines} changed line{'s' * (lines != 1)} < {SMALL_CHANGE_LINES})"
        return _result(objective, gate, found, "skipped", said)
    if found.value is None:
        return _without_value(objective, gate, found)
    if not math.isfinite(found.value):
        said = f"{objective.label} is {found.value}, which cannot be judged{_in(found)}"
        return _result(objective, gate, found, "error", said)
    if not objective.passes:
        return _result(objective, gate, found, "info", f"{_is(objective, found)}, for information{_in(found)}")
    rule = objective.on_no_baseline or gate.on_no_baseline
    status = _status(objective, found.value, found.baseline, rule)
    return _result(objective, gate, found, status, _sentence(objective, found, status, rule))


def _status(objective: Objective, value: float, baseline: float | None, rule: OnNoBaseline) -> ObjectiveStatus:
    passes = any_group(objective.passes, value, baseline, rule)
    if passes:
        return "pass"
    if passes is None:
        return _NO_HISTORY_STATUS[rule]
    warns = any_group(objective.warns, value, baseline, rule)
    if warns:
        return "warn"
    return _NO_HISTORY_STATUS[rule] if warns is None else "fail"


def any_group(groups: Alternatives, value: float, baseline: float | None, rule: OnNoBaseline) -> bool | None:
    """OR over groups of ANDed criteria, with None for "cannot know": known answers win wherever they decide."""
    results = [_all_of(group, value, baseline, rule) for group in groups]
    if any(result is True for result in results):
        return True
    return None if None in results else False


def _all_of(group: tuple[Criterion, ...], value: float, baseline: float | None, rule: OnNoBaseline) -> bool | None:
    results = [_holds(criterion, value, baseline, rule) for criterion in group]
    if any(result is False for result in results):
        return False
    return None if None in results else True


def _holds(criterion: Criterion, value: float, baseline: float | None, rule: OnNoBaseline) -> bool | None:
    result = criterion.holds(value, baseline)
    if result is None and rule in {"pass", "fail"}:
        return rule == "pass"
    return result


def _without_value(objective: Objective, gate: Gate, found: Found) -> ObjectiveResult:
    label = objective.label
    if not objective.passes and found.lack != "conflict":
        return _result(objective, gate, found, "info", f"{label} was not measured; it is for information only")
    if found.lack == "conflict":
        said = f"the reports contradict each other about {found.about}, so {label} cannot be judged"
        return _result(objective, gate, found, "error", said)
    if found.lack == "absent":
        feeders = f"; it is fed by {', '.join(objective.fed_by)}" if objective.fed_by else ""
        return _result(objective, gate, found, "error", f"no report measures {found.about or label}{feeders}")
    if found.lack == "no_history":
        rule = objective.on_no_baseline or gate.on_no_baseline
        said = f"{label} needs the findings of a passing run, and there is none (on_no_baseline: {rule})"
        return _result(objective, gate, found, _NO_HISTORY_STATUS[rule], said)
    policy = objective.on_missing or gate.on_missing
    said = f"{found.about or label} is missing from the reports (on_missing: {policy})"
    return _result(objective, gate, found, _MISSING_STATUS[policy], said)


def _result(objective: Objective, gate: Gate, found: Found, status: ObjectiveStatus, reason: str) -> ObjectiveResult:
    share = {"pass": 1.0, "warn": WARN_SHARE}.get(status, 0.0)
    return ObjectiveResult(
        name=objective.label,
        measurement=objective.measurement,
        status=status,
        reason=reason,
        value=found.value if found.value is None or math.isfinite(found.value) else None,
        target=written(objective.passes, found.baseline),
        baseline=found.baseline,
        source_file=found.source_file,
        weight=objective.weight,
        points=objective.weight * share,
        is_key=objective.is_key,
        is_error_tolerated=status == "error" and (objective.on_error or gate.on_error) == "warn",
        waived=found.waived,
    )


def _sentence(objective: Objective, found: Found, status: ObjectiveStatus, rule: OnNoBaseline) -> str:
    said = _is(objective, found)
    target = written(objective.passes, found.baseline)
    if status == "pass":
        said += f", meets {target}"
    elif status in {"warn", "fail"}:
        said += f", must be {target}"
    if status == "warn":
        said += f" to pass and is within the warning {written(objective.warns, found.baseline)}"
    if found.baseline is None and _is_relative(objective):
        said += f"; there is no passing run to compare {target} with (on_no_baseline: {rule})"
    elif found.baseline is not None and found.baseline != found.value:
        said += f", was {shown(objective.measurement, found.baseline)}"
    if found.waived:
        said += f", {found.waived} waived"
    if found.which and status in {"warn", "fail"}:
        said += f": {', '.join(found.which)}"
    return said + _in(found)


def _is(objective: Objective, found: Found) -> str:
    value = "nothing" if found.value is None else shown(objective.measurement, found.value)
    return f"{objective.label} is {value}"


def _in(found: Found) -> str:
    return f" ({found.source_file})" if found.source_file else ""


def _is_relative(objective: Objective) -> bool:
    return any(c.is_relative for group in (*objective.passes, *objective.warns) for c in group)


def shown(measurement: str, value: float) -> str:
    """Return a value as people read it: ratings as letters, other figures with at most six significant decimals."""
    return rating_letter(value) if is_rating(measurement) else number_text(round(value, 6))


def written(groups: Alternatives, baseline: float | None) -> str:
    """Return criteria as text, each relative one with the figure it comes to: `<= +10 % (220)`."""
    return " or ".join(" and ".join(_criterion(c, baseline) for c in group) for group in groups)


def _criterion(criterion: Criterion, baseline: float | None) -> str:
    target = criterion.target(baseline)
    if not criterion.is_relative or target is None:
        return criterion.text
    return f"{criterion.text} ({number_text(round(target, 6))})"
