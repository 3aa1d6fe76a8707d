"""Reports that CodeBuild keeps and exports nowhere: read through its API, recounted, and never better than they are."""

import pytest

from buildgate.adapters.group_reports import GroupReports
from buildgate.adapters.report_store import S3Reports
from buildgate.domain.builds import Build, BuildStatus
from run_records import NOON

ARN = "arn:aws:codebuild:us-east-1:000000000000:report/shop-tests:1234"


def case(name, status="SUCCEEDED"):
    return {
        "name": name,
        "status": status,
        "durationInNanoSeconds": 500_000_000,
        "testSuiteName": "t",
        "message": "why",
    }


class FakeCodeBuild:
    """One report, two rows a page."""

    def __init__(self, rows=(), **members):
        self.rows = list(rows)
        base = {"arn": ARN, "name": "shop-tests", "type": "TEST", "status": "SUCCEEDED"}
        self.report = base | {"exportConfig": {"exportConfigType": "NO_EXPORT"}} | members

    def batch_get_reports(self, reportArns):  # noqa: N803 - botocore's name
        return {"reports": [self.report] if self.report["arn"] in reportArns else []}

    def _page(self, member, token):
        at = int(token)
        page = {member: self.rows[at : at + 2]}
        return page | ({"nextToken": str(at + 2)} if at + 2 < len(self.rows) else {})

    def describe_test_cases(self, reportArn, nextToken="0"):  # noqa: N803
        return self._page("testCases", nextToken)

    def describe_code_coverages(self, reportArn, nextToken="0"):  # noqa: N803
        return self._page("codeCoverages", nextToken)


def read(codebuild):
    reports = GroupReports(codebuild)
    return reports.read(reports.file_of(codebuild.report))


def test_test_cases_are_counted_over_all_pages():
    rows = [case("a"), case("b"), case("c", "FAILED"), case("d", "SKIPPED"), case("e", "UNKNOWN")]
    summary = {"total": 5, "statusCounts": {"SUCCEEDED": 2, "FAILED": 1, "SKIPPED": 1, "UNKNOWN": 1}}

    found = read(FakeCodeBuild(rows, testSummary=summary | {"durationInNanoSeconds": 2_500_000_000}))

    [report] = found.reports
    assert report.measurements == {
        "tests.total": 5.0,
        "tests.passed": 2.0,
        "tests.failed": 1.0,
        "tests.errored": 1.0,
        "tests.skipped": 1.0,
        "tests.duration_seconds": 2.5,
    }
    assert [(one.name, one.status, one.message) for one in report.cases] == [
        ("c", "failed", "why"),
        ("e", "errored", "why"),
    ]
    assert (report.file, len(found.sha256)) == ("shop-tests", 64)


def test_a_summary_that_its_cases_do_not_bear_out_is_not_believed():
    rows = [case("a"), case("b", "FAILED")]

    [report] = read(FakeCodeBuild(rows, testSummary={"total": 2, "statusCounts": {"SUCCEEDED": 2}})).reports

    assert report.measurements["tests.failed"] == 1.0
    assert "disagrees" in report.warnings[0]


def test_where_codebuild_cut_the_list_its_totals_stand():
    summary = {"total": 900, "statusCounts": {"SUCCEEDED": 890, "FAILED": 10}}

    [report] = read(FakeCodeBuild([case("a")], truncated=True, testSummary=summary)).reports

    assert (report.measurements["tests.total"], report.measurements["tests.failed"]) == (900.0, 10.0)
    assert "cut" in report.warnings[0]


def test_coverage_is_lines_and_branches_over_all_files():
    rows = [{"filePath": "a.py", "linesCovered": 8, "linesMissed": 2}, {"filePath": "b.py", "linesCovered": 1}]
    summary = {"linesCovered": 9, "linesMissed": 3, "branchesCovered": 0, "branchesMissed": 0}

    [report] = read(FakeCodeBuild(rows, type="CODE_COVERAGE", codeCoverageSummary=summary)).reports

    assert report.measurements["coverage.line_percent"] == 75.0
    assert "coverage.branch_percent" not in report.measurements
    assert [(one.file, one.lines_covered, one.lines_total) for one in report.files] == [("a.py", 8, 10), ("b.py", 1, 1)]


@pytest.mark.parametrize("status", ["GENERATING", "INCOMPLETE", "DELETING"])
def test_a_report_that_is_not_whole_is_refused(status):
    assert read(FakeCodeBuild([case("a")], status=status)).refusal.reason_code == "incomplete"


def test_a_report_that_is_gone_is_absent():
    codebuild = FakeCodeBuild([case("a")])
    file = GroupReports.file_of(codebuild.report | {"arn": "arn:other"})

    assert GroupReports(codebuild).read(file).refusal.reason_code == "absent"


class EmptyBucket:
    def list_objects_v2(self, **_):
        return {"Contents": []}


@pytest.mark.parametrize(
    "export", [{}, {"exportConfigType": "S3", "s3Destination": {"bucket": "elsewhere", "path": "x"}}]
)
def test_a_builds_report_that_is_not_exported_here_is_read_through_the_api(export):
    codebuild = FakeCodeBuild([case("a")], exportConfig=export)
    reports = S3Reports(EmptyBucket(), codebuild, "reports")
    build = Build("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, report_arns=(ARN,))

    [file] = reports.of_build(build)

    assert file.name == "shop-tests"
    assert reports.read(file).reports[0].measurements["tests.total"] == 1.0


def test_a_report_that_is_exported_here_is_read_from_its_raw_files_only():
    export = {"exportConfigType": "S3", "s3Destination": {"bucket": "reports", "path": "groups"}}
    reports = S3Reports(EmptyBucket(), FakeCodeBuild([case("a")], exportConfig=export), "reports")
    build = Build("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, report_arns=(ARN,))

    assert reports.of_build(build) == []
