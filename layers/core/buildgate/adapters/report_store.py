"""Reports of builds: the raw files that CodeBuild's report groups export, and those that builds upload themselves.

A build finds its own place in the report bucket: ``reports/<project>/<slot>/``. A report group with S3 export writes
below the path of its export configuration; whatever the layout there, the report's own id is part of the key. Reports
of a group that exports nothing here are read through CodeBuild's API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.digested import read_digested
from buildgate.adapters.group_reports import GroupReports
from buildgate.domain.builds import Build, reports_prefix
from buildgate.usecases.gate_ports import ReadFile, ReportFile

_BATCH = 100
_AT_MOST = 500


class S3Reports:
    """Report files in S3, pinned by version and ETag."""

    def __init__(self, s3: Any, codebuild: Any, bucket: str) -> None:
        self._s3 = s3
        self._codebuild = codebuild
        self._groups = GroupReports(codebuild)
        self._bucket = bucket

    def of_build(self, build: Build) -> Sequence[ReportFile]:
        own = reports_prefix(build.project, build.claim.slot) if build.claim else ""
        found = {report.key: report for report in self._listed(own, needle="")} if own else {}
        for report in self._group_reports(build):
            prefix = self._export_prefix(report)
            if prefix is None:
                found[str(report["arn"])] = self._groups.file_of(report)
            else:
                report_id = str(report["arn"]).rsplit(":", 1)[-1]
                found |= {one.key: one for one in self._listed(prefix, needle=report_id)}
        return sorted(found.values(), key=lambda report: report.key)[:_AT_MOST]

    def read(self, report: ReportFile, *, changed: Mapping[str, frozenset[int]] | None = None) -> ReadFile:
        if self._groups.is_one(report):
            return self._groups.read(report)
        request = {"Bucket": self._bucket, "Key": report.key}
        if report.version_id:
            request["VersionId"] = report.version_id
        with calling("S3 GetObject"):
            body = self._s3.get_object(**request)["Body"]
        return read_digested(body, report.name, changed=changed)

    def _group_reports(self, build: Build) -> Iterator[dict[str, Any]]:
        arns = list(build.report_arns)
        for start in range(0, len(arns), _BATCH):
            with calling("CodeBuild BatchGetReports"):
                answer = self._codebuild.batch_get_reports(reportArns=arns[start : start + _BATCH])
            yield from answer.get("reports", [])

    def _export_prefix(self, report: Mapping[str, Any]) -> str | None:
        """Return below which prefix the report bucket has the raw files; None for a report exported elsewhere or not."""
        target = (report.get("exportConfig") or {}).get("s3Destination") or {}
        if target.get("bucket") != self._bucket:
            return None
        path = str(target.get("path", "")).strip("/")
        return f"{path}/" if path else ""

    def _listed(self, prefix: str, *, needle: str) -> Iterator[ReportFile]:
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            with calling("S3 ListObjectsV2"):
                answer = self._s3.list_objects_v2(**request)
            for entry in answer.get("Contents", []):
                if needle in entry["Key"] and not entry["Key"].endswith("/"):
                    yield self._pinned(entry, prefix, needle)
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def _pinned(self, entry: dict[str, Any], prefix: str, needle: str) -> ReportFile:
        key = entry["Key"]
        with calling("S3 HeadObject"):
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        name = key.split(f"{needle}/", 1)[-1] if needle else key.removeprefix(prefix)
        return ReportFile(name, key, head.get("VersionId", ""), str(head["ETag"]).strip('"'), entry["Size"])
