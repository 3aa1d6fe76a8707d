"""Account-level metrics in CloudWatch's embedded format: few, for every name times every dimension is paid for.

The project is a property of the line, never a dimension; per-project numbers are in the table.
"""

from __future__ import annotations

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from buildgate.domain.builds import BuildHead, BuildStatus

_metrics = Metrics(namespace="Buildgate", service="buildgate")


def emit_build(head: BuildHead) -> None:
    """Emit what a finished build adds: five metrics, with project, status and build as properties."""
    _metrics.add_metric("BuildsFinished", MetricUnit.Count, 1)
    _metrics.add_metric("BuildsNotSucceeded", MetricUnit.Count, 0 if head.status is BuildStatus.SUCCEEDED else 1)
    if head.duration_seconds is not None:
        _metrics.add_metric("BuildDuration", MetricUnit.Seconds, head.duration_seconds)
    if head.queue_seconds is not None:
        _metrics.add_metric("BuildQueueTime", MetricUnit.Seconds, head.queue_seconds)
    if head.cost_micro_usd is not None:
        _metrics.add_metric("BuildCost", MetricUnit.NoUnit, head.cost_micro_usd / 1_000_000)
    for name, value in (("project", head.project), ("status", head.status.value), ("build_id", head.build_id)):
        _metrics.add_metadata(name, value)
    _metrics.flush_metrics()
