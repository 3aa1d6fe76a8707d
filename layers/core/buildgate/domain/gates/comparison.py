"""What a run is compared with: the branch it is meant for, the commit it began at, and the history of its gate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from buildgate.domain.gates.record import JudgementHead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from buildgate.domain.gates.record import JudgementRef
    from buildgate.domain.gates.verdict import Verdict
    from buildgate.domain.pipelines import Trigger
    from buildgate.domain.runs import Run, Source

_GLOB = frozenset("*?[")
_LARGEST = 1e120
"""What the table can store; a larger figure is shown by the judgement alone."""


def branch_of(source: Source) -> str:
    """Return under which branch a run's judgements are listed; tags have places of their own."""
    return source.ref if source.ref_type == "branch" else f"tags/{source.ref}"


def is_long_lived(source: Source, triggers: Sequence[Trigger]) -> bool:
    """Return whether a trigger names the run's branch itself: such a branch has a history of its own.

    A branch that only a glob such as `feature/*` admits is compared with the repository's default branch, which its
    change is meant for; so is a tag.
    """
    named = {glob for trigger in triggers for glob in trigger.branches if not _GLOB & set(glob)}
    return source.ref_type == "branch" and source.ref in named


def head_of(run: Run, stage: str, verdict: Verdict, *, at: datetime, ref: JudgementRef | None) -> JudgementHead:
    """Return how a run's verdict is listed in its pipeline's history."""
    figures = {one.measurement: one.value for one in verdict.objectives if one.value is not None}
    return JudgementHead(
        pipeline=run.pipeline,
        stage=stage,
        gate=verdict.gate,
        branch=branch_of(run.source),
        run_id=run.run_id,
        at=at,
        status=verdict.status,
        is_blocking=verdict.is_blocking,
        may_seed=verdict.may_seed_baseline,
        score=verdict.score,
        mode=verdict.mode,
        is_advisory=verdict.is_advisory,
        policy_hash=verdict.policy_hash,
        reason=verdict.reasons[0] if verdict.reasons else "",
        values={name: value for name, value in figures.items() if math.isfinite(value) and abs(value) < _LARGEST},
        ref=ref,
    )
