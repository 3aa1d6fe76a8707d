"""A gate as a value: what is judged, how strictly, and what happens when it cannot be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from buildgate.domain.gates.criteria import Criterion

if TYPE_CHECKING:
    from datetime import date

    from buildgate.domain.gates.sources import Source

Mode = Literal["enforce", "observe"]
OnError = Literal["block", "warn"]
OnMissing = Literal["fail", "warn", "inconclusive", "skip"]
OnNoBaseline = Literal["pass", "warn", "fail", "inconclusive"]
When = Literal["always", "warn"]
CompareWith = Literal["last_passing", "several", "run"]
Aggregate = Literal["avg", "p50", "p90", "p95"]
Include = Literal["pass", "pass_or_warn"]

MODES: Final[tuple[Mode, ...]] = ("enforce", "observe")
ON_ERROR: Final[tuple[OnError, ...]] = ("block", "warn")
ON_MISSING: Final[tuple[OnMissing, ...]] = ("fail", "warn", "inconclusive", "skip")
WHENS: Final[tuple[When, ...]] = ("always", "warn")
ON_NO_BASELINE: Final[tuple[OnNoBaseline, ...]] = ("pass", "warn", "fail", "inconclusive")
COMPARE_WITH: Final[tuple[CompareWith, ...]] = ("last_passing", "several", "run")
AGGREGATES: Final[tuple[Aggregate, ...]] = ("avg", "p50", "p90", "p95")
INCLUDES: Final[tuple[Include, ...]] = ("pass", "pass_or_warn")

SMALL_CHANGE_LINES: Final = 20
"""New-code conditions are ignored, visibly, under this many changed lines (SonarQube's rule)."""

Alternatives = tuple[tuple[Criterion, ...], ...]
"""Criteria joined by AND within a tuple and by OR between tuples."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One measurement and what is wanted of it.

    Without `passes` it is informational: shown, never judged. Policies left None are the gate's. A key objective that
    fails makes the gate fail, whatever the total score.
    """

    measurement: str
    passes: Alternatives = ()
    warns: Alternatives = ()
    name: str = ""
    weight: float = 1.0
    is_key: bool = False
    is_new_code: bool = False
    on_missing: OnMissing | None = None
    on_no_baseline: OnNoBaseline | None = None
    on_error: OnError | None = None
    fed_by: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The objective's own name, or else its measurement's."""
        return self.name or self.measurement


@dataclass(frozen=True, slots=True)
class Score:
    """A measurement derived from others: `start + sum(value x figure)`, kept within bounds.

    The preset security score is `start` 100, -40 a critical, -10 a high, -2 a medium finding, at least 0.
    """

    name: str
    start: float
    per: tuple[tuple[str, float], ...]
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """One control of a control set, and the checks of the tools (id patterns) that are evidence for it."""

    id: str
    title: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlSet:
    """Controls judged together: `compliance.NAME.passed | failed | manual | missing`."""

    name: str
    title: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class BaselineRule:
    """Which earlier runs relative criteria compare with; only runs whose verdict passed are ever taken."""

    compare_with: CompareWith = "last_passing"
    results: int = 1
    aggregate: Aggregate = "avg"
    include: Include = "pass"
    branch: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """Leave to pass with a known finding or a control that does not hold until the end of the day `expires` (UTC).

    Exactly one of `finding` (a fingerprint), `rule` (a rule id, `*` allowed) and `control` (the id of a check or of a
    control of a set, `*` allowed) is set; `path` narrows a rule.
    """

    reason: str
    owner: str
    expires: date
    finding: str | None = None
    rule: str | None = None
    path: str | None = None
    control: str | None = None

    @property
    def subject(self) -> str:
        """What is waived, in words."""
        if self.control is not None:
            return f"control {self.control}"
        if self.finding is not None:
            return f"finding {self.finding}"
        return f"rule {self.rule}" + (f" in {self.path}" if self.path else "")


@dataclass(frozen=True, slots=True)
class Manual:
    """A gate that people decide, with the approval flow: who, how many, how long, and what they must have checked.

    With `when` `warn` they are asked only if an automated gate of the stage says something else than pass and yet lets
    the run go on (Keptn's approval on warning).
    """

    approvers: tuple[str, ...]
    required: int
    timeout_minutes: int
    checklist: tuple[str, ...] = ()
    instructions: str = ""
    when: When = "always"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate: automated (`objectives`) or manual (`manual`), never both.

    Without a total score every objective must hold; with one, `total_pass` and `total_warn` (per cent of the weights)
    decide, and key objectives veto. `reports` are globs of the report files that feed it; empty means all.
    `sources` are asked besides, and always feed it.
    """

    name: str
    objectives: tuple[Objective, ...] = ()
    manual: Manual | None = None
    description: str = ""
    owner: str = ""
    preset: str = ""
    mode: Mode = "enforce"
    is_advisory: bool = False
    on_error: OnError = "block"
    on_missing: OnMissing = "fail"
    on_no_baseline: OnNoBaseline = "warn"
    total_pass: float | None = None
    total_warn: float | None = None
    baseline: BaselineRule = field(default_factory=BaselineRule)
    scores: tuple[Score, ...] = ()
    control_sets: tuple[ControlSet, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    reports: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def needs_baseline(self) -> bool:
        """Whether any criterion compares with earlier runs or their findings."""
        return any(
            criterion.is_relative
            for objective in self.objectives
            for group in (*objective.passes, *objective.warns)
            for criterion in group
        ) or any(o.measurement.startswith(COMPARED_FINDINGS) for o in self.objectives)

    @property
    def needs_changed_lines(self) -> bool:
        """Whether any objective is about the lines a change touched."""
        return any(objective.is_new_code for objective in self.objectives)


COMPARED_FINDINGS: Final = ("findings.new.", "findings.fixed.", "findings.unchanged.")
"""Measurements that exist only against a baseline's findings."""
