"""What builds used of their machines, as CodeBuild publishes it to CloudWatch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain.metrics.machines import Utilisation

_DAY = 86_400
_LONGEST = timedelta(days=30)
_ASKED = {
    "cpu_mean": ("CPUUtilizedPercent", "Average"),
    "cpu_peak": ("CPUUtilizedPercent", "Maximum"),
    "memory_peak": ("MemoryUtilizedPercent", "Maximum"),
    "samples": ("CPUUtilizedPercent", "SampleCount"),
}


class CloudWatchUtilisation:
    """One GetMetricData a project; AWS measures builds of over a minute only."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def of(self, project: str, first: datetime, last: datetime) -> Utilisation:
        """Return what builds used in a window, of a long one in its last thirty days."""
        queries = [_query(name, metric, statistic, project) for name, (metric, statistic) in _ASKED.items()]
        with calling("CloudWatch GetMetricData"):
            answer = self._client.get_metric_data(
                MetricDataQueries=queries, StartTime=max(first, last - _LONGEST), EndTime=last
            )
        found = {one["Id"]: [float(value) for value in one.get("Values", [])] for one in answer["MetricDataResults"]}
        counts, means = found.get("samples", []), found.get("cpu_mean", [])
        total = sum(counts)
        is_paired = len(counts) == len(means) and total > 0
        return Utilisation(
            samples=round(total),
            cpu_mean=sum(a * b for a, b in zip(counts, means, strict=True)) / total if is_paired else None,
            cpu_peak=max(found.get("cpu_peak", []), default=None),
            memory_peak=max(found.get("memory_peak", []), default=None),
        )


def _query(name: str, metric: str, statistic: str, project: str) -> dict[str, Any]:
    dimensions = [{"Name": "ProjectName", "Value": project}]
    asked = {"Namespace": "AWS/CodeBuild", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": asked, "Period": _DAY, "Stat": statistic}, "ReturnData": True}
