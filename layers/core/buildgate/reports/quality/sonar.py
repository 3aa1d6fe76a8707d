"""SonarQube: measures, and the status of its own quality gate. All its values are strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.findings import brief
from buildgate.reports.json_stream import small
from buildgate.reports.json_values import at, listing, mapping, number, text
from buildgate.reports.refusal import Refuse

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_NAMES: Final = {
    "line_coverage": "coverage.line_percent",
    "branch_coverage": "coverage.branch_percent",
    "new_coverage": "coverage.changed.line_percent",
    "new_line_coverage": "coverage.changed.line_percent",
    "new_branch_coverage": "coverage.changed.branch_percent",
    "lines_to_cover": "coverage.line.total",
    "new_lines_to_cover": "coverage.changed.line.total",
    "conditions_to_cover": "coverage.branch.total",
    "code_smells": "quality.smells",
    "bugs": "quality.bugs",
    "duplicated_lines_density": "quality.duplicated_percent",
    "new_duplicated_lines_density": "quality.changed.duplicated_percent",
    "new_violations": "quality.changed.issues",
    "sqale_rating": "quality.maintainability_rating",
    "software_quality_maintainability_rating": "quality.maintainability_rating",
    "reliability_rating": "quality.reliability_rating",
    "software_quality_reliability_rating": "quality.reliability_rating",
    "security_rating": "quality.security_rating",
    "software_quality_security_rating": "quality.security_rating",
    "security_hotspots_reviewed": "quality.hotspots_reviewed_percent",
    "new_security_hotspots_reviewed": "quality.changed.hotspots_reviewed_percent",
    "tests": "tests.total",
    "test_failures": "tests.failed",
    "test_errors": "tests.errored",
    "skipped_tests": "tests.skipped",
}
_MINUTES: Final = {
    "sqale_index": "quality.debt_hours",
    "software_quality_maintainability_remediation_effort": "quality.debt_hours",
}
_MILLISECONDS: Final = {"test_execution_time": "tests.duration_seconds"}
_UNCOVERED: Final = {
    "uncovered_lines": ("coverage.line.total", "coverage.line.covered"),
    "new_uncovered_lines": ("coverage.changed.line.total", "coverage.changed.line.covered"),
    "uncovered_conditions": ("coverage.branch.total", "coverage.branch.covered"),
}


class _Values:
    """Metrics by Sonar's names, turned into ours; the rest is kept as `custom.sonar.NAME`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.values: dict[str, float] = {}

    def add(self, metric: str, value: object) -> None:
        figure = number(value)
        if metric and figure is not None:
            self.values.setdefault(metric, figure)

    def finish(self) -> None:
        measure = self.document.contents.measure
        for metric, value in self.values.items():
            if metric in _NAMES:
                measure(_NAMES[metric], value)
            elif metric in _MINUTES:
                measure(_MINUTES[metric], value / 60.0)
            elif metric in _MILLISECONDS:
                measure(_MILLISECONDS[metric], value / 1000.0)
            elif metric not in _UNCOVERED:
                measure(f"custom.sonar.{metric}", value)
        self.derive()

    def derive(self) -> None:
        """Work out what Sonar gives as a remainder: covered lines and passed tests."""
        contents, values = self.document.contents, self.values
        for metric, (total, covered) in _UNCOVERED.items():
            if metric in values and total in contents.measurements:
                contents.measure(covered, contents.measurements[total] - values[metric])
        if "coverage.line_percent" not in contents.measurements and "coverage" in values:
            contents.measure("coverage.line_percent", values["coverage"])
            self.document.warn("coverage is SonarQube's mix of lines and conditions; ask for line_coverage too")
        if "tests" in values:
            broken = sum(values.get(name, 0.0) for name in ("test_failures", "test_errors", "skipped_tests"))
            contents.measure("tests.passed", max(0.0, values["tests"] - broken))


def _refuse_errors(value: Any) -> dict[str, Any]:
    answer = mapping(value)
    if answer.get("errors"):
        raise Refuse("no_results", f"SonarQube says: {brief(at(answer, 'errors', 0, 'msg'))}")
    return answer


class SonarMeasures:
    """Reader of `api/measures/component` and `api/measures/search`."""

    name = "sonar-measures"
    title = "SonarQube measures"
    reads = "coverage, quality, tests"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A component's measures by metric."""
        if head.has("component.measures") or head.has("measures[].metric", "measures[].component"):
            return 95
        return 60 if head.has("errors[].msg") and not head.is_array else None

    def read(self, document: Document) -> None:
        """Take a value, or for new code that of the period, in the shape of either age."""
        values = _Values(document)
        answer = _refuse_errors(small(document))
        measures = listing(at(answer, "component", "measures")) or listing(answer.get("measures"))
        for measure in map(mapping, measures):
            period = at(measure, "period", "value") or at(measure, "periods", 0, "value")
            value = measure.get("value")
            values.add(text(measure.get("metric")), period if value is None else value)
        if not measures:
            document.warn("the answer holds no measures")
        values.finish()


class SonarStatus:
    """Reader of `api/qualitygates/project_status`."""

    name = "sonar-status"
    title = "SonarQube quality gate status"
    reads = "quality, coverage"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A project status."""
        return 95 if head.has("projectStatus") else None

    def read(self, document: Document) -> None:
        """Count the failed conditions, and take their values; a gate without conditions has judged nothing."""
        status = mapping(_refuse_errors(small(document)).get("projectStatus"))
        conditions = [mapping(condition) for condition in listing(status.get("conditions"))]
        said = text(status.get("status")).upper()
        failed = sum(text(condition.get("status")).upper() == "ERROR" for condition in conditions)
        values = _Values(document)
        for condition in conditions:
            values.add(text(condition.get("metricKey")), condition.get("actualValue"))
        values.finish()
        if said == "NONE" or not said:
            document.warn("SonarQube has no quality gate for this project: nothing was judged")
            return
        document.contents.measure("quality.conditions_failed", max(failed, 1) if said == "ERROR" else failed)
        if failed and said == "OK":
            document.warn("the status is OK though a condition failed")
