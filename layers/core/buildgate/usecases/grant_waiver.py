"""Grants and withdraws waivers that the table keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.gates import parse_waivers
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver, check_span
from buildgate.domain.redaction import redact
from buildgate.ports import Clock, Pipelines
from buildgate.usecases.gate_ports import Waivers


@dataclass(frozen=True, slots=True)
class GrantWaiver:
    """Stores a waiver for the gates of a pipeline. Safe to repeat: waiving the same thing again renews it."""

    pipelines: Pipelines
    waivers: Waivers
    clock: Clock

    def __call__(self, pipeline: str, data: Mapping[str, Any], *, gate: str, actor: str) -> PipelineWaiver:
        """Grant a waiver in the shape of a waiver file's entry.

        Raises:
            NotFound: There is no such pipeline, or it has no such gate.
            Rejected: The waiver is not one, has ended, or would act for more than a year.
        """
        self._check_place(pipeline, gate)
        [waiver] = parse_waivers([dict(data)])
        now = self.clock.now()
        check_span(waiver, now=now)
        if redact(waiver.reason) != waiver.reason:
            raise Rejected("the reason holds something that looks like a secret", field="reason")
        granted = PipelineWaiver(pipeline, waiver, actor, now, gate)
        self.waivers.put(granted)
        return granted

    def withdraw(self, pipeline: str, waiver_id: str, *, actor: str) -> PipelineWaiver:
        """Let a waiver act no more.

        Raises:
            NotFound: There is no such waiver, or it was withdrawn before.
        """
        if not self.waivers.withdraw(pipeline, waiver_id, actor=actor, now=self.clock.now()):
            raise NotFound(
                f"{pipeline} has no waiver {waiver_id} that acts", field="waiver", fix="buildgate gate waivers"
            )
        withdrawn = self.waivers.get(pipeline, waiver_id)
        if withdrawn is None:
            raise NotFound(f"{pipeline} has no waiver {waiver_id}")
        return withdrawn

    def _check_place(self, pipeline: str, gate: str) -> None:
        head = self.pipelines.head(pipeline)
        current = self.pipelines.version(pipeline, head.version) if head else None
        if current is None:
            raise NotFound(f"there is no pipeline {pipeline}", field="pipeline", fix="buildgate pipeline list")
        names = sorted({one.name for stage in current.stages for one in stage.gates})
        if gate and gate not in names:
            raise NotFound(f"{pipeline} has no gate {gate}", field="gate", fix=f"gates: {', '.join(names) or 'none'}")
