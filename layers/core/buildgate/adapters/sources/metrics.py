"""One figure of CloudWatch over the last minutes, as a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import fsum
from typing import TYPE_CHECKING, Any

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.sources.answers import document
from buildgate.usecases.gate_ports import Fetched

if TYPE_CHECKING:
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import SourceFacts

_MINUTE = 60


class CloudWatchMetrics:
    """GetMetricData over the window that ends now, in two periods at the most.

    Where a window meets two periods: sums and counts are added, extremes and percentiles give the larger (the smallest
    for Minimum), averages are weighted by their samples. No data is no measurement, never zero.
    """

    def __init__(self, aws: Any, **_: Any) -> None:
        self._cloudwatch = aws.client("cloudwatch")

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        statistic = source.text("statistic", "Average")
        seconds = max(_MINUTE, int(source.get("over_minutes", 30)) * _MINUTE)
        end = facts.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        queries = [_query("value", source, statistic, seconds), _query("samples", source, "SampleCount", seconds)]
        with calling("CloudWatch GetMetricData"):
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=queries, StartTime=end - timedelta(seconds=seconds), EndTime=end
            )
        series = {one["Id"]: list(one.get("Values", [])) for one in answer.get("MetricDataResults", [])}
        value = _together(statistic, series.get("value", []), series.get("samples", []))
        measurement, metric = source.text("measurement"), f"{source.text('namespace')}/{source.text('metric')}"
        scaled = {} if value is None else {measurement: value * float(source.get("scale", 1.0))}
        said = [] if scaled else [f"CloudWatch has no data of {metric} in the last {seconds // _MINUTE} minutes"]
        data = {"measurements": scaled, "warnings": said}
        return [document(f"cloudwatch/{metric}", data, format_name="metrics", version=end.isoformat())]


def _query(name: str, source: Source, statistic: str, seconds: int) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in source.get("dimensions", ())]
    metric = {"Namespace": source.text("namespace"), "MetricName": source.text("metric"), "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": seconds, "Stat": statistic}, "ReturnData": True}


def _together(statistic: str, values: list[float], samples: list[float]) -> float | None:
    if not values:
        return None
    if statistic in {"Sum", "SampleCount"}:
        return fsum(values)
    if statistic == "Minimum":
        return min(values)
    if statistic != "Average":
        return max(values)
    if len(samples) == len(values) and fsum(samples) > 0:
        return fsum(value * count for value, count in zip(values, samples, strict=True)) / fsum(samples)
    return fsum(values) / len(values)
