"""What people are told when a waiver ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.domain.notices import Notice, NoticeRef, Topic
from buildgate.domain.redaction import redact, shorten

if TYPE_CHECKING:
    from buildgate.domain.gates.pipeline_waivers import PipelineWaiver

_DESCRIPTION_LIMIT = 2_000


def waiver_ended(ended: PipelineWaiver) -> Notice:
    """Return the notice that a waiver acts no more."""
    waiver, where = ended.waiver, ended.gate or "every gate"
    last_day = waiver.expires.isoformat()
    said = (
        f"Since the end of {last_day} {waiver.subject} counts again in {where} of {ended.pipeline}. "
        f"{waiver.owner} had it waived: {waiver.reason}"
    )
    return Notice(
        ref=NoticeRef(f"waiver:{ended.pipeline}:{ended.id}", f"ended-{last_day}"),
        topic=Topic.FAILURE,
        title=f"⚠ {ended.pipeline}: the waiver of {waiver.subject} has expired",
        description=shorten(redact(said), limit=_DESCRIPTION_LIMIT),
        thread=f"waiver:{ended.pipeline}",
        next_steps=(f"Fix it, or renew it: buildgate gate waivers {ended.pipeline}",),
        facts={"pipeline": ended.pipeline, "gate": where, "owner": waiver.owner, "waiver": ended.id},
    )
