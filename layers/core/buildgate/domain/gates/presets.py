"""Gates that come with Buildgate, kept as data, and how a gate builds upon one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.gates.vocabulary import nearest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDER: Final = "presets"


def _folder() -> Traversable:
    from importlib.resources import files  # noqa: PLC0415  # slow to import, and most gates name no preset

    return files("buildgate") / "data" / FOLDER


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the presets' names in alphabetical order."""
    entries = [entry.name for entry in _folder().iterdir()]
    return tuple(sorted(name.removesuffix(".json") for name in entries if name.endswith(".json")))


@lru_cache(maxsize=32)
def _text(name: str) -> str:
    return (_folder() / f"{name}.json").read_text(encoding="utf-8")


def data_of(name: str) -> dict[str, Any]:
    """Return a preset as plain data, a fresh copy each time. KeyError for a name that is none."""
    if name not in names():
        raise KeyError(name)
    data: dict[str, Any] = json.loads(_text(name))
    return data


@dataclass(frozen=True, slots=True)
class Expanded:
    """A preset with a gate's own keys laid over it.

    `origins` says, for each objective, its position in the gate's own list; None for one that is the preset's.
    `problem` is what is wrong with the reference: a sentence and a fix.
    """

    data: dict[str, Any]
    origins: tuple[int | None, ...] = ()
    problem: tuple[str, str] | None = None


def expand(name: str, own: Mapping[str, Any]) -> Expanded:
    """Lay a gate's own keys over a preset.

    Own objectives replace the fields of the preset's objective of the same name (or measurement) and are appended
    otherwise; `remove: true` drops one. Mappings (total_score, baseline, scores, manual) merge; all else replaces.
    """
    if name not in names():
        near = nearest(name, names())
        fix = f"did you mean {near}?" if near else f"presets: {', '.join(names())}"
        return Expanded(dict(own), problem=(f"there is no preset {name!r}", fix))
    merged = data_of(name)
    merged.setdefault("name", name)
    origins: list[int | None] = [None] * len(merged.get("objectives", []))
    for key, value in own.items():
        if key == "objectives" and isinstance(value, list | tuple):
            merged[key] = _overlay(merged.get(key, []), value, origins)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = {**merged[key], **value}
        elif value is not None:
            merged[key] = value
    return Expanded(merged, tuple(origins))


def _label(objective: Any) -> Any:
    if not isinstance(objective, Mapping):
        return None
    return objective.get("name") or objective.get("measurement")


def _overlay(base: list[Any], own: list[Any] | tuple[Any, ...], origins: list[int | None]) -> list[Any]:
    merged = list(base)
    labels = [_label(objective) for objective in merged]
    for index, objective in enumerate(own):
        label = _label(objective)
        if label is None or label not in labels:
            merged.append(objective)
            origins.append(index)
            continue
        at = labels.index(label)
        if objective.get("remove") is True:
            del merged[at], labels[at], origins[at]
        else:
            merged[at] = {**merged[at], **objective}
            origins[at] = index
    return merged
