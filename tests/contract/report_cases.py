"""What the reports of builds and the cases of tests promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildgate.adapters.codebuild_reports import CodeBuildReports, S3TestCases
from buildgate.adapters.report_store import S3Reports
from buildgate.domain.builds import Build, BuildStatus, SlotClaim, reports_prefix
from buildgate.domain.metrics.test_cases import TestCase
from buildgate.usecases.collect_tests import TestFiles, TestReports
from buildgate.usecases.gate_ports import Reports
from contract.cases import JUNIT, SLOT, Cloud, case
from run_records import NOON


def reported(cloud: Cloud, bucket: str, files: Mapping[str, bytes]) -> tuple[S3Reports, Build]:
    build = Build("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, claim=SlotClaim(SLOT, "n1"))
    for name, body in files.items():
        key = f"{reports_prefix('shop-unit', SLOT)}{name}"
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return S3Reports(cloud.client("s3"), cloud.client("codebuild"), bucket), build


@case(Reports)
def a_builds_reports_are_those_in_its_own_place(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    cloud.client("s3").put_object(Bucket=bucket, Key="reports/shop-unit/another/junit.xml", Body=JUNIT)
    reports, build = reported(cloud, bucket, {"junit.xml": JUNIT, "deep/er/lcov.info": b"end_of_record\n"})

    found = reports.of_build(build)

    assert [one.name for one in found] == ["deep/er/lcov.info", "junit.xml"]
    assert [one.size_bytes for one in found] == [14, len(JUNIT)]
    assert all(one.version_id and one.etag for one in found)


@case(Reports)
def more_reports_than_a_page_holds_are_found_up_to_the_most(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    reports, build = reported(cloud, bucket, {f"{number}.xml": JUNIT for number in range(3)})
    client = cloud.client("s3")
    paged = S3Reports(Paging(client, size=2), cloud.client("codebuild"), bucket)

    assert paged.of_build(build) == reports.of_build(build)
    assert len(paged.of_build(build)) == 3


class Paging:
    """A client of S3 whose pages are small."""

    def __init__(self, client: Any, size: int) -> None:
        self._client, self._size = client, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def list_objects_v2(self, **request: Any) -> Any:
        return self._client.list_objects_v2(**request, MaxKeys=self._size)


@case(Reports)
def a_report_is_read_as_it_was_when_it_was_found(cloud: Cloud) -> None:
    reports, build = reported(cloud, bucket := cloud.bucket(), {"junit.xml": JUNIT})
    (found,) = reports.of_build(build)
    cloud.client("s3").put_object(Bucket=bucket, Key=found.key, Body=b"something else")

    read = reports.read(found)

    assert [one.measurements["tests.total"] for one in read.reports] == [1.0]
    assert (read.refusal, len(read.sha256)) == (None, 64)


@case(Reports)
def a_report_that_cannot_be_read_is_a_refusal(cloud: Cloud) -> None:
    reports, build = reported(cloud, cloud.bucket(), {"junit.xml": b"<testsuite"})

    read = reports.read(reports.of_build(build)[0])

    assert (read.reports, read.refusal is not None) == ((), True)


@case(TestFiles)
def test_cases_of_a_build_are_kept(cloud: Cloud) -> None:
    files = S3TestCases(cloud.client("s3"), cloud.bucket())
    cases = [TestCase("t.a", "SUCCEEDED", 1.5, ""), TestCase("t.ü", "FAILED", 0.0, "because\nof this")]

    for _ in range(2):
        files.store("shop-unit:1", cases)

    assert list(files.load("shop-unit:1")) == cases
    assert list(files.load("shop-unit:2")) == []


@case(TestReports)
def reports_that_are_gone_have_no_cases(cloud: Cloud) -> None:
    arn = "arn:aws:codebuild:us-east-1:000000000000:report/shop-unit:00000000-0000-4000-8000-000000000000"

    assert list(CodeBuildReports(cloud.client("codebuild")).cases([arn]) or []) == []
