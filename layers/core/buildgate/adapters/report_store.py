"""Reports of builds: the raw files that CodeBuild's report groups export, and those that builds upload themselves.

A build finds its own place in the report bucket: ``reports/<project>/<slot>/``. A report group with S3 export writes
below the path of its export configuration; whatever the layout there, the report's own id is part of the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from buildgate.adapters.aws_errors import calling
from buildgate.domain.builds import Build, reports_prefix
from buildgate.domain.measurements import Refusal
from buildgate.reports import Options, ReportRefused, read_all
from buildgate.usecases.gate_ports import ReadFile, ReportFile

_BATCH = 100
_AT_MOST = 500
_PIECE_BYTES = 1024 * 1024
_DRAIN_PIECES = 1024


class S3Reports:
    """Report files in S3, pinned by version and ETag."""

    def __init__(self, s3: Any, codebuild: Any, bucket: str) -> None:
        self._s3 = s3
        self._codebuild = codebuild
        self._bucket = bucket

    def of_build(self, build: Build) -> Sequence[ReportFile]:
        own = reports_prefix(build.project, build.claim.slot) if build.claim else ""
        found = {report.key: report for report in self._listed(own, needle="")} if own else {}
        for prefix, report_id in self._exports(build):
            found |= {report.key: report for report in self._listed(prefix, needle=report_id)}
        return sorted(found.values(), key=lambda report: report.key)[:_AT_MOST]

    def read(self, report: ReportFile, *, changed: Mapping[str, frozenset[int]] | None = None) -> ReadFile:
        request = {"Bucket": self._bucket, "Key": report.key}
        if report.version_id:
            request["VersionId"] = report.version_id
        with calling("S3 GetObject"):
            body = self._s3.get_object(**request)["Body"]
        stream = _Digested(body)
        try:
            options = Options(changed_lines=changed or {})
            reports = tuple(read_all(cast("BinaryIO", stream), name=report.name, options=options))
        except ReportRefused as refused:
            return ReadFile((), Refusal(report.name, refused.reason_code, refused.message), stream.drain())
        return ReadFile(reports, None, stream.drain())

    def _exports(self, build: Build) -> Iterator[tuple[str, str]]:
        """Yield (prefix, report id) of each report that is exported to the report bucket."""
        arns = list(build.report_arns)
        for start in range(0, len(arns), _BATCH):
            with calling("CodeBuild BatchGetReports"):
                answer = self._codebuild.batch_get_reports(reportArns=arns[start : start + _BATCH])
            for report in answer.get("reports", []):
                target = (report.get("exportConfig") or {}).get("s3Destination") or {}
                if target.get("bucket") == self._bucket:
                    path = str(target.get("path", "")).strip("/")
                    yield (f"{path}/" if path else ""), str(report["arn"]).rsplit(":", 1)[-1]

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


class _Digested:
    """A stream whose bytes are digested as they are read."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        with calling("S3 GetObject body"):
            data = bytes(self._body.read(None if size < 0 else size))
        self._digest.update(data)
        return data

    def drain(self) -> str:
        """Read what the reader left, up to the size that readers take, and return the digest."""
        for _ in range(_DRAIN_PIECES):
            if not self.read(_PIECE_BYTES):
                break
        return self._digest.hexdigest()
