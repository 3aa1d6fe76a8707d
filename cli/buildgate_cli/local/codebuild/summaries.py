"""Raw report files as CodeBuild's API sums them up: totals, test cases, covered files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from buildgate.domain.measurements import Case, FileCoverage, Report
from buildgate.reports import Options, ReportRefused, read_all
from buildgate_cli.local.agent.build import CollectedFile
from buildgate_cli.local.codebuild.store import Document

_NANO = 1_000_000_000
_MAX_MESSAGE = 5_000
_MAX_NAME = 1_000
MAX_CASES = 500
_STATUSES = {"passed": "SUCCEEDED", "failed": "FAILED", "errored": "ERROR", "skipped": "SKIPPED"}
_COUNTS = {"SUCCEEDED": "passed", "FAILED": "failed", "ERROR": "errored", "SKIPPED": "skipped"}


@dataclass
class ReadFiles:
    """What the files of one report group say. `cases` carry their file's name; the ones that did not pass go first."""

    reports: list[Report] = field(default_factory=list)
    cases: list[tuple[str, Case]] = field(default_factory=list)
    passed: list[tuple[str, Case]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def keep(self, name: str, case: Case) -> None:
        """Take a case; no more are held than a report shows."""
        kept = self.passed if case.status == "passed" else self.cases
        if len(kept) <= MAX_CASES:
            kept.append((name, case))


def read_files(files: Sequence[CollectedFile]) -> ReadFiles:
    """Read what can be read; files that cannot are named in `refused` with the reason."""
    read = ReadFiles()
    for file in files:
        options = Options(on_case=partial(read.keep, file.name))
        try:
            with file.path.open("rb") as stream:
                read.reports += read_all(stream, name=file.name, options=options)
        except ReportRefused as error:
            read.refused.append(f"{file.name}: {error}")
        except OSError as error:
            read.refused.append(f"{file.name}: {error.strerror}")
    return read


def summarise(report: Mapping[str, Any], read: ReadFiles) -> tuple[Document, list[Document]]:
    """Return a report's remaining members and its details.

    FAILED: a test failed. INCOMPLETE: not every file could be read, or none was of the group's type.
    """
    wanted = "tests." if report["type"] == "TEST" else "coverage."
    reports = [each for each in read.reports if any(name.startswith(wanted) for name in each.measurements)]
    members, details = _tests(report, reports, read) if report["type"] == "TEST" else _coverage(report, reports)
    if read.refused or not reports:
        members["status"] = "INCOMPLETE"
    return members, details


def _tests(report: Mapping[str, Any], reports: Sequence[Report], read: ReadFiles) -> tuple[Document, list[Document]]:
    counts = {status: int(_total(reports, f"tests.{name}")) for status, name in _COUNTS.items()}
    summary = {
        "total": int(_total(reports, "tests.total")),
        "statusCounts": counts | {"UNKNOWN": 0},
        "durationInNanoSeconds": round(_total(reports, "tests.duration_seconds") * _NANO),
    }
    status = "FAILED" if counts["FAILED"] or counts["ERROR"] else "SUCCEEDED"
    cases = [_case(report, name, case) for name, case in (*read.cases, *read.passed)]
    members = {"status": status, "testSummary": summary, "truncated": len(cases) > MAX_CASES}
    return members, cases[:MAX_CASES]


def _case(report: Mapping[str, Any], file: str, case: Case) -> Document:
    return {
        "reportArn": report["arn"],
        "testRawDataPath": file,
        "prefix": case.suite,
        "name": case.name[:_MAX_NAME],
        "status": _STATUSES[case.status],
        "durationInNanoSeconds": round(case.duration_seconds * _NANO),
        "message": case.message[:_MAX_MESSAGE],
        "expired": report["expired"],
        "testSuiteName": case.suite,
    }


def _coverage(report: Mapping[str, Any], reports: Sequence[Report]) -> tuple[Document, list[Document]]:
    files = [file for source in reports for file in source.files]
    summary = _coverage_members(
        sum(f.lines_covered for f in files),
        sum(f.lines_total for f in files),
        sum(f.branches_covered for f in files),
        sum(f.branches_total for f in files),
    )
    details = [_covered_file(report, index, file) for index, file in enumerate(files)]
    return {"status": "SUCCEEDED", "codeCoverageSummary": summary}, details


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
