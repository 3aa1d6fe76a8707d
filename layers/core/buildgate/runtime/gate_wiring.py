"""Composes what judging needs: reports, earlier judgements, waivers and the repositories."""

from __future__ import annotations

from functools import cached_property

from buildgate.adapters.report_store import S3Reports
from buildgate.adapters.sources.asked import AskedSources
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.compare_run import CompareRun
from buildgate.usecases.evaluate_gate import EvaluateGate


class GateWiring(Wiring):
    """The wiring of functions that judge."""

    @cached_property
    def reports(self) -> S3Reports:
        return S3Reports(self._aws.client("s3"), self._aws.client("codebuild"), self._report_bucket)

    @cached_property
    def compare_run(self) -> CompareRun:
        return CompareRun(self.runs, self.repositories, self.repositories, self.judgements)

    @cached_property
    def evaluate_gate(self) -> EvaluateGate:
        return EvaluateGate(
            pipelines=self.pipelines,
            runs=self.runs,
            launcher=self.launcher,
            reports=self.reports,
            sources=AskedSources(self._aws),
            judgements=self.judgements,
            waivers=self.waivers,
            compare=self.compare_run,
            clock=self.clock,
        )
