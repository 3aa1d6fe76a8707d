"""Checkmarx: the XML of CxSAST and the JSON of Checkmarx One."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, listing, mapping, number, text, whole
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
    """Reader of Checkmarx One's JSON: the results of its API and its improved scan report."""

    name = "checkmarx"
    title = "Checkmarx One JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a similarity id, a scan id with a total, or a scan report."""
        if head.has("results[].similarityId") or head.has("results[].similarityID"):
            return 90
        if head.has("scanResults.resultsList") or head.has("reportHeader", "scanResults"):
            return 90
        return 80 if head.has("results", "totalCount") and (head.has("scanID") or head.has("scanId")) else None

    def read(self, document: Document) -> None:
        """Count the results; the stated total is compared."""
        results = _One(document)
        follow(
            document,
            {
                "results[]": results.result,
                "totalCount": results.total,
                "scanResults.totalResults": results.total,
                "scanResults.resultsList[]": results.query,
                "iacScanResults.technology[].queries[]": results.query,
                "scaScanResults.packages[]": results.package,
            },
        )
        results.finish()


class _One:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.said: float | None = None
        self.listed = 0

    def total(self, value: Any) -> None:
        self.said = number(value)

    def result(self, value: Any) -> None:
        """Take one result of the API."""
        self.listed += 1
        entry, data = mapping(value), mapping(at(value, "data"))
        rule = data.get("queryName") or at(entry, "vulnerabilityDetails", "cveName") or entry.get("id")
        place = mapping(at(data, "nodes", 0)) or {"fileName": data.get("fileName") or data.get("filename"), **data}
        self.add(
            entry,
            rule=text(rule),
            file=text(place.get("fileName")),
            line=whole(place.get("line")),
            package=text(data.get("packageIdentifier")),
            fixed=text(data.get("recommendedVersion")),
        )

    def query(self, value: Any) -> None:
        """Take one query of the scan report with its results."""
        query = mapping(value)
        for entry in map(mapping, listing(query.get("vulnerabilities") or query.get("resultsList"))):
            self.listed += 1
            file = entry.get("destinationFileName") or entry.get("fileName")
            line = whole(entry.get("destinationLine") or entry.get("line"))
            self.add(
                {"description": query.get("description"), **entry},
                rule=text(query.get("queryName")),
                file=text(file),
                line=line,
            )

    def package(self, value: Any) -> None:
        """Take one package of the scan report with its vulnerabilities."""
        package = mapping(value)
        name = f"{text(package.get('packageName') or package.get('name'))}@{text(package.get('packageVersion') or package.get('version'))}"
        listed = package.get("vulnerabilities") or package.get("packageVulnerabilities")
        for entry in map(mapping, listing(listed)):
            self.add(entry, rule=text(entry.get("cveName") or entry.get("cve") or entry.get("id")), package=name)

    def add(
        self,
        entry: dict[str, Any],
        *,
        rule: str,
        file: str = "",
        line: int | None = None,
        package: str = "",
        fixed: str = "",
    ) -> None:
        state = text(entry.get("state")).upper().replace(" ", "_")
        similarity = text(entry.get("similarityId", entry.get("similarityID")))
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(entry.get("severity")),
                message=brief(entry.get("description") or rule),
                file=file or None,
                line=line,
                fingerprint=fingerprint("checkmarx", rule, similarity or (file, package)),
                package=package or None,
                fixed_version=fixed or None,
                is_suppressed=state in {"NOT_EXPLOITABLE", "IGNORED", "MUTED"},
            )
        )

    def finish(self) -> None:
        self.findings.finish()
        if self.said is not None and self.said > self.listed:
            self.document.warn(
                f"the report states {self.said:g} results and lists {self.listed}: it is one page of several"
            )
