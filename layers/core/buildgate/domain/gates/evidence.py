"""What a gate is judged on. A verdict is a function of the gate and this value, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.gates.criteria import plain
from buildgate.domain.gates.waiver_data import waiver_from_data, waiver_to_data
from buildgate.domain.measurements import Finding, Measured, Refusal
from buildgate.domain.times import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from buildgate.domain.gates.model import Waiver

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pin:
    """Exactly which bytes were judged: the report's SHA-256, and its version in the bucket where there is one."""

    file: str
    sha256: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Earlier results to compare with, from passing runs only. `fingerprints` None means findings were not kept."""

    measurements: Mapping[str, float]
    runs: tuple[str, ...] = ()
    fingerprints: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict depends on besides the gate.

    `refused` are reports that were expected or given and could not be read (reason code `absent` for one that is not
    there); `conflicts` name what reports contradict each other about; `notes` is what the readers warned of.
    `changed_lines` is how many lines differ between the run's base and head, None when unknown. `now` decides which
    waivers have expired. `controls` holds the result of each compliance check by its id: passed, failed, manual or
    not_applicable. `waivers` are those of the table, beside the gate's own.
    """

    measurements: Mapping[str, Measured] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    baseline: Baseline | None = None
    findings: tuple[Finding, ...] = ()
    controls: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    changed_lines: int | None = None
    now: datetime = EPOCH
    pins: tuple[Pin, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON data, without what is empty; measurements are grouped by their file to stay small."""
        data: dict[str, Any] = {"now": to_text(self.now), "measurements": _by_file(self.measurements)}
        if self.refused:
            data["refused"] = sorted([r.file, r.reason_code, r.message] for r in self.refused)
        if self.baseline is not None:
            data["baseline"] = baseline_to_data(self.baseline)
        if self.findings:
            data["findings"] = sorted((finding_to_data(f) for f in self.findings), key=canonical)
        if self.controls:
            data["controls"] = dict(sorted(self.controls.items()))
        if self.waivers:
            data["waivers"] = sorted((waiver_to_data(w) for w in self.waivers), key=canonical)
        if self.changed_lines is not None:
            data["changed_lines"] = self.changed_lines
        if self.pins:
            data["pins"] = sorted([p.file, p.sha256, p.version] for p in self.pins)
        for key, texts in (("conflicts", self.conflicts), ("notes", self.notes)):
            if texts:
                data[key] = sorted(texts)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Evidence:
        """Read what `to_data` wrote."""
        baseline = data.get("baseline")
        return cls(
            measurements={
                name: Measured(float(value), file)
                for file, values in data.get("measurements", NOTHING).items()
                for name, value in values.items()
            },
            refused=tuple(Refusal(*row) for row in data.get("refused", ())),
            baseline=None if baseline is None else baseline_from_data(baseline),
            findings=tuple(Finding(**row) for row in data.get("findings", ())),
            controls=dict(data.get("controls", NOTHING)),
            waivers=tuple(waiver_from_data(row) for row in data.get("waivers", ())),
            changed_lines=data.get("changed_lines"),
            now=from_text(data["now"]),
            pins=tuple(Pin(*row) for row in data.get("pins", ())),
            conflicts=tuple(data.get("conflicts", ())),
            notes=tuple(data.get("notes", ())),
        )

    def digest(self) -> str:
        """Return the SHA-256 of the canonical form: equal evidence in any order of reports has an equal digest."""
        return hashlib.sha256(canonical(self.to_data()).encode()).hexdigest()


def canonical(data: Any) -> str:
    """Return JSON text that is the same for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def finding_to_data(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON data, without what is unset."""
    unset = {f.name: f.default for f in fields(finding)}
    return {name: value for name in unset if (value := getattr(finding, name)) != unset[name]}


def baseline_to_data(baseline: Baseline) -> dict[str, Any]:
    """Return plain JSON data."""
    data: dict[str, Any] = {
        "measurements": {name: plain(value) for name, value in sorted(baseline.measurements.items())},
        "runs": list(baseline.runs),
    }
    if baseline.fingerprints is not None:
        data["fingerprints"] = sorted(baseline.fingerprints)
    return data


def baseline_from_data(data: Mapping[str, Any]) -> Baseline:
    """Read what `baseline_to_data` wrote."""
    prints: Iterable[str] | None = data.get("fingerprints")
    values = {name: float(value) for name, value in data["measurements"].items()}
    return Baseline(values, tuple(data.get("runs", ())), None if prints is None else frozenset(prints))


def _by_file(measurements: Mapping[str, Measured]) -> dict[str, dict[str, float]]:
    grouped: dict[str, dict[str, float]] = {}
    for name in sorted(measurements):
        measured = measurements[name]
        grouped.setdefault(measured.source_file, {})[name] = plain(measured.value)
    return dict(sorted(grouped.items()))
