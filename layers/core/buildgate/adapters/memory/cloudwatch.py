"""CloudWatch in memory: metrics as they were put, and their statistics by period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_Key = tuple[str, str, tuple[tuple[str, str], ...]]
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}


@dataclass(slots=True)
class CloudWatch:
    """Points of each metric, by namespace, name and dimensions."""

    points: dict[_Key, list[tuple[datetime, float]]] = field(default_factory=dict)

    def put_metric_data(self, **request: Any) -> dict[str, Any]:
        """Keep points."""
        for one in request["MetricData"]:
            key = _key(request["Namespace"], one["MetricName"], one.get("Dimensions", ()))
            self.points.setdefault(key, []).append((one["Timestamp"], float(one["Value"])))
        return {}

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """Return each query's values, newest period first, as CloudWatch orders them."""
        found = [
            self._result(query, request["StartTime"], request["EndTime"]) for query in request["MetricDataQueries"]
        ]
        return {"MetricDataResults": found}

    def _result(self, query: dict[str, Any], first: datetime, last: datetime) -> dict[str, Any]:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        key = _key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", ()))
        periods: dict[int, list[float]] = {}
        for at, value in self.points.get(key, ()):
            if first <= at < last:
                periods.setdefault(int(at.timestamp()) // stat["Period"], []).append(value)
        statistic = _STATISTICS[stat["Stat"]]
        values = [float(statistic(periods[place])) for place in sorted(periods, reverse=True)]
        return {"Id": query["Id"], "Label": metric["MetricName"], "Values": values, "StatusCode": "Complete"}


def _key(namespace: str, name: str, dimensions: Any) -> _Key:
    return namespace, name, tuple(sorted((one["Name"], one["Value"]) for one in dimensions))
