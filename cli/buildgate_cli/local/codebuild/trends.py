"""GetReportGroupTrend: one figure over the newest reports of a group."""

from collections.abc import Mapping
from typing import Any

from buildgate_cli.local.codebuild.reportgroups import ReportGroups
from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.jsonservice import ServiceError

_NANO = 1_000_000_000
_COVERAGE = {
    "LINE_COVERAGE": "lineCoveragePercentage",
    "LINES_COVERED": "linesCovered",
    "LINES_MISSED": "linesMissed",
    "BRANCH_COVERAGE": "branchCoveragePercentage",
    "BRANCHES_COVERED": "branchesCovered",
    "BRANCHES_MISSED": "branchesMissed",
}
_TESTS = frozenset({"PASS_RATE", "DURATION", "TOTAL"})


def trend(groups: ReportGroups, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figure of each report, oldest first, with mean, highest and lowest; all of them as text."""
    group, name = groups.get(request["reportGroupArn"]), request["trendField"]
    if (group["type"] == "TEST") != (name in _TESTS):
        raise ServiceError("InvalidInputException", f"{name} is no figure of {group['type']} reports")
    arns = groups.list_reports({"maxResults": request.get("numOfReports", 100)}, group["arn"])["reports"]
    reports = groups.batch_get_reports(list(reversed(arns)))["reports"]
    values = [(report["arn"], _value(report, name)) for report in reports]
    known = [value for _, value in values if value is not None]
    stats = {"average": sum(known) / len(known), "max": max(known), "min": min(known)} if known else {}
    return {
        "stats": {key: _text(value) for key, value in stats.items()},
        "rawData": [{"reportArn": arn, "data": _text(value)} for arn, value in values if value is not None],
    }


def _value(report: Document, name: str) -> float | None:
    if name in _COVERAGE:
        summary = report.get("codeCoverageSummary")
        return float(summary[_COVERAGE[name]]) if summary else None
    summary = report.get("testSummary")
    if not summary:
        return None
    if name == "DURATION":
        return float(summary["durationInNanoSeconds"]) / _NANO
    if name == "TOTAL":
        return float(summary["total"])
    return 100 * summary["statusCounts"]["SUCCEEDED"] / summary["total"] if summary["total"] else None


def _text(value: float) -> str:
    return f"{value:g}"
