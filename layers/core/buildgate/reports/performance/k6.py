"""k6: the data of `handleSummary`; the flat file of `--summary-export`, which means other things by the same keys; and
every single sample, as `--out json` writes them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.json_stream import small
from buildgate.reports.json_values import at, mapping, number, text
from buildgate.reports.performance.tally import Requests
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import records

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_TIMES: Final = {
    "min": "min_ms", "avg": "mean_ms", "med": "p50_ms", "p(50)": "p50_ms", "p(75)": "p75_ms",
    "p(90)": "p90_ms", "p(95)": "p95_ms", "p(99)": "p99_ms", "max": "max_ms",
}  # fmt: skip
_TICKS: Final = 1000
"""Samples have fractions of a millisecond."""
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
"""Go writes nanoseconds, which Python's dates do not take."""


class K6:
    """Reader of k6's end-of-test summary, both forms, and of its samples."""

    name = "k6"
    title = "k6 summary JSON, or samples of --out json"
    reads = "performance"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Metrics of k6 by name; samples by their shape."""
        if head.has("type", "data", "metric") and head.scalars.get("type") in {"Metric", "Point"}:
            return 90 if head.has("data.tags") or head.has("data.contains") else None
        if head.kind == "jsonlines":
            return None
        own = ("http_req_duration", "iterations", "vus", "data_received", "iteration_duration", "http_reqs", "checks")
        has_metrics = any(head.has(f"metrics.{name}") for name in own)
        if has_metrics and head.has("root_group"):
            return 95
        return 85 if has_metrics else None

    def read(self, document: Document) -> None:
        """Take response times, rates and thresholds; `p(99)` is there only if the test asked for it."""
        if document.head.has("type", "data"):
            _samples(document)
            return
        metrics = mapping(at(small(document), "metrics"))
        contents = document.contents
        times = _values(metrics.get("http_req_duration"))
        if not times:
            document.warn("the summary has no http_req_duration: no request was made")
        for key, name in _TIMES.items():
            contents.measure(f"performance.{name}", number(times.get(key)))
        asked = _values(metrics.get("http_reqs"))
        contents.measure("performance.requests", number(asked.get("count")))
        contents.measure("performance.rps", number(asked.get("rate")))
        failed = _values(metrics.get("http_req_failed"))
        rate = number(failed.get("rate", failed.get("value")))
        contents.measure("performance.error_percent", rate * 100.0 if rate is not None else None)
        contents.measure("performance.thresholds_failed", sum(_crossed(metric) for metric in metrics.values()))
        checks = _values(metrics.get("checks"))
        contents.measure("custom.k6.checks_failed", number(checks.get("fails")))


def _samples(document: Document) -> None:
    """Count the samples of single requests; whether thresholds held is not among them."""
    requests, checks_failed, has_thresholds = Requests(document, ticks=_TICKS), 0, False
    for record in records(document):
        entry = mapping(record)
        metric, data = text(entry.get("metric")), mapping(entry.get("data"))
        if entry.get("type") == "Metric":
            has_thresholds = has_thresholds or bool(data.get("thresholds"))
            continue
        value = number(data.get("value"))
        if entry.get("type") != "Point" or value is None:
            raise Refuse("bad_value", "a line is neither a metric nor a sample with a value")
        if metric == "http_req_duration":
            requests.add(round(value * _TICKS), is_failed=False, started_ms=_milliseconds(data.get("time"), value))
        elif metric == "http_req_failed":
            requests.failed += value > 0
        elif metric == "checks":
            checks_failed += value == 0
    requests.finish()
    document.contents.measure("custom.k6.checks_failed", checks_failed)
    if has_thresholds:
        document.warn("samples do not say whether thresholds held: use handleSummary to have them judged")


def _milliseconds(time: object, elapsed_ms: float) -> float | None:
    """Return when a request began: samples carry the time of its end."""
    try:
        ended = datetime.fromisoformat(_FRACTION.sub(r"\1", text(time)))
    except ValueError:
        return None
    aware = ended if ended.tzinfo else ended.replace(tzinfo=UTC)
    return aware.timestamp() * 1000.0 - elapsed_ms


def _values(metric: Any) -> dict[str, Any]:
    """Return a metric's figures: nested under `values` by `handleSummary`, flat in the export."""
    entry = mapping(metric)
    return mapping(entry["values"]) if "values" in entry else entry


def _crossed(metric: Any) -> int:
    """Return how many thresholds of a metric failed.

    `handleSummary` says `{"ok": true}` when one holds; the export says `false` when one holds (it was not crossed).
    """
    crossed = 0
    for threshold in mapping(mapping(metric).get("thresholds")).values():
        if isinstance(threshold, dict):
            crossed += threshold.get("ok") is not True
        else:
            crossed += threshold is not False
    return crossed
