"""k6: the data of `handleSummary`, and the flat file of `--summary-export`, which means other things by the same keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.json_stream import small
from buildgate.reports.json_values import at, mapping, number

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_TIMES: Final = {
    "min": "min_ms", "avg": "mean_ms", "med": "p50_ms", "p(50)": "p50_ms", "p(75)": "p75_ms",
    "p(90)": "p90_ms", "p(95)": "p95_ms", "p(99)": "p99_ms", "max": "max_ms",
}  # fmt: skip


class K6:
    """Reader of k6's end-of-test summary, both forms."""

    name = "k6"
    title = "k6 summary JSON"
    reads = "performance"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Metrics of k6 by name."""
        own = ("http_req_duration", "iterations", "vus", "data_received", "iteration_duration", "http_reqs", "checks")
        has_metrics = any(head.has(f"metrics.{name}") for name in own)
        if has_metrics and head.has("root_group"):
            return 95
        return 85 if has_metrics else None

    def read(self, document: Document) -> None:
        """Take response times, rates and thresholds; `p(99)` is there only if the test asked for it."""
        metrics = mapping(at(small(document), "metrics"))
        contents = document.contents
        times = _values(metrics.get("http_req_duration"))
        if not times:
            document.warn("the summary has no http_req_duration: no request was made")
        for key, name in _TIMES.items():
            contents.measure(f"performance.{name}", number(times.get(key)))
        requests = _values(metrics.get("http_reqs"))
        contents.measure("performance.requests", number(requests.get("count")))
        contents.measure("performance.rps", number(requests.get("rate")))
        failed = _values(metrics.get("http_req_failed"))
        rate = number(failed.get("rate", failed.get("value")))
        contents.measure("performance.error_percent", rate * 100.0 if rate is not None else None)
        contents.measure("performance.thresholds_failed", sum(_crossed(metric) for metric in metrics.values()))
        checks = _values(metrics.get("checks"))
        contents.measure("custom.k6.checks_failed", number(checks.get("fails")))


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
