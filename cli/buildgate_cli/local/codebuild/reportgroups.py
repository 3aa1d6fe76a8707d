"""Report groups and reports: what builds measured, kept as CodeBuild keeps it."""

import uuid
from collections.abc import Mapping
from typing import Any

from buildgate_cli.local.codebuild import answers
from buildgate_cli.local.codebuild.names import Clock, arn
from buildgate_cli.local.codebuild.store import Document, Store
from buildgate_cli.local.jsonservice import ServiceError

GROUP = "report-group"
REPORT = "report"
DETAILS = "report-details"
_KEPT_SECONDS = 30 * 86400.0
_COVERAGE_FORMATS = frozenset({"CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV"})


def report_type(file_format: str) -> str:
    return "CODE_COVERAGE" if file_format in _COVERAGE_FORMATS else "TEST"


def report_id(report_arn: str) -> str:
    """Return a report's own id: what follows the last colon of its ARN."""
    return report_arn.rpartition(":")[2]


class ReportGroups:
    """Report groups by ARN, reports below them, and the test cases and files of each report."""

    def __init__(self, store: Store, now: Clock) -> None:
        self._store = store
        self._now = now

    # Groups

    def create(self, request: Mapping[str, Any]) -> Document:
        group_arn = arn(GROUP, request["name"])
        if self._store.get(GROUP, group_arn) is not None:
            raise ServiceError("ResourceAlreadyExistsException", f"Report group already exists: {group_arn}")
        stamp = self._now().timestamp()
        group = {
            "arn": group_arn,
            "name": request["name"],
            "type": request["type"],
            "exportConfig": request["exportConfig"],
            "created": stamp,
            "lastModified": stamp,
            "tags": request.get("tags", []),
            "status": "ACTIVE",
        }
        self._store.put(GROUP, group_arn, group, rank=stamp)
        return group

    def get(self, group_arn: str) -> Document:
        group = self._store.get(GROUP, group_arn)
        if group is None:
            raise ServiceError("ResourceNotFoundException", f"Report group not found: {group_arn}")
        return group

    def named(self, name: str, project: str, kind: str) -> Document:
        """Return the group a buildspec means by an ARN or a short name; a short name's group is made when missing."""
        group_arn = name if name.startswith("arn:") else arn(GROUP, f"{project}-{name}")
        group = self._store.get(GROUP, group_arn)
        if group is None and name.startswith("arn:"):
            raise ServiceError("ResourceNotFoundException", f"Report group not found: {name}")
        if group is None:
            export = {"exportConfigType": "NO_EXPORT"}
            group = self.create({"name": f"{project}-{name}", "type": kind, "exportConfig": export})
        if group["type"] != kind:
            raise ServiceError("InvalidInputException", f"Report group {group['name']} is of type {group['type']}")
        return group

    def update(self, request: Mapping[str, Any]) -> Document:
        group = self.get(request["arn"])
        group |= {name: request[name] for name in ("exportConfig", "tags") if name in request}
        group["lastModified"] = self._now().timestamp()
        self._store.put(GROUP, group["arn"], group, rank=group["created"])
        return group

    def delete(self, group_arn: str, *, with_reports: bool) -> None:
        """Delete a group; with reports in it, only when asked to. Deleting what is not there is no error."""
        reports = self._store.keys(REPORT, parent=group_arn)
        if reports and not with_reports:
            raise ServiceError("InvalidInputException", f"Report group {group_arn} still has reports")
        for report_arn in reports:
            self.delete_report(report_arn)
        self._store.delete(GROUP, group_arn)

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        groups = [self._store.get(GROUP, key) or {} for key in self._store.keys(GROUP)]
        by = {"NAME": "name", "CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}
        groups.sort(key=lambda group: group[by[request.get("sortBy", "NAME")]])
        if request.get("sortOrder") == "DESCENDING":
            groups.reverse()
        return answers.listed("reportGroups", [group["arn"] for group in groups], request)

    def batch_get(self, arns: list[str]) -> dict[str, Any]:
        return answers.named("reportGroups", arns, lambda key: self._store.get(GROUP, key))

    # Reports

    def add_report(self, group: Document, build_arn: str) -> Document:
        """Begin a report in a group: GENERATING until it is described."""
        stamp = self._now().timestamp()
        report = {
            "arn": f"{arn(REPORT, group['name'])}:{uuid.uuid4()}",
            "type": group["type"],
            "name": group["name"],
            "reportGroupArn": group["arn"],
            "executionId": build_arn,
            "status": "GENERATING",
            "created": stamp,
            "expired": stamp + _KEPT_SECONDS,
            "exportConfig": group["exportConfig"],
            "truncated": False,
        }
        self._save(report)
        return report

    def describe(self, report: Document, members: Mapping[str, Any], details: list[Document]) -> None:
        """Complete a report: its status and summary, and its test cases or covered files."""
        self._save(report | dict(members))
        self._store.put(DETAILS, report["arn"], {"items": details})

    def _save(self, report: Document) -> None:
        self._store.put(REPORT, report["arn"], report, parent=report["reportGroupArn"], rank=report["created"])

    def delete_report(self, report_arn: str) -> None:
        self._store.delete(REPORT, report_arn)
        self._store.delete(DETAILS, report_arn)

    def batch_get_reports(self, arns: list[str]) -> dict[str, Any]:
        return answers.named("reports", arns, lambda key: self._store.get(REPORT, key))

    def list_reports(self, request: Mapping[str, Any], group_arn: str | None = None) -> dict[str, Any]:
        if group_arn is not None:
            self.get(group_arn)
        is_ascending = request.get("sortOrder", "DESCENDING") == "ASCENDING"
        keys = self._store.keys(REPORT, parent=group_arn, is_ascending=is_ascending)
        wanted = request.get("filter", {}).get("status")
        if wanted:
            keys = [key for key in keys if (self._store.get(REPORT, key) or {}).get("status") == wanted]
        return answers.listed("reports", keys, request)

    def details(self, report_arn: str) -> list[Document]:
        """Return a report's test cases or covered files. Raises ResourceNotFoundException."""
        if self._store.get(REPORT, report_arn) is None:
            raise ServiceError("ResourceNotFoundException", f"Report not found: {report_arn}")
        return list((self._store.get(DETAILS, report_arn) or {"items": []})["items"])

    def test_cases(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("filter", {})
        cases = [
            case
            for case in self.details(request["reportArn"])
            if wanted.get("status") in {None, case["status"]} and wanted.get("keyword", "") in case["name"]
        ]
        return answers.listed("testCases", cases, request)

    def coverages(self, request: Mapping[str, Any]) -> dict[str, Any]:
        files = self.details(request["reportArn"])
        low, high = request.get("minLineCoveragePercentage", 0), request.get("maxLineCoveragePercentage", 100)
        files = [file for file in files if low <= file["lineCoveragePercentage"] <= high]
        key = "filePath" if request.get("sortBy") == "FILE_PATH" else "lineCoveragePercentage"
        files.sort(key=lambda file: (file[key], file["filePath"]), reverse=request.get("sortOrder") == "DESCENDING")
        return answers.listed("codeCoverages", files, request)
