"""A gate as plain JSON data, in the shape of a gate file, without what is default."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from buildgate.domain.gates.criteria import plain
from buildgate.domain.gates.model import Alternatives, BaselineRule, ControlSet, Gate, Manual, Objective, Score
from buildgate.domain.gates.waiver_data import waiver_to_data

if TYPE_CHECKING:
    from collections.abc import Mapping


def gate_to_data(gate: Gate) -> dict[str, Any]:
    """Return what `parse` reads back as an equal gate; the preset is already expanded, its name kept as `from`."""
    data: dict[str, Any] = {"name": gate.name}
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("description", gate.description, ""),
        ("owner", gate.owner, ""),
        ("from_preset", gate.preset, ""),
        ("mode", gate.mode, "enforce"),
        ("blocking", not gate.is_advisory, True),
        ("on_error", gate.on_error, "block"),
        ("on_missing", gate.on_missing, "fail"),
        ("on_no_baseline", gate.on_no_baseline, "warn"),
        ("total_score", _numbers({"pass": gate.total_pass, "warn": gate.total_warn}), {}),
        ("baseline", _baseline(gate.baseline), {}),
        ("scores", {score.name: _score(score) for score in gate.scores}, {}),
        ("control_sets", {found.name: _control_set(found) for found in gate.control_sets}, {}),
        ("waivers", [waiver_to_data(waiver) for waiver in gate.waivers], []),
        ("reports", list(gate.reports), []),
        ("sources", [source.to_data() for source in gate.sources], []),
        ("objectives", [_objective(objective) for objective in gate.objectives], []),
    )
    data.update({key: value for key, value, default in pairs if value != default})
    if gate.manual is not None:
        data["manual"] = _manual(gate.manual)
    return data


def _numbers(data: Mapping[str, float | None]) -> dict[str, float]:
    return {key: plain(value) for key, value in data.items() if value is not None}


def _baseline(rule: BaselineRule) -> dict[str, Any]:
    default = asdict(BaselineRule())
    return {key: value for key, value in asdict(rule).items() if value != default[key]}


def _score(score: Score) -> dict[str, Any]:
    bounds = _numbers({"at_least": score.at_least, "at_most": score.at_most})
    return {"start": plain(score.start), "per": {name: plain(figure) for name, figure in score.per}, **bounds}


def _control_set(found: ControlSet) -> dict[str, Any]:
    controls = [{"id": c.id, "title": c.title, "evidence": list(c.evidence)} for c in found.controls]
    return {"title": found.title, "controls": controls}


def _manual(manual: Manual) -> dict[str, Any]:
    data: dict[str, Any] = {"approvers": list(manual.approvers), "required": manual.required}
    data["timeout"] = manual.timeout_minutes
    if manual.checklist:
        data["checklist"] = list(manual.checklist)
    if manual.instructions:
        data["instructions"] = manual.instructions
    if manual.when != "always":
        data["when"] = manual.when
    return data


def _objective(objective: Objective) -> dict[str, Any]:
    data: dict[str, Any] = {"measurement": objective.measurement}
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("name", objective.name, ""),
        ("pass", _criteria(objective.passes), []),
        ("warn", _criteria(objective.warns), []),
        ("weight", plain(objective.weight), 1),
        ("key", objective.is_key, False),
        ("new_code", objective.is_new_code, None),
        ("on_missing", objective.on_missing, None),
        ("on_no_baseline", objective.on_no_baseline, None),
        ("on_error", objective.on_error, None),
        ("fed_by", list(objective.fed_by), []),
    )
    data.update({key: value for key, value, default in pairs if value != default})
    return data


def _criteria(groups: Alternatives) -> list[Any]:
    texts = [[criterion.text for criterion in group] for group in groups]
    return texts[0] if len(texts) == 1 else texts
