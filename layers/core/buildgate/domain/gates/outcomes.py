"""What became of runs after their gates had spoken: the labels that backtesting measures a gate by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from buildgate.domain.runs import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from buildgate.domain.gates.backtest import Outcome
    from buildgate.domain.gates.record import JudgementHead
    from buildgate.domain.runs import Run

_REVERTS = re.compile(r"\b[Rr]everts? commit ([0-9a-f]{7,40})\b")
_LEAST_CHARACTERS = 7


def reverted(messages: Iterable[str]) -> frozenset[str]:
    """Return the commits that messages say they revert, in git's own words (`This reverts commit ...`)."""
    return frozenset(commit for message in messages for commit in _REVERTS.findall(message))


def outcome(head: JudgementHead, runs: Sequence[Run]) -> Outcome | None:
    """Return what became of the judged run; None while it is not known.

    - bad: a later commit reverts it, or it failed in a stage after the gate's own.
    - good: it succeeded, and so did a later run of its branch that builds upon it.
    - unknown: everything else. A run that its gate stopped shows nothing, nor does one that a person rejected, or
      one that failed in the gate's own stage, where every candidate gate would have been judged beside the failure.

    Args:
        head: The judgement.
        runs: The pipeline's runs of that time and since, in any order.
    """
    run = next((one for one in runs if one.run_id == head.run_id), None)
    if run is None or head.is_blocking:
        return None
    later = [one for one in runs if one.opened_at > run.opened_at]
    reverts = reverted(one.source.message for one in later)
    commit = run.source.commit
    if len(commit) >= _LEAST_CHARACTERS and any(commit.startswith(one) for one in reverts):
        return "bad"
    if run.status in {RunStatus.FAILED, RunStatus.TIMED_OUT}:
        return None if run.reason.startswith(f"stage {head.stage}:") else "bad"
    upon = [one for one in later if (one.source.ref_type, one.source.ref) == (run.source.ref_type, run.source.ref)]
    held = run.status is RunStatus.SUCCEEDED and any(one.status is RunStatus.SUCCEEDED for one in upon)
    return "good" if held else None
