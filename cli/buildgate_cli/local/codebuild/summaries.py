"""Raw report files as CodeBuild's API sums them up: totals, test cases, covered files."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildgate.domain.measurements import Case, FileCoverage, Report
from buildgate.reports import ReportRefused, read_all
from buildgate_cli.local.agent.build import CollectedFile
from buildgate_cli.local.codebuild.store import Document

_NANO = 1_000_000_000
_MAX_MESSAGE = 5_000
_MAX_NAME = 1_000
MAX_CASES = 500
_STATUSES = {"passed": "SUCCEEDED", "failed": "FAILED", "errored": "ERROR", "skipped": "SKIPPED"}
_COUNTS = {"SUCCEEDED": "passed", "FAILED": "failed", "ERROR": "errored", "SKIPPED": "skipped"}


def read_reports(files: Sequence[CollectedFile]) -> tuple[list[Report], list[str]]:
    """Return the reports that could be read and why the others were not."""
    reports: list[Report] = []
    refused: list[str] = []
    for file in files:
        try:
            with file.path.open("rb") as stream:
                reports += read_all(stream, name=file.name)
        except ReportRefused as error:
            refused.append(f"{file.name}: {error}")
        except OSError as error:
            refused.append(f"{file.name}: {error.strerror}")
    return reports, refused


def summarise(
    report: Mapping[str, Any], reports: Sequence[Report], *, is_complete: bool
) -> tuple[Document, list[Document]]:
    """Return a report's remaining members and its details.

    FAILED: a test failed. INCOMPLETE: not every file could be read, or none was of the group's type.
    """
    if report["type"] == "TEST":
        return _tests(report, [r for r in reports if "tests.total" in r.measurements], is_complete=is_complete)
    return _coverage(report, [r for r in reports if r.files or _has_coverage(r)], is_complete=is_complete)


def _has_coverage(report: Report) -> bool:
    return any(name.startswith("coverage.") for name in report.measurements)


def _tests(
    report: Mapping[str, Any], reports: Sequence[Report], *, is_complete: bool
) -> tuple[Document, list[Document]]:
    counts = {status: int(_total(reports, f"tests.{name}")) for status, name in _COUNTS.items()}
    summary = {
        "total": int(_total(reports, "tests.total")),
        "statusCounts": counts | {"UNKNOWN": 0},
        "durationInNanoSeconds": round(_total(reports, "tests.duration_seconds") * _NANO),
    }
    status = "FAILED" if counts["FAILED"] or counts["ERROR"] else "SUCCEEDED"
    if not is_complete or not reports:
        status = "INCOMPLETE"
    cases = [_case(report, source, case) for source in reports for case in source.cases]
    members = {"status": status, "testSummary": summary, "truncated": len(cases) > MAX_CASES}
    return members, cases[:MAX_CASES]


def _case(report: Mapping[str, Any], source: Report, case: Case) -> Document:
    return {
        "reportArn": report["arn"],
        "testRawDataPath": source.file,
        "prefix": case.suite,
        "name": case.name[:_MAX_NAME],
        "status": _STATUSES[case.status],
        "durationInNanoSeconds": round(case.duration_seconds * _NANO),
        "message": case.message[:_MAX_MESSAGE],
        "expired": report["expired"],
        "testSuiteName": case.suite,
    }


def _coverage(
    report: Mapping[str, Any], reports: Sequence[Report], *, is_complete: bool
) -> tuple[Document, list[Document]]:
    files = [file for source in reports for file in source.files]
    summary = _coverage_members(
        sum(f.lines_covered for f in files),
        sum(f.lines_total for f in files),
        sum(f.branches_covered for f in files),
        sum(f.branches_total for f in files),
    )
    details = [_covered_file(report, index, file) for index, file in enumerate(files)]
    status = "SUCCEEDED" if is_complete and reports else "INCOMPLETE"
    return {"status": status, "codeCoverageSummary": summary}, details


def _covered_file(report: Mapping[str, Any], index: int, file: FileCoverage) -> Document:
    counts = (file.lines_covered, file.lines_total, file.branches_covered, file.branches_total)
    return {
        "id": f"{report['arn']}/{index}",
        "reportARN": report["arn"],
        "filePath": file.file,
        "expired": report["expired"],
        **_coverage_members(*counts),
    }


def _coverage_members(lines_covered: int, lines: int, branches_covered: int, branches: int) -> Document:
    return {
        "lineCoveragePercentage": _percent(lines_covered, lines),
        "linesCovered": lines_covered,
        "linesMissed": lines - lines_covered,
        "branchCoveragePercentage": _percent(branches_covered, branches),
        "branchesCovered": branches_covered,
        "branchesMissed": branches - branches_covered,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _total(reports: Iterable[Report], name: str) -> float:
    return sum(report.measurements.get(name, 0.0) for report in reports)
