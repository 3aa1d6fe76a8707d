"""Waivers kept beside a pipeline: granted by a person, for a while, and loud when they end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from buildgate.domain.errors import Rejected

if TYPE_CHECKING:
    from buildgate.domain.gates.model import Waiver

MOST_DAYS = 366
"""A waiver that never ends is a rule that nobody agreed on."""


@dataclass(frozen=True, slots=True)
class PipelineWaiver:
    """A waiver with its place. `gate` empty means every gate of the pipeline.

    `granted_by` is who asked the API for it, which may be another than the owner who answers for it.
    """

    pipeline: str
    waiver: Waiver
    granted_by: str
    granted_at: datetime
    gate: str = ""
    withdrawn_by: str = ""

    @property
    def id(self) -> str:
        """The same for the same thing waived, so that waiving it again renews it."""
        parts = (self.pipeline, self.gate, self.waiver.subject)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    @property
    def ends_at(self) -> datetime:
        """The first moment at which it does not act any more: the end of its last day."""
        return datetime.combine(self.waiver.expires + timedelta(days=1), time(), tzinfo=UTC)

    def is_for(self, gate: str) -> bool:
        return not self.withdrawn_by and self.gate in {"", gate}


def check_span(waiver: Waiver, *, now: datetime) -> None:
    """Refuse a waiver that has ended already or would act for more than a year.

    Raises:
        Rejected: With the field and a fix.
    """
    days = (waiver.expires - now.date()).days
    if days < 0:
        raise Rejected(f"the waiver would have ended on {waiver.expires.isoformat()}", field="expires")
    if days > MOST_DAYS:
        latest = (now.date() + timedelta(days=MOST_DAYS)).isoformat()
        raise Rejected("a waiver lasts a year at the most", field="expires", fix=f"choose a day up to {latest}")
