"""Where an objective's value comes from: a report, another measurement, or nowhere."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from buildgate.domain.gates.model import COMPARED_FINDINGS, Control, ControlSet, Gate, Score
from buildgate.domain.gates.vocabulary import FINDING_COUNTS, family

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate.domain.gates.evidence import Evidence
    from buildgate.domain.gates.waivers import Waived

Lack = Literal["", "absent", "missing", "conflict", "no_history"]
SECURITY_SCORE: Final = Score(
    "security.score",
    100.0,
    (("findings.critical", -40.0), ("findings.high", -10.0), ("findings.medium", -2.0)),
    0.0,
    100.0,
)
OPEN: Final = frozenset({"failed", "manual"})
_LEFT_OUT: Final = "not_applicable"
_CONTROL_COUNTS: Final = ("passed", "failed", "manual", "not_applicable", "missing")


@dataclass(frozen=True, slots=True)
class Found:
    """A value and its origin. When `value` is None, `lack` says why and `about` names what is lacking.

    `which` names what a count is of, where a person must know it to act: the controls that do not hold.
    """

    value: float | None
    source_file: str = ""
    baseline: float | None = None
    lack: Lack = ""
    about: str = ""
    waived: int = 0
    which: tuple[str, ...] = ()


@dataclass(slots=True)
class Values:
    """Looks measurements up in the evidence, with or without the findings that waivers take out.

    `overrides` replaces values, derived ones too: the "what if" of a counterfactual.
    """

    gate: Gate
    evidence: Evidence
    waived: Waived
    overrides: Mapping[str, float] = field(default_factory=dict)
    _families: frozenset[str] | None = None
    _listed: Counter[str] | None = None

    def find(self, name: str, *, is_waiving: bool) -> Found:
        """Return the measurement's value, or why there is none. What a report measures outright is not derived."""
        if name in self.overrides:
            return Found(self.overrides[name], "assumed", self._baseline(name))
        if name in self.evidence.measurements:
            return self._measured(name, is_waiving=is_waiving)
        score = self._score(name)
        if score is not None:
            return self._scored(score, is_waiving=is_waiving)
        if name.startswith(COMPARED_FINDINGS):
            return self._compared(name, is_waiving=is_waiving)
        control_set = self._control_set(name)
        if control_set is not None:
            return self._controls(control_set, name.rpartition(".")[2], is_waiving=is_waiving)
        return self._measured(name, is_waiving=is_waiving)

    def _baseline(self, name: str) -> float | None:
        return None if self.evidence.baseline is None else self.evidence.baseline.measurements.get(name)

    def _measured(self, name: str, *, is_waiving: bool) -> Found:
        measured = self.evidence.measurements.get(name)
        if measured is None:
            return Found(None, "", self._baseline(name), self._lack(name), name)
        waived = self._waived_of(name) if is_waiving else 0
        value = max(measured.value - waived, 0.0) if waived else measured.value
        return Found(value, measured.source_file, self._baseline(name), "", "", waived)

    def _lack(self, name: str) -> Lack:
        if name in self.evidence.conflicts:
            return "conflict"
        return "missing" if self._has(family(name)) else "absent"

    def _has(self, kind: str) -> bool:
        if self._families is None:
            self._families = frozenset(map(family, self.evidence.measurements))
        return kind in self._families

    def _waived_of(self, name: str) -> int:
        if name in {"compliance.failed", "compliance.manual"}:
            status = name.rpartition(".")[2]
            return sum(self.evidence.controls.get(one) == status for one in self.waived.controls)
        what, _, count = name.partition(".")
        if what != "findings" or count not in FINDING_COUNTS:
            return 0
        return len(self.waived.positions) if count == "total" else self.waived.by_severity.get(count, 0)

    def _score(self, name: str) -> Score | None:
        own = next((score for score in self.gate.scores if score.name == name), None)
        return SECURITY_SCORE if own is None and name == SECURITY_SCORE.name else own

    def _scored(self, score: Score, *, is_waiving: bool) -> Found:
        parts = [(self.find(name, is_waiving=is_waiving), figure) for name, figure in score.per]
        lacking = next((part for part, _ in parts if part.value is None), None)
        if lacking is not None:
            return Found(None, "", None, lacking.lack, lacking.about)
        now = _total(score, [(part.value, figure) for part, figure in parts])
        before = self._baseline(score.name)
        if before is None:
            before = _total(score, [(part.baseline, figure) for part, figure in parts])
        files = ", ".join(dict.fromkeys(part.source_file for part, _ in parts))
        return Found(now, files, before, "", "", sum(part.waived for part, _ in parts))

    def _compared(self, name: str, *, is_waiving: bool) -> Found:
        """Count findings against the baseline's. Those a reader counted but did not list are taken for new."""
        if not self._has("findings"):
            return Found(None, "", None, "absent", name)
        before = self.evidence.baseline.fingerprints if self.evidence.baseline else None
        if before is None:
            return Found(None, "", None, "no_history", name)
        _, kind, severity = name.split(".")
        open_now = [(at, f) for at, f in enumerate(self.evidence.findings) if not f.is_suppressed]
        if kind == "fixed":
            present = {f.fingerprint for f in self.evidence.findings}
            return Found(float(len(before - present)), "baseline")
        is_new = kind == "new"
        hits = [
            at for at, f in open_now if severity in {"total", f.severity} and (f.fingerprint not in before) is is_new
        ]
        waived = len(self.waived.positions.intersection(hits)) if is_waiving else 0
        count = len(hits) - waived + (self._unlisted(severity) if is_new else 0)
        source = self.evidence.measurements.get("findings.total")
        return Found(float(count), source.source_file if source else "", None, "", "", waived)

    def _unlisted(self, severity: str) -> int:
        if self._listed is None:
            self._listed = Counter(f.severity for f in self.evidence.findings if not f.is_suppressed)
            self._listed["total"] = sum(self._listed.values())
        counted = self.evidence.measurements.get(f"findings.{severity}")
        return max(int(counted.value) - self._listed[severity], 0) if counted else 0

    def _control_set(self, name: str) -> ControlSet | None:
        what, _, rest = name.partition(".")
        set_name, _, count = rest.rpartition(".")
        if what != "compliance" or count not in _CONTROL_COUNTS:
            return None
        return next((found for found in self.gate.control_sets if found.name == set_name), None)

    def _controls(self, control_set: ControlSet, count: str, *, is_waiving: bool) -> Found:
        name = f"compliance.{control_set.name}.{count}"
        if not self.evidence.controls:
            return Found(None, "", None, "absent", name)
        plain = {control.id: control_status(control, self.evidence.controls) for control in control_set.controls}
        results = self._without_waived(control_set, plain) if is_waiving else plain
        unproven = sorted(control for control, status in results.items() if status == "missing")
        if unproven and count != "missing":
            return Found(None, "", None, "absent", f"control {', '.join(unproven)} of {control_set.name}")
        source = self.evidence.measurements.get("compliance.failed")
        counted = tuple(sorted(control for control, status in results.items() if status == count))
        waived = abs(sum(status == count for status in plain.values()) - len(counted))
        file = source.source_file if source else ""
        return Found(float(len(counted)), file, self._baseline(name), "", "", waived, counted)

    def _without_waived(self, control_set: ControlSet, plain: Mapping[str, str]) -> dict[str, str]:
        """Return the controls' results with those not applicable that a waiver names, itself or by its checks."""
        waived = self.waived.controls
        checks = {name: _LEFT_OUT if name in waived else status for name, status in self.evidence.controls.items()}
        left = {control.id: control_status(control, checks) for control in control_set.controls}
        return {name: _LEFT_OUT if name in waived and plain[name] in OPEN else status for name, status in left.items()}


def controls_that_do_not_hold(gate: Gate, evidence: Evidence) -> frozenset[str]:
    """Return the checks, and the controls of the gate's sets, that failed or wait for people: what can be waived."""
    checks = {name for name, status in evidence.controls.items() if status in OPEN}
    of_sets = (control for found in gate.control_sets for control in found.controls)
    return frozenset(checks | {one.id for one in of_sets if control_status(one, evidence.controls) in OPEN})


def _total(score: Score, parts: list[tuple[float | None, float]]) -> float | None:
    terms = []
    for value, figure in parts:
        if value is None:
            return None
        terms.append(value * figure)
    total = math.fsum([score.start, *terms])
    if score.at_least is not None:
        total = max(total, score.at_least)
    return min(total, score.at_most) if score.at_most is not None else total


def control_status(control: Control, results: Mapping[str, str]) -> str:
    """Return what the checks named as evidence say together: the worst of them, or `missing` when none ran."""
    patterns = tuple(control.evidence)
    found = {status for check, status in results.items() if _any_of(patterns).fullmatch(check)}
    return next((status for status in ("failed", "manual", "passed", "not_applicable") if status in found), "missing")


@lru_cache(maxsize=512)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))
