"""Checkmarx: the XML of CxSAST and the JSON of Checkmarx One."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_stream import at, mapping, number, text, whole
from buildgate.reports.routes import follow
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_NOT_EXPLOITABLE: Final = "1"


class CheckmarxXml:
    """Reader of CxSAST's XML."""

    name = "checkmarx-xml"
    title = "Checkmarx SAST XML"
    reads = "findings"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `CxXMLResults`."""
        return 95 if head.root.name == "CxXMLResults" else None

    def read(self, document: Document) -> None:
        """Count the results; false positives and those judged not exploitable are suppressed."""
        results = _Results(document)
        document.walk(results)
        results.findings.finish()


class _Results(Elements):
    def __init__(self, document: Document) -> None:
        super().__init__()
        self.findings = Findings(document)
        self.query: dict[str, str] = {}
        self.result: dict[str, str] = {}
        self.similarity = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Query":
            self.query = attributes
        elif name == "Result":
            self.result, self.similarity = attributes, ""
        elif name == "Path":
            self.similarity = attributes.get("SimilarityId", "")

    def end(self, name: str, text: str) -> None:
        if name != "Result":
            return
        result, query = self.result, self.query
        if result.get("Status", "").lower() == "fixed":
            return
        rule, file = query.get("name", ""), result.get("FileName", "")
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(result.get("Severity") or query.get("Severity")),
                message=brief(rule.replace("_", " ")),
                file=file or None,
                line=whole(result.get("Line")),
                fingerprint=fingerprint("checkmarx", query.get("id"), file, self.similarity),
                is_suppressed=result.get("FalsePositive", "").lower() == "true"
                or result.get("state") == _NOT_EXPLOITABLE,
            )
        )


class Checkmarx:
    """Reader of Checkmarx One's JSON."""

    name = "checkmarx"
    title = "Checkmarx One JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a similarity id, or a scan id with a total."""
        if head.has("results[].similarityId") or head.has("results[].similarityID"):
            return 90
        return 80 if head.has("results", "totalCount") and (head.has("scanID") or head.has("scanId")) else None

    def read(self, document: Document) -> None:
        """Count the results; the stated total is compared."""
        findings = Findings(document)
        said: list[float | None] = []

        def result(value: Any) -> None:
            entry, data = mapping(value), mapping(at(value, "data"))
            rule = text(data.get("queryName") or at(entry, "vulnerabilityDetails", "cveName") or entry.get("id"))
            file = text(at(data, "nodes", 0, "fileName") or data.get("fileName") or data.get("filename"))
            package = text(data.get("packageIdentifier"))
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(entry.get("severity")),
                    message=brief(entry.get("description") or rule),
                    file=file or None,
                    line=whole(at(data, "nodes", 0, "line") or data.get("line")),
                    fingerprint=fingerprint("checkmarx", rule, entry.get("similarityId", entry.get("similarityID"))),
                    package=package or None,
                    fixed_version=text(data.get("recommendedVersion")) or None,
                    is_suppressed=text(entry.get("state")).upper() in {"NOT_EXPLOITABLE", "IGNORED", "MUTED"},
                )
            )

        follow(document, {"results[]": result, "totalCount": lambda value: said.append(number(value))})
        findings.finish()
        if said and said[0] is not None and said[0] > findings.total + findings.suppressed:
            document.warn(f"the report states {said[0]:g} results and lists {findings.total + findings.suppressed}")
