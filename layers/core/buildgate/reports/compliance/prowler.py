"""Prowler: JSON of version 2 (array or lines) and 3, CSV of both ages, and OCSF."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import Control, ControlStatus, Finding, Severity
from buildgate.reports.compliance.tally import Controls
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, mapping, text
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import records

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_STATUSES: Final[dict[str, ControlStatus]] = {
    "PASS": "passed",
    "FAIL": "failed",
    "MANUAL": "manual",
    "INFO": "manual",
    "WARNING": "manual",
    "MUTED": "not_applicable",
    "NOT_APPLICABLE": "not_applicable",
}


class _Checks:
    """Every row is the result of one check for one resource."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.controls = Controls(document)

    def add(self, check: str, status: str, level: Severity, facts: dict[str, str], *, is_muted: bool = False) -> None:
        """Count one result; `facts` are title, message, resource and region."""
        found = _STATUSES.get(status.strip().upper())
        if found is None:
            self.document.warn(f"the status {status!r} is unknown; counted as manual")
            found = "manual"
        if found == "failed" and is_muted:
            self.controls.add(Control(check, "not_applicable", facts.get("title", "")))
        else:
            self.controls.add(Control(check, found, facts.get("title", "")))
        if found == "failed":
            place = facts.get("resource") or facts.get("region") or ""
            self.findings.add(
                Finding(
                    rule=check,
                    severity=level,
                    message=brief(facts.get("message") or facts.get("title", "")),
                    file=place or None,
                    fingerprint=fingerprint(
                        "prowler", check, facts.get("resource") or facts.get("message"), facts.get("region")
                    ),
                    is_suppressed=is_muted,
                )
            )

    def finish(self) -> None:
        self.findings.finish()
        self.controls.finish()


class ProwlerJson:
    """Reader of Prowler's native JSON, versions 2 and 3."""

    name = "prowler-json"
    title = "Prowler JSON"
    reads = "compliance, findings"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Records with a control and a status (2) or a check id and a status (3)."""
        for top in ("[].", ""):
            if head.has(f"{top}Control", f"{top}Status", f"{top}Severity") or head.has(f"{top}CheckID", f"{top}Status"):
                return 95
        return None

    def read(self, document: Document) -> None:
        """Count every check once, and every failed resource as a finding."""
        checks = _Checks(document)
        for record in records(document):
            entry = mapping(record)
            check = text(entry.get("CheckID") or entry.get("Control ID") or entry.get("Control"))
            facts = {
                "title": text(entry.get("CheckTitle") or entry.get("Control")),
                "message": text(entry.get("StatusExtended") or entry.get("Message")),
                "resource": text(entry.get("ResourceArn") or entry.get("ResourceId")),
                "region": text(entry.get("Region")),
            }
            checks.add(check, text(entry.get("Status")), severity(entry.get("Severity")), facts)
        checks.finish()


class ProwlerOcsf:
    """Reader of Prowler's OCSF, and of other detections in OCSF with a status code."""

    name = "ocsf"
    title = "Prowler OCSF JSON"
    reads = "compliance, findings"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Records with a status code and finding information."""
        for top in ("[].", ""):
            if head.has(f"{top}status_code", f"{top}finding_info") or head.has(f"{top}status_code", f"{top}class_uid"):
                return 95
        return None

    def read(self, document: Document) -> None:
        """Count by status code; a status of Suppressed means muted."""
        checks = _Checks(document)
        for record in records(document):
            entry = mapping(record)
            resource = mapping(at(entry, "resources", 0))
            check = text(at(entry, "metadata", "event_code") or at(entry, "finding_info", "uid"))
            facts = {
                "title": text(at(entry, "finding_info", "title")),
                "message": text(entry.get("status_detail") or entry.get("message")),
                "resource": text(resource.get("uid") or resource.get("name")),
                "region": text(resource.get("region")),
            }
            is_muted = text(entry.get("status")).lower() == "suppressed"
            status = text(entry.get("status_code"))
            checks.add(check, status, severity(entry.get("severity")), facts, is_muted=is_muted)
        checks.finish()


class ProwlerCsv:
    """Reader of Prowler's CSV: `;` since version 3, `,` before."""

    name = "prowler-csv"
    title = "Prowler CSV"
    reads = "compliance, findings"
    kinds = ("text",)

    def sniff(self, head: Head) -> int | None:
        """A header with a check and its result."""
        first = head.text.lstrip("\ufeff \r\n").partition("\n")[0].upper()
        if ";" in first and "CHECK_ID" in first and "STATUS" in first:
            return 95
        return 95 if "TITLE_ID" in first and "CHECK_RESULT" in first else None

    def read(self, document: Document) -> None:
        """Count every check once, and every failed resource as a finding."""
        checks = _Checks(document)
        lines = document.lines()
        header = next(lines, "").lstrip("\ufeff")
        separator = ";" if header.count(";") > header.count(",") else ","
        names = [name.strip().strip('"').upper() for name in header.split(separator)]
        if not {"CHECK_ID", "TITLE_ID"} & set(names):
            raise Refuse("wrong_format", "the first line is no header of Prowler's")
        try:
            for row in csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True):
                if row:
                    _csv_row(checks, dict(zip(names, row, strict=False)))
        except csv.Error as error:
            code = "truncated" if "end of data" in str(error) else "malformed"
            raise Refuse(code, f"the CSV is broken: {error}") from error
        checks.finish()


def _csv_row(checks: _Checks, row: dict[str, str]) -> None:
    facts = {
        "title": row.get("CHECK_TITLE") or row.get("TITLE_TEXT", ""),
        "message": row.get("STATUS_EXTENDED") or row.get("CHECK_RESULT_EXTENDED", ""),
        "resource": row.get("RESOURCE_UID") or row.get("RESOURCE_ARN") or row.get("RESOURCE_ID", ""),
        "region": row.get("REGION", ""),
    }
    status = row.get("STATUS") or row.get("CHECK_RESULT", "")
    level = severity(row.get("SEVERITY") or row.get("CHECK_SEVERITY"))
    is_muted = row.get("MUTED", "").strip().lower() == "true"
    checks.add(row.get("CHECK_ID") or row.get("TITLE_ID", ""), status, level, facts, is_muted=is_muted)
