"""The evidence that a verdict itself still shows, for questions asked long after the reports are gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate.domain.gates.evidence import Baseline, Evidence
from buildgate.domain.gates.vocabulary import family
from buildgate.domain.measurements import Measured, Refusal

if TYPE_CHECKING:
    from buildgate.domain.gates.verdict import ObjectiveResult, Verdict

_REFUSED: Final = re.compile(r"(?P<file>.*) was refused: (?P<message>.*) \((?P<code>[a-z0-9_]+)\)", re.DOTALL)
_NO_CHANGED_LINES: Final = 0


def reconstruct(verdict: Verdict) -> Evidence:
    """Return evidence on which the same gate gives the same status.

    It holds only what the gate judged: values after waivers, their baselines, and the refused reports. Findings,
    other measurements and digests are not in a verdict; a saved judgement has them all.
    """
    measured = {r.measurement: Measured(r.value, r.source_file) for r in verdict.objectives if r.value is not None}
    for result in verdict.objectives:
        if _was_missing(result):
            measured.setdefault(f"{family(result.measurement)}.present", Measured(0.0, ""))
    before = {r.measurement: r.baseline for r in verdict.objectives if r.baseline is not None}
    refused = [found for reason in verdict.reasons if (found := _REFUSED.fullmatch(reason)) is not None]
    is_small = any(result.status == "skipped" and "changed line" in result.reason for result in verdict.objectives)
    return Evidence(
        measurements=measured,
        refused=tuple(Refusal(found["file"], found["code"], found["message"]) for found in refused),
        baseline=Baseline(before, verdict.baseline_runs) if before else None,
        changed_lines=_NO_CHANGED_LINES if is_small else None,
    )


def _was_missing(result: ObjectiveResult) -> bool:
    """Whether a report of the family was read and lacked the value, as the sentence says."""
    return result.value is None and "is missing from the reports" in result.reason
