"""Which earlier results a gate compares with: passing runs only, and always with a reason.

Keptn compares with failed runs too unless told otherwise; here a bad run never becomes the measure of the next one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from buildgate.domain.gates.evidence import Baseline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from buildgate.domain.gates.model import Aggregate, BaselineRule
    from buildgate.domain.gates.verdict import Status

_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class PastResult:
    """What a gate said of an earlier run and what was measured there. `finished_at` sorts as time does."""

    run_id: str
    branch: str
    finished_at: str
    status: Status
    may_seed_baseline: bool
    measurements: Mapping[str, float] = field(default_factory=dict)
    fingerprints: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The baseline, or None, and a sentence that says which runs it is made of or why there is none."""

    baseline: Baseline | None
    reason: str


def select(rule: BaselineRule, past: Iterable[PastResult], *, target_branch: str) -> Selection:
    """Choose and combine earlier results.

    Args:
        rule: The gate's baseline rule. `rule.branch` wins over `target_branch`.
        past: Earlier results of the same gate, in any order; the run under judgement must not be among them.
        target_branch: The branch that the run is for.
    """
    newest_first = sorted(past, key=lambda result: (result.finished_at, result.run_id), reverse=True)
    if rule.run is not None:
        return _named(rule, newest_first)
    branch = rule.branch or target_branch
    chosen = [r for r in newest_first if r.branch == branch and is_eligible(rule, r)][: rule.results]
    if not chosen:
        return Selection(None, f"no run on {branch} has passed this gate yet")
    runs = tuple(result.run_id for result in chosen)
    how = "the last passing run" if len(runs) == 1 else f"{rule.aggregate} of the last {len(runs)} passing runs"
    return Selection(_combined(rule.aggregate, chosen), f"{how} on {branch}: {', '.join(runs)}")


def is_eligible(rule: BaselineRule, result: PastResult) -> bool:
    """Return whether later runs may compare with this one; with `pass_or_warn` a run that only warned may serve."""
    return result.may_seed_baseline or (rule.include == "pass_or_warn" and result.status == "warn")


def _named(rule: BaselineRule, past: Sequence[PastResult]) -> Selection:
    found = next((result for result in past if result.run_id == rule.run), None)
    if found is None:
        return Selection(None, f"run {rule.run} is not in this gate's history")
    if not is_eligible(rule, found):
        return Selection(None, f"run {rule.run} did not pass this gate ({found.status}), so it is no baseline")
    return Selection(_combined(rule.aggregate, [found]), f"the named run {rule.run}")


def _combined(how: Aggregate, chosen: Sequence[PastResult]) -> Baseline:
    """Aggregate each measurement over the runs that have it; findings are the newest run's."""
    names = sorted({name for result in chosen for name in result.measurements})
    values = {name: aggregate(how, [r.measurements[name] for r in chosen if name in r.measurements]) for name in names}
    return Baseline(values, tuple(result.run_id for result in chosen), chosen[0].fingerprints)


def aggregate(how: Aggregate, values: Sequence[float]) -> float:
    """Return the mean, or Keptn's percentile, of at least one value."""
    if how == "avg":
        return math.fsum(values) / len(values)
    return percentile(_SHARES[how], values)


def percentile(share: float, values: Sequence[float]) -> float:
    """Return a percentile at position `share x (n + 1)`, linear between neighbours and clamped to the ends (Keptn's)."""
    ordered = sorted(values)
    position = share * (len(ordered) + 1)
    if position <= 1:
        return ordered[0]
    if position >= len(ordered):
        return ordered[-1]
    below = int(position)
    low, high = ordered[below - 1], ordered[below]
    return low + (position - below) * (high - low)
