"""What tool reports measure: one vocabulary of values for every format, and how several reports become one.

A report is read once into these values; gates judge them and never see a file. Names of measurements are those of
`buildgate.domain.gates.vocabulary`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Severity = Literal["critical", "high", "medium", "low", "info", "unknown"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low", "info", "unknown")
"""From the worst down; `unknown` is what a tool would not rate."""

CaseStatus = Literal["passed", "failed", "errored", "skipped"]
ControlStatus = Literal["passed", "failed", "manual", "not_applicable"]
CONTROL_STATUSES: Final[tuple[ControlStatus, ...]] = ("failed", "manual", "passed", "not_applicable")
"""From the worst down: a control with several results has the worst of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a scanner found.

    `fingerprint` stays the same while the thing stays, whatever lines are added above it; gates compare runs by it.
    `rule` is the tool's own id (a CVE, a rule name). A suppressed finding is listed but counted apart.
    """

    rule: str
    severity: Severity
    message: str = ""
    file: str | None = None
    line: int | None = None
    fingerprint: str = ""
    package: str | None = None
    fixed_version: str | None = None
    is_suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. Readers keep the ones that did not pass, or passed only when run again."""

    name: str
    status: CaseStatus
    suite: str = ""
    message: str = ""
    duration_seconds: float = 0.0
    is_flaky: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """One compliance control (a check id of the tool) and the worst of its results."""

    id: str
    status: ControlStatus
    title: str = ""


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """Lines and branches of one source file: covered, and all that could be."""

    file: str
    lines_covered: int
    lines_total: int
    branches_covered: int = 0
    branches_total: int = 0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A figure in a report's header that its own body does not bear out.

    The recount is what is measured. `is_header_better` marks the direction in which trusting the header would let
    a gate pass: a report of that kind was made by a broken tool or by someone who wants it to pass.
    """

    measurement: str
    header: float
    recount: float
    is_header_better: bool

    def __str__(self) -> str:
        tail = ", which would look better" if self.is_header_better else ""
        return f"the header says {self.measurement} {self.header:g}{tail}; the body counts {self.recount:g}"


@dataclass(frozen=True, slots=True)
class Report:
    """One report file, read.

    `cases` and `findings` are bounded lists (the worst are kept); the counts in `measurements` are of everything.
    A measurement that the format does not carry is absent, never zero.
    """

    file: str
    format: str
    measurements: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    controls: tuple[Control, ...] = ()
    files: tuple[FileCoverage, ...] = ()
    licences: Mapping[str, int] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not read, and why: `reason_code` is stable and for machines, `message` is for people."""

    file: str
    reason_code: str
    message: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and the file it was read from (several are joined by commas)."""

    value: float
    source_file: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Several reports as one. `conflicts` names what the reports contradict each other about; those have no value."""

    measurements: Mapping[str, Measured]
    findings: tuple[Finding, ...] = ()
    cases: tuple[Case, ...] = ()
    controls: tuple[Control, ...] = ()
    warnings: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    conflicts: tuple[str, ...] = ()


_LEAST: Final = frozenset(
    {
        "performance.rps",
        "performance.min_ms",
        "quality.hotspots_reviewed_percent",
        "quality.changed.hotspots_reviewed_percent",
    }
)
_GREATEST: Final = frozenset(
    {
        *(f"performance.{name}_ms" for name in ("mean", "max", "p50", "p75", "p90", "p95", "p99")),
        "performance.error_percent",
        "quality.duplicated_percent",
        "quality.changed.duplicated_percent",
        *(f"quality.{name}_rating" for name in ("maintainability", "reliability", "security")),
    }
)
_SUMMED: Final = frozenset({"tests", "findings", "compliance", "components", "changes", "cost", "quality", "coverage"})
_SUMMED_TOO: Final = frozenset({"performance.requests", "performance.thresholds_failed"})
_RESTATES: Final = {"sonar-status": "sonar-measures"}
"""Formats that say again what another one says of the same analysis: an equal figure is counted once."""

FILES_NAMED: Final = 8
"""How many files a measurement over several reports names: verdicts are stored, and builds report files by the hundred."""


def merge(reports: Iterable[Report]) -> Merged:
    """Return the measurements of several reports together; the order of the reports does not matter.

    Counts, costs and durations add up, but for a figure that one format restates from another. A coverage percentage
    is worked out again from the covered and total points; where a report gives none, the lowest percentage stands.
    Of response times, error rates and ratings the worst stands. Any other name (model metrics) must have one value:
    two different ones are a conflict and give none.
    """
    ordered = sorted(reports, key=_report_key)
    by_name: dict[str, list[tuple[float, str]]] = {}
    stated = {(report.format, name, value) for report in ordered for name, value in report.measurements.items()}
    for report in ordered:
        for name, value in report.measurements.items():
            if (_RESTATES.get(report.format), name, value) not in stated:
                by_name.setdefault(name, []).append((value, report.file))
    measured: dict[str, Measured] = {}
    conflicts: list[str] = []
    for name in sorted(by_name):
        combined = _combined(name, by_name)
        if combined is None:
            conflicts.append(name)
        else:
            measured[name] = Measured(combined, _named([file for _, file in by_name[name]]))
    return Merged(
        measurements=measured,
        findings=tuple(sorted((f for r in ordered for f in r.findings), key=finding_key)),
        cases=tuple(case for report in ordered for case in report.cases),
        controls=worst_of(control for report in ordered for control in report.controls),
        warnings=tuple(f"{report.file}: {warning}" for report in ordered for warning in report.warnings),
        disagreements=tuple(d for report in ordered for d in report.disagreements),
        conflicts=tuple(conflicts),
    )


def _named(files: Sequence[str]) -> str:
    """Return the files by name, each once; of many only the first, and how many more there are."""
    each = list(dict.fromkeys(files))
    more = len(each) - FILES_NAMED
    return ", ".join(each) if more <= 0 else f"{', '.join(each[:FILES_NAMED])} and {more} more"


def _report_key(report: Report) -> tuple[str, str, str]:
    return report.file, report.format, repr(sorted(report.measurements.items()))


def _combined(name: str, by_name: Mapping[str, Sequence[tuple[float, str]]]) -> float | None:
    values = [value for value, _ in by_name[name]]
    family = name.partition(".")[0]
    if len(values) == 1:
        return values[0]
    if family == "coverage" and name.endswith("_percent"):
        return _percent_again(name, by_name, values)
    if name in _LEAST:
        return min(values)
    if name in _GREATEST:
        return max(values)
    if family in _SUMMED or name in _SUMMED_TOO:
        return math.fsum(values)
    return values[0] if len(set(values)) == 1 else None


def _percent_again(name: str, by_name: Mapping[str, Sequence[tuple[float, str]]], values: Sequence[float]) -> float:
    """Return the percentage over all reports, or the lowest one when a report does not say of how many points."""
    points = name.removesuffix("_percent")
    covered, total = by_name.get(f"{points}.covered", ()), by_name.get(f"{points}.total", ())
    if len(covered) != len(values) or len(total) != len(values):
        return min(values)
    return percent(math.fsum(value for value, _ in covered), math.fsum(value for value, _ in total), empty=min(values))


def percent(part: float, whole: float, *, empty: float = 0.0) -> float:
    """Return `part` of `whole` in per cent, 0 to 100 for parts within the whole; `empty` when there is no whole."""
    return 100.0 * part / whole if whole else empty


def finding_key(finding: Finding) -> tuple[int, str, str, int, str, str]:
    """Sort findings from the worst down, then by place and rule, so that lists are the same in every run."""
    return (
        SEVERITIES.index(finding.severity),
        finding.file or "",
        finding.rule,
        finding.line or 0,
        finding.fingerprint,
        finding.message,
    )


def worst_of(controls: Iterable[Control]) -> tuple[Control, ...]:
    """Return each control once, with the worst of its results, sorted by id."""
    worst: dict[str, Control] = {}
    for control in controls:
        known = worst.get(control.id)
        rank = CONTROL_STATUSES.index
        if known is None or (rank(control.status), control.title) < (rank(known.status), known.title):
            worst[control.id] = control
    return tuple(worst[key] for key in sorted(worst))
