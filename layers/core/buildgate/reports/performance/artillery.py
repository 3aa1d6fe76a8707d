"""Artillery's JSON, version 2 and the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import percent
from buildgate.reports.json_values import at, mapping, number
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_TIMES: Final = {
    "min": "min_ms", "mean": "mean_ms", "median": "p50_ms", "p50": "p50_ms", "p75": "p75_ms",
    "p90": "p90_ms", "p95": "p95_ms", "p99": "p99_ms", "max": "max_ms",
}  # fmt: skip
_LEAST_ERROR: Final = 400


class Artillery:
    """Reader of `artillery run --output`."""

    name = "artillery"
    title = "Artillery JSON"
    reads = "performance"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """An aggregate with counters (2) or codes and latency (1)."""
        if head.has("aggregate.counters") or head.has("aggregate.summaries"):
            return 95
        return 90 if head.has("aggregate.scenariosCreated") or head.has("aggregate.requestsCompleted") else None

    def read(self, document: Document) -> None:
        """Take the aggregate; answers from 400 up and network errors are failed requests."""

        def aggregate(value: Any) -> None:
            said = mapping(value)
            if "counters" in said or "summaries" in said:
                _second(document, said)
            else:
                _first(document, said)

        follow(document, {"aggregate": aggregate})


def _second(document: Document, said: dict[str, Any]) -> None:
    counters = {name: number(count) or 0.0 for name, count in mapping(said.get("counters")).items()}
    times = mapping(at(said, "summaries", "http.response_time"))
    codes = {name.removeprefix("http.codes."): n for name, n in counters.items() if name.startswith("http.codes.")}
    errors = sum(count for name, count in counters.items() if name.startswith("errors."))
    rate = number(at(said, "rates", "http.request_rate"))
    first = number(said.get("firstCounterAt", said.get("firstMetricAt")))
    last = number(said.get("lastCounterAt", said.get("lastMetricAt")))
    requests = counters.get("http.requests", 0.0)
    if first is not None and last is not None and last > first:
        rate = requests * 1000.0 / (last - first)
    _measure(document, times, requests, errors + _bad(codes), rate)


def _first(document: Document, said: dict[str, Any]) -> None:
    codes = {str(code): number(count) or 0.0 for code, count in mapping(said.get("codes")).items()}
    errors = sum(number(count) or 0.0 for count in mapping(said.get("errors")).values())
    requests = number(said.get("requestsCompleted")) or sum(codes.values())
    _measure(
        document, mapping(said.get("latency")), requests + errors, errors + _bad(codes), number(at(said, "rps", "mean"))
    )


def _bad(codes: dict[str, float]) -> float:
    return sum(count for code, count in codes.items() if code.isdecimal() and int(code[:4]) >= _LEAST_ERROR)


def _measure(document: Document, times: dict[str, Any], requests: float, failed: float, rate: float | None) -> None:
    contents = document.contents
    contents.measure("performance.requests", requests)
    if not requests:
        document.warn("the report holds no request")
        return
    for key, name in _TIMES.items():
        contents.measure(f"performance.{name}", number(times.get(key)))
    contents.measure("performance.error_percent", min(100.0, percent(failed, requests)))
    contents.measure("performance.rps", rate)
