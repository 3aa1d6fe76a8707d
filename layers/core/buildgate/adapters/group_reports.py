"""Reports that CodeBuild's report groups keep without exporting them: read through its API.

What CodeBuild keeps is less than the file said: no line numbers, so no coverage of changed lines, and 500 test cases at
the most. Its own recount of the cases is preferred to the summary unless CodeBuild says that it cut the list.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain.measurements import Case, CaseStatus, FileCoverage, Refusal, Report
from buildgate.usecases.gate_ports import ReadFile, ReportFile

FORMAT = "codebuild-report"
_STATUSES: Mapping[str, CaseStatus] = {
    "SUCCEEDED": "passed",
    "FAILED": "failed",
    "ERROR": "errored",
    "SKIPPED": "skipped",
    "UNKNOWN": "errored",
}
_NAMES: Mapping[CaseStatus, str] = {status: f"tests.{status}" for status in ("passed", "failed", "errored", "skipped")}
_MOST_PAGES = 250
_CASES_KEPT = 1_000
_NANO = 1e9


class GroupReports:
    """Reports by their ARN."""

    def __init__(self, codebuild: Any) -> None:
        self._codebuild = codebuild

    @staticmethod
    def is_one(report: ReportFile) -> bool:
        """Return whether a report is kept here and not in the bucket."""
        return report.key.startswith("arn:")

    @staticmethod
    def file_of(report: Mapping[str, Any]) -> ReportFile:
        """Return a report as a file: named for its group, found again by its ARN, which never changes."""
        arn = str(report["arn"])
        return ReportFile(str(report.get("name") or arn.rsplit("/", 1)[-1]), arn, arn.rsplit(":", 1)[-1], "", 0)

    def read(self, file: ReportFile) -> ReadFile:
        with calling("CodeBuild BatchGetReports"):
            found = self._codebuild.batch_get_reports(reportArns=[file.key]).get("reports", [])
        if not found:
            return ReadFile((), Refusal(file.name, "absent", "CodeBuild does not keep the report any more"), "")
        report = found[0]
        is_coverage = report.get("type") == "CODE_COVERAGE"
        rows = list(self._coverages(file.key) if is_coverage else self._cases(file.key))
        digest = hashlib.sha256(json.dumps([report, rows], sort_keys=True, default=str).encode()).hexdigest()
        if report.get("status") in {"GENERATING", "INCOMPLETE", "DELETING"}:
            said = f"CodeBuild says that the report is {report['status']}"
            return ReadFile((), Refusal(file.name, "incomplete", said), digest)
        read = _coverage(file.name, report, rows) if is_coverage else _tests(file.name, report, rows)
        return ReadFile((read,), None, digest)

    def _cases(self, arn: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"reportArn": arn}
        for _ in range(_MOST_PAGES):
            with calling("CodeBuild DescribeTestCases"):
                answer = self._codebuild.describe_test_cases(**request)
            yield from answer.get("testCases", [])
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]

    def _coverages(self, arn: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"reportArn": arn}
        for _ in range(_MOST_PAGES):
            with calling("CodeBuild DescribeCodeCoverages"):
                answer = self._codebuild.describe_code_coverages(**request)
            yield from answer.get("codeCoverages", [])
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]


def _tests(name: str, report: Mapping[str, Any], rows: list[dict[str, Any]]) -> Report:
    summary = report.get("testSummary") or {}
    said: Counter[CaseStatus] = Counter()
    for status, count in (summary.get("statusCounts") or {}).items():
        said[_STATUSES.get(str(status), "errored")] += int(count)
    counted: Counter[CaseStatus] = Counter(_STATUSES.get(str(row.get("status")), "errored") for row in rows)
    is_cut = bool(report.get("truncated")) or sum(counted.values()) < int(summary.get("total") or 0)
    counts, warnings = (said, ()) if is_cut else (counted, _warned(said, counted))
    total = int(summary.get("total") or 0) if is_cut else sum(counted.values())
    measurements = {"tests.total": float(total)} | {_NAMES[one]: float(counts[one]) for one in _NAMES}
    if summary.get("durationInNanoSeconds") is not None:
        measurements["tests.duration_seconds"] = float(summary["durationInNanoSeconds"]) / _NANO
    if is_cut:
        warnings = ("CodeBuild cut the list of test cases: its own totals stand",)
    return Report(name, FORMAT, measurements, warnings=warnings, cases=tuple(_failed(rows))[:_CASES_KEPT])


def _warned(said: Counter[CaseStatus], counted: Counter[CaseStatus]) -> tuple[str, ...]:
    if not said or said == counted:
        return ()
    return ("CodeBuild's summary disagrees with its test cases: the cases were counted",)


def _failed(rows: list[dict[str, Any]]) -> Iterator[Case]:
    for row in rows:
        status = _STATUSES.get(str(row.get("status")), "errored")
        if status in {"failed", "errored"}:
            seconds = float(row.get("durationInNanoSeconds") or 0) / _NANO
            suite = str(row.get("testSuiteName") or row.get("prefix") or "")
            yield Case(str(row.get("name", "")), status, suite, str(row.get("message") or "")[:1_000], seconds)


def _coverage(name: str, report: Mapping[str, Any], rows: list[dict[str, Any]]) -> Report:
    summary = report.get("codeCoverageSummary") or {}
    measurements: dict[str, float] = {}
    for kind, plural in (("line", "lines"), ("branch", "branches")):
        covered, missed = summary.get(f"{plural}Covered"), summary.get(f"{plural}Missed")
        if covered is None or missed is None:
            continue
        total = float(covered) + float(missed)
        measurements |= {f"coverage.{kind}.covered": float(covered), f"coverage.{kind}.total": total}
        if total:
            measurements[f"coverage.{kind}_percent"] = 100.0 * float(covered) / total
    files = tuple(_file(row) for row in rows)
    warnings = () if measurements else ("CodeBuild has no summary of this coverage report",)
    return Report(name, FORMAT, measurements, warnings=warnings, files=files)


def _file(row: Mapping[str, Any]) -> FileCoverage:
    lines, missed = int(row.get("linesCovered") or 0), int(row.get("linesMissed") or 0)
    branches, unmet = int(row.get("branchesCovered") or 0), int(row.get("branchesMissed") or 0)
    return FileCoverage(str(row.get("filePath", "")), lines, lines + missed, branches, branches + unmet)
