"""Read objectives, and refuse those that judge nothing or can never be met."""

from __future__ import annotations

import math
from typing import Any, Final

from buildgate.domain.gates.criteria import Criterion, CriterionError, compare, parse_criterion
from buildgate.domain.gates.fields import Fields, Path, Problem, kind
from buildgate.domain.gates.model import ON_ERROR, ON_MISSING, ON_NO_BASELINE, Alternatives, Objective
from buildgate.domain.gates.vocabulary import NAMES, is_known, is_percent, is_rating, limits, nearest

OBJECTIVE_KEYS: Final = (
    "measurement", "name", "pass", "warn", "weight", "key", "new_code", "on_missing", "on_no_baseline", "on_error",
    "fed_by",
)  # fmt: skip
_NEW_CODE: Final = ("coverage.changed.", "quality.changed.duplicated_percent")
Bounds = tuple[float, float]


def read_objectives(gate: Fields, own_names: frozenset[str] | None) -> tuple[Objective, ...]:
    """Read the gate's objectives.

    Args:
        gate: The gate's fields.
        own_names: Scores the gate defines itself, valid beside the vocabulary; None takes any name.
    """
    objectives = []
    labels: set[str] = set()
    for item, path in gate.items("objectives", "objectives"):
        fields = Fields.of(item, path, gate.problems, "an objective")
        objective = _objective(fields, own_names)
        if objective.label in labels:
            fix = "give one of them its own name:" if objective.label == objective.measurement else "rename one"
            fields.problem("name", f"two objectives are called {objective.label!r}", fix)
        labels.add(objective.label)
        objectives.append(objective)
    return tuple(objectives)


def _objective(fields: Fields, own_names: frozenset[str] | None) -> Objective:
    measurement = fields.text("measurement", required=True)
    _check_name(fields, measurement, own_names)
    passes = _alternatives(fields, "pass", measurement)
    warns = _alternatives(fields, "warn", measurement)
    is_key = fields.flag("key")
    if warns and not fields.has("pass"):
        fields.problem("warn", "warn without pass judges nothing", "add pass: [...]")
    if is_key and not fields.has("pass"):
        fields.problem("key", "a key objective needs pass criteria", "add pass: [...]")
    if _is_useless(passes, warns):
        fields.problem("warn", "every value that meets warn meets pass already", "make warn the weaker of the two")
    fields.finish(OBJECTIVE_KEYS)
    return Objective(
        measurement=measurement,
        passes=passes,
        warns=warns,
        name=fields.text("name"),
        weight=_weight(fields),
        is_key=is_key,
        is_new_code=fields.flag("new_code", default=measurement.startswith(_NEW_CODE)),
        on_missing=fields.choice("on_missing", ON_MISSING, "fail") if fields.has("on_missing") else None,
        on_no_baseline=fields.choice("on_no_baseline", ON_NO_BASELINE, "warn")
        if fields.has("on_no_baseline")
        else None,
        on_error=fields.choice("on_error", ON_ERROR, "block") if fields.has("on_error") else None,
        fed_by=fields.texts("fed_by"),
    )


def _check_name(fields: Fields, measurement: str, own_names: frozenset[str] | None) -> None:
    if not measurement or own_names is None or measurement in own_names or is_known(measurement):
        return
    near = nearest(measurement, (*NAMES, *own_names))
    fix = f"did you mean {near}?" if near else "see the list of measurements, or name it custom.SOMETHING"
    fields.problem("measurement", f"unknown measurement {measurement!r}", fix)


def _weight(fields: Fields) -> float:
    weight = fields.number("weight", 1.0)
    if weight is None or weight <= 0:
        fields.problem("weight", f"weight is {0 if weight is None else weight:g}: the objective would count for nothing",
                       "write a weight above 0, or drop pass to keep it as information")  # fmt: skip
        return 1.0
    return weight


def _alternatives(fields: Fields, key: str, measurement: str) -> Alternatives:
    value = fields.raw(key)
    if value is None:
        return ()
    path = fields.at(key)
    if isinstance(value, str):
        groups: list[tuple[Any, Path]] = [([value], path)]
    elif isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        groups = [(value, path)]
    elif isinstance(value, list | tuple) and value:
        groups = [(_keptn(group), (*path, index)) for index, group in enumerate(value)]
    else:
        fields.problem(
            key, f"{key} must be criteria, not {kind(value) if value else 'an empty list'}", f'write {key}: ["<= 5"]'
        )
        return ()
    return tuple(group for item, at in groups if (group := _group(item, at, measurement, fields.problems)))


def _keptn(group: Any) -> Any:
    """Take Keptn's `{criteria: [...]}` for a plain list."""
    return group["criteria"] if isinstance(group, dict) and set(group) == {"criteria"} else group


def _group(items: Any, path: Path, measurement: str, problems: list[Problem]) -> tuple[Criterion, ...]:
    if isinstance(items, str):
        items = [items]
    if not isinstance(items, list | tuple) or not items:
        problems.append(Problem(path, f"criteria must be a list of texts, not {kind(items)}", 'write ["<= 5"]'))
        return ()
    found = []
    for index, item in enumerate(items):
        try:
            found.append(_criterion(item, measurement))
        except CriterionError as error:
            problems.append(Problem((*path, index), str(error), error.fix))
    criteria = tuple(found)
    if (why := impossible(criteria, measurement)) is not None:
        problems.append(Problem(path, *why))
    return criteria


def _criterion(item: Any, measurement: str) -> Criterion:
    if not isinstance(item, str):
        raise CriterionError(f"a criterion must be a text, not {kind(item)}", 'write "<= 5" in quotes')
    return parse_criterion(item, is_percent_measurement=is_percent(measurement), is_rating=is_rating(measurement))


def impossible(criteria: tuple[Criterion, ...], measurement: str) -> tuple[str, str] | None:
    """Return why no value of the measurement meets all these absolute criteria, with a fix; None when one could."""
    low, high = limits(measurement)
    fixed = [c for c in criteria if not c.is_relative]
    least, most = (-math.inf if low is None else low), (math.inf if high is None else high)
    candidates = {least, most, *(c.value for c in fixed)}
    for value in sorted({c.value for c in fixed}):
        candidates |= {math.nextafter(value, -math.inf), math.nextafter(value, math.inf)}
    if not fixed or any(
        least <= value <= most and all(compare(value, c.operator, c.value) for c in fixed) for value in candidates
    ):
        return None
    written = " and ".join(c.text for c in fixed)
    if len(fixed) > 1:
        return f"{written} can never hold together", "put alternatives into separate lists"
    return f"{measurement} can never be {written}: it lies between {least:g} and {most:g}", "correct the figure"


def _is_useless(passes: Alternatives, warns: Alternatives) -> bool:
    """Whether warn adds nothing: one absolute criterion each, the same way, and warn no weaker than pass."""
    if len(passes) != 1 or len(warns) != 1 or len(passes[0]) != 1 or len(warns[0]) != 1:
        return False
    strict, weak = passes[0][0], warns[0][0]
    if strict.is_relative or weak.is_relative or strict.direction == 0 or strict.direction != weak.direction:
        return False
    return (weak.value - strict.value) * strict.direction > 0 or strict == weak
