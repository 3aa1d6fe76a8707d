"""The door for gate files: one gate, several, or those of a pipeline file; and the JSON Schema of what they may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from buildgate.domain.gates import Gate, GateFileError, Problem, Waiver, model, parse, parse_waivers, presets
from buildgate.domain.gates.fields import kind
from buildgate.domain.gates.vocabulary import NAMES, OPEN_FAMILIES
from buildgate.inbound.source_schema import source_schema

GATE_KEYS: Final = frozenset({"objectives", "preset", "manual"})


@dataclass(frozen=True, slots=True)
class GateFile:
    """The gates of a file, and the waivers that hold for all of them."""

    gates: tuple[Gate, ...]
    waivers: tuple[Waiver, ...] = ()


def parse_file(data: Any) -> GateFile:
    """Return the gates that plain data describes.

    Args:
        data: A gate; a list of gates; a mapping with `gates` and perhaps `waivers`; or a pipeline, whose stages' gates
            are taken.

    Raises:
        GateFileError: With every problem and the path of the value it is about.
    """
    problems: list[Problem] = []
    gates = []
    for item, path in _items(data, problems):
        try:
            gates.append(parse(item))
        except GateFileError as error:
            problems += [Problem((*path, *p.path), p.message, p.fix) for p in error.problems]
    waivers = _waivers(data, problems)
    names = [gate.name for gate in gates]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem((), f"two gates are called {name!r}", "give each its own name"))
    if not gates and not problems:
        problems.append(Problem((), "the file holds no gate", "write objectives: or preset:"))
    if problems:
        raise GateFileError(problems)
    return GateFile(tuple(gates), waivers)


def _items(data: Any, problems: list[Problem]) -> list[tuple[Any, tuple[str | int, ...]]]:
    if isinstance(data, list):
        return [(item, (index,)) for index, item in enumerate(data)]
    if not isinstance(data, Mapping):
        problems.append(Problem((), f"the file holds {kind(data)}", "write name: and objectives:"))
        return []
    if isinstance(data.get("stages"), list):
        return [
            (gate, ("stages", at, "gates", place))
            for at, stage in enumerate(data["stages"])
            if isinstance(stage, Mapping) and isinstance(stage.get("gates"), list)
            for place, gate in enumerate(stage["gates"])
        ]
    if "gates" not in data:
        return [(data, ())]
    listed = data["gates"]
    unknown = [str(key) for key in data if key not in {"gates", "waivers"}]
    problems += [Problem((key,), f"unknown key {key!r}", "beside gates only waivers may stand") for key in unknown]
    if not isinstance(listed, list):
        problems.append(Problem(("gates",), f"gates must be a list of gates, not {kind(listed)}", "write gates: [...]"))
        return []
    return [(item, ("gates", index)) for index, item in enumerate(listed)]


def _waivers(data: Any, problems: list[Problem]) -> tuple[Waiver, ...]:
    if not isinstance(data, Mapping) or "gates" not in data or not data.get("waivers"):
        return ()
    try:
        return parse_waivers({"waivers": data["waivers"]})
    except GateFileError as error:
        problems += error.problems
        return ()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a gate file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Buildgate gate file",
        "anyOf": [
            {"$ref": "#/$defs/gate"},
            {"type": "array", "items": {"$ref": "#/$defs/gate"}, "minItems": 1},
            {
                "type": "object",
                "required": ["gates"],
                "additionalProperties": False,
                "properties": {
                    "gates": {"type": "array", "items": {"$ref": "#/$defs/gate"}, "minItems": 1},
                    "waivers": {"type": "array", "items": {"$ref": "#/$defs/waiver"}},
                },
            },
        ],
        "$defs": {
            "gate": _gate_schema(),
            "objective": _objective_schema(),
            "criteria": _criteria_schema(),
            "waiver": _waiver_schema(),
            "manual": _manual_schema(),
            "source": source_schema(),
        },
    }


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | {"required": list(required)} if required else schema


def _texts() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "minLength": 1}}


def _gate_schema() -> dict[str, Any]:
    percent = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
    total = _closed({"pass": percent, "warn": percent}, "pass")
    controls = _closed({"id": {"type": "string"}, "title": {"type": "string"}, "evidence": _texts()}, "id", "evidence")
    control_set = _closed({"title": {"type": "string"}, "controls": {"type": "array", "items": controls}}, "controls")
    per = {"type": "object", "additionalProperties": {"type": "number"}}
    number = {"type": "number"}
    score = _closed({"start": number, "per": per, "at_least": number, "at_most": number}, "per")
    properties = {
        "name": {"type": "string", "minLength": 1},
        "preset": {"enum": list(presets.names())},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "owner": {"type": "string"},
        "mode": {"enum": list(model.MODES), "default": "enforce"},
        "blocking": {"type": "boolean", "default": True},
        "on_error": {"enum": list(model.ON_ERROR), "default": "block"},
        "on_missing": {"enum": list(model.ON_MISSING), "default": "fail"},
        "on_no_baseline": {"enum": list(model.ON_NO_BASELINE), "default": "warn"},
        "total_score": {"anyOf": [percent, total]},
        "baseline": _baseline_schema(),
        "scores": {"type": "object", "additionalProperties": score},
        "control_sets": {"type": "object", "additionalProperties": control_set},
        "waivers": {"type": "array", "items": {"$ref": "#/$defs/waiver"}},
        "reports": _texts(),
        "sources": {"type": "array", "items": {"$ref": "#/$defs/source"}},
        "objectives": {"type": "array", "items": {"$ref": "#/$defs/objective"}},
        "manual": {"$ref": "#/$defs/manual"},
    }
    one_of = [{"required": [key]} for key in sorted(GATE_KEYS)]
    return {**_closed(properties), "anyOf": one_of}


def _baseline_schema() -> dict[str, Any]:
    return _closed(
        {
            "compare_with": {"enum": list(model.COMPARE_WITH)},
            "results": {"type": "integer", "minimum": 1},
            "aggregate": {"enum": list(model.AGGREGATES), "default": "avg"},
            "include": {"enum": list(model.INCLUDES), "default": "pass"},
            "branch": {"type": "string"},
            "run": {"type": "string"},
        }
    )


def _objective_schema() -> dict[str, Any]:
    open_names = {"pattern": rf"^({'|'.join(OPEN_FAMILIES)})\."}
    properties = {
        "measurement": {"type": "string", "anyOf": [{"enum": sorted(NAMES)}, open_names]},
        "name": {"type": "string"},
        "pass": {"$ref": "#/$defs/criteria"},
        "warn": {"$ref": "#/$defs/criteria"},
        "weight": {"type": "number", "exclusiveMinimum": 0, "default": 1},
        "key": {"type": "boolean", "default": False},
        "new_code": {"type": "boolean"},
        "on_missing": {"enum": list(model.ON_MISSING)},
        "on_no_baseline": {"enum": list(model.ON_NO_BASELINE)},
        "on_error": {"enum": list(model.ON_ERROR)},
        "fed_by": _texts(),
        "remove": {"const": True, "description": "Drop this objective of the preset."},
    }
    return _closed(properties, "measurement")


def _criteria_schema() -> dict[str, Any]:
    text = {"type": "string", "pattern": r"^\s*(<=|>=|==|!=|=|<|>)", "examples": ["<= 0", ">= 80", "<= +10 %"]}
    group = {"type": "array", "items": text, "minItems": 1}
    return {
        "description": "Criteria in one list must all hold; of several lists one must.",
        "anyOf": [text, group, {"type": "array", "items": group, "minItems": 1}],
    }


def _waiver_schema() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    properties = {
        "finding": text,
        "rule": text,
        "path": text,
        "control": text,
        "reason": text,
        "owner": text,
        "expires": {"type": "string", "format": "date"},
    }
    schema = _closed(properties, "reason", "owner", "expires")
    return schema | {"oneOf": [{"required": ["finding"]}, {"required": ["rule"]}, {"required": ["control"]}]}


def _manual_schema() -> dict[str, Any]:
    return _closed(
        {
            "approvers": {**_texts(), "minItems": 1},
            "required": {"type": "integer", "minimum": 1},
            "timeout": {"type": ["string", "integer"], "examples": ["24h"]},
            "checklist": _texts(),
            "instructions": {"type": "string"},
            "when": {"enum": list(model.WHENS), "default": "always"},
        },
        "approvers",
    )
