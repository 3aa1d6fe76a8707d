"""Test cases as CodeBuild's report groups hold them for 30 days, and as we keep them in the report bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain import payloads
from buildgate.domain.errors import NotFound
from buildgate.domain.metrics.test_cases import TestCase

_BATCH = 100
_NANO = 1_000_000_000
_NAME_LIMIT = 300
_MESSAGE_LIMIT = 500


class CodeBuildReports:
    """Reads reports of test groups."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def cases(self, arns: Sequence[str]) -> Sequence[TestCase] | None:
        """Return the cases of those reports that hold tests, or None while one is still being made."""
        found: list[TestCase] = []
        for start in range(0, len(arns), _BATCH):
            with calling("CodeBuild BatchGetReports"):
                answer = self._client.batch_get_reports(reportArns=list(arns[start : start + _BATCH]))
            for report in answer.get("reports", []):
                if report.get("status") == "GENERATING":
                    return None
                if report.get("type", "TEST") == "TEST":
                    found += self._of_report(str(report["arn"]))
        return found

    def _of_report(self, arn: str) -> Iterator[TestCase]:
        request: dict[str, Any] = {"reportArn": arn}
        while True:
            with calling("CodeBuild DescribeTestCases"):
                answer = self._client.describe_test_cases(**request)
            for case in answer.get("testCases", []):
                prefix, name = str(case.get("prefix") or ""), str(case.get("name") or "")
                full = name if not prefix or name.startswith(prefix) else f"{prefix} {name}"
                seconds = float(case.get("durationInNanoSeconds") or 0) / _NANO
                message = str(case.get("message") or "")[:_MESSAGE_LIMIT]
                yield TestCase(full[:_NAME_LIMIT], str(case.get("status", "UNKNOWN")), seconds, message)
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]


class S3TestCases:
    """Cases of builds as NDJSON in the report bucket: ``tests/<project>/<uuid>.ndjson``."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def store(self, build_id: str, cases: Sequence[TestCase]) -> None:
        """Write a build's cases; doing it again writes the same."""
        rows = ({"name": c.name, "status": c.status, "seconds": c.seconds, "message": c.message} for c in cases)
        body = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        with calling("S3 PutObject"):
            self._s3.put_object(
                Bucket=self._bucket,
                Key=_key(build_id),
                Body=body.encode(),
                ContentType="application/x-ndjson",
                Metadata={payloads.NAME: str(payloads.FORMAT)},
            )

    def load(self, build_id: str) -> Sequence[TestCase]:
        """Return a build's cases; none when they were never stored or have expired."""
        try:
            with calling("S3 GetObject"):
                answer = self._s3.get_object(Bucket=self._bucket, Key=_key(build_id))
                body = answer["Body"].read()
        except NotFound:
            return ()
        payloads.refuse_newer(answer.get("Metadata", {}), _key(build_id))
        rows = (json.loads(line) for line in body.decode().splitlines() if line)
        return [TestCase(row["name"], row["status"], row["seconds"], row.get("message", "")) for row in rows]


def _key(build_id: str) -> str:
    project, _, uuid = build_id.rpartition(":")
    return f"tests/{project}/{uuid}.ndjson"
