"""Account-level metrics in CloudWatch's embedded format: few, for every name times every dimension is paid for.

The project is a property of the line, never a dimension; per-project numbers are in the table.
"""

from __future__ import annotations

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from buildgate.domain.builds import BuildHead, BuildStatus, Misreported

_metrics = Metrics(namespace="Buildgate", service="buildgate")


LATE_SECONDS = 60.0
"""From when on the delay of an event is told although its build was recorded before."""


def emit_build(head: BuildHead, *, event_delay: float | None) -> None:
    """Emit what a finished build adds: with project, status and build as properties.

    `event_delay` is the seconds between the build's change and the moment its event was heard.
    """
    _metrics.add_metric("BuildsFinished", MetricUnit.Count, 1)
    _metrics.add_metric("BuildsNotSucceeded", MetricUnit.Count, 0 if head.status is BuildStatus.SUCCEEDED else 1)
    if head.duration_seconds is not None:
        _metrics.add_metric("BuildDuration", MetricUnit.Seconds, head.duration_seconds)
    if head.queue_seconds is not None:
        _metrics.add_metric("BuildQueueTime", MetricUnit.Seconds, head.queue_seconds)
    if head.cost_micro_usd is not None:
        _metrics.add_metric("BuildCost", MetricUnit.NoUnit, head.cost_micro_usd / 1_000_000)
    if event_delay is not None:
        _metrics.add_metric("BuildEventDelay", MetricUnit.Seconds, max(0.0, event_delay))
    if head.cache is not None:
        _metrics.add_metric("CacheHits", MetricUnit.Count, 1 if head.cache.result == "hit" else 0)
    for name, value in (("project", head.project), ("status", head.status.value), ("build_id", head.build_id)):
        _metrics.add_metadata(name, value)
    _metrics.flush_metrics()


def emit_late_event(build_id: str, delay: float) -> None:
    """Emit how late an event came of a build that was on record already."""
    _metrics.add_metric("BuildEventDelay", MetricUnit.Seconds, delay)
    _metrics.add_metadata("build_id", build_id)
    _metrics.flush_metrics()


def emit_quarantined(unfit: Misreported) -> None:
    """Emit that a build was set aside because its description cannot be true."""
    _metrics.add_metric("BuildsQuarantined", MetricUnit.Count, 1)
    for name, value in (("project", unfit.project), ("build_id", unfit.build_id), ("reason", unfit.reason)):
        _metrics.add_metadata(name, value)
    _metrics.flush_metrics()
