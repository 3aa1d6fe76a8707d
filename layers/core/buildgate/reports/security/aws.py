"""AWS: Inspector's findings, ECR's image scans, and the Security Finding Format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import SEVERITIES, Control, ControlStatus, Finding
from buildgate.reports.compliance.tally import Controls
from buildgate.reports.findings import Findings, brief, fingerprint, severity, severity_of_score
from buildgate.reports.json_values import at, listing, mapping, number, text
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import Routes, follow, records

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_DONE: Final = frozenset({"", "COMPLETE", "ACTIVE"})
_COMPLIANCE: Final[dict[str, ControlStatus]] = {
    "PASSED": "passed",
    "FAILED": "failed",
    "WARNING": "manual",
    "NOT_AVAILABLE": "not_applicable",
}


def _refuse_more(value: Any) -> None:
    if value:
        raise Refuse("truncated", "the list goes on (nextToken): collect every page into one file")


def _inspector(findings: Findings, entry: dict[str, Any]) -> None:
    """Take one finding of Inspector, or of ECR's enhanced scanning, which has the same shape."""
    status = text(entry.get("status")).upper()
    if status == "CLOSED":
        return
    details = mapping(entry.get("packageVulnerabilityDetails"))
    package = mapping(at(details, "vulnerablePackages", 0))
    rule = text(details.get("vulnerabilityId") or entry.get("type") or entry.get("title"))
    name, fixed = text(package.get("name")), text(package.get("fixedInVersion"))
    file = text(package.get("filePath") or at(entry, "codeVulnerabilityDetails", "filePath", "filePath"))
    resource = text(at(entry, "resources", 0, "id"))
    findings.add(
        Finding(
            rule=rule,
            severity=severity(entry.get("severity")),
            message=brief(entry.get("title") or entry.get("description") or ""),
            file=file or resource or None,
            fingerprint=fingerprint("inspector", rule, name, file, resource.partition("/sha256:")[0]),
            package=f"{name}@{text(package.get('version'))}" if name else None,
            fixed_version=fixed if fixed not in {"", "NotAvailable"} else None,
            is_suppressed=status == "SUPPRESSED",
        )
    )


class Inspector:
    """Reader of Inspector's `list-findings`."""

    name = "inspector"
    title = "Amazon Inspector findings"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Findings with an ARN and a severity."""
        if head.has("findings[].findingArn") or head.has("findings[].packageVulnerabilityDetails"):
            return 95
        top = {path for path in head.paths if "." not in path and "[" not in path}
        return 50 if top and top <= {"findings", "nextToken"} and "findings" in top else None

    def read(self, document: Document) -> None:
        """Count what is active; what is suppressed is counted apart, what is closed not at all."""
        findings = Findings(document)
        routes: Routes = {
            "findings[]": lambda value: _inspector(findings, mapping(value)),
            "nextToken": _refuse_more,
            "NextToken": _refuse_more,
        }
        follow(document, routes)
        findings.finish()


class EcrScan:
    """Reader of ECR's `describe-image-scan-findings`, basic and enhanced."""

    name = "ecr-scan"
    title = "Amazon ECR image scan"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Scan findings of an image."""
        return 95 if head.has("imageScanFindings") or head.has("imageScanStatus") else None

    def read(self, document: Document) -> None:
        """Count the findings; where the list is only one page, the stated counts stand."""
        scan = _EcrScan(document)
        follow(
            document,
            {
                "imageScanFindings.findings[]": scan.basic,
                "imageScanFindings.enhancedFindings[]": lambda value: _inspector(scan.findings, mapping(value)),
                "imageScanFindings.findingSeverityCounts": scan.counts,
                "imageScanStatus": scan.status,
                "nextToken": scan.next_page,
            },
        )
        scan.finish()


class _EcrScan:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.said: dict[str, float] = {}
        self.is_partial = False

    def basic(self, value: Any) -> None:
        entry = mapping(value)
        rule = text(entry.get("name"))
        facts = {text(at(a, "key")): text(at(a, "value")) for a in listing(entry.get("attributes"))}
        name = facts.get("package_name", "")
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(entry.get("severity")),
                message=brief(entry.get("description") or ""),
                fingerprint=fingerprint("ecr", rule, name),
                package=f"{name}@{facts.get('package_version', '')}" if name else None,
            )
        )

    def counts(self, value: Any) -> None:
        for word, count in mapping(value).items():
            level = severity(word)
            self.said[level] = self.said.get(level, 0.0) + (number(count) or 0.0)

    def status(self, value: Any) -> None:
        said = text(at(value, "status")).upper()
        if said not in _DONE:
            raise Refuse("no_results", f"the scan is {said}: {brief(at(value, 'description') or '')}")

    def next_page(self, value: Any) -> None:
        self.is_partial = bool(value)

    def finish(self) -> None:
        """Severities that are not stated are zero."""
        if self.is_partial and not self.said:
            _refuse_more(value=True)
        self.findings.finish()
        contents = self.document.contents
        if self.is_partial:
            self.document.warn("the list is one page of several; the stated counts are taken")
            for level in SEVERITIES:
                contents.measure(f"findings.{level}", self.said.get(level, 0.0))
            contents.measure("findings.total", sum(self.said.values()))
        elif self.said:
            for level in SEVERITIES:
                contents.compare(f"findings.{level}", self.said.get(level, 0.0), better=-1)


class Asff:
    """Reader of the AWS Security Finding Format: an answer of Security Hub, a list, or one a line."""

    name = "asff"
    title = "AWS Security Finding Format"
    reads = "findings, compliance"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Findings with a product and a generator."""
        for top in ("Findings[].", "[].", "findings[].", ""):
            if head.has(f"{top}ProductArn", f"{top}GeneratorId") or head.has(
                f"{top}SchemaVersion", f"{top}AwsAccountId"
            ):
                return 95
        return 50 if head.has("Findings") and not head.is_array else None

    def read(self, document: Document) -> None:
        """Count what is active and has not passed; every finding is a result of its control."""
        findings = _Asff(document)
        is_wrapped = document.head.has("Findings") or document.head.has("findings")
        if is_wrapped:
            routes: Routes = {"Findings[]": findings.add, "findings[]": findings.add, "NextToken": _refuse_more}
            follow(document, routes)
        else:
            for record in records(document):
                findings.add(record)
        findings.finish()


class _Asff:
    def __init__(self, document: Document) -> None:
        self.findings = Findings(document)
        self.controls = Controls(document)
        self.has_compliance = False

    def add(self, value: Any) -> None:
        entry = mapping(value)
        if text(entry.get("RecordState")).upper() == "ARCHIVED":
            return
        rule = text(entry.get("GeneratorId") or entry.get("Id"))
        title = brief(entry.get("Title") or "")
        workflow = text(at(entry, "Workflow", "Status")).upper()
        compliance = text(at(entry, "Compliance", "Status")).upper()
        if compliance:
            self.has_compliance = True
            status = _COMPLIANCE.get(compliance, "manual")
            self.controls.add(Control(rule, "not_applicable" if workflow == "SUPPRESSED" else status, title))
        if compliance in {"PASSED", "NOT_AVAILABLE"} or workflow == "RESOLVED":
            return
        resource = text(at(entry, "Resources", 0, "Id"))
        self.findings.add(
            Finding(
                rule=rule,
                severity=_asff_severity(mapping(entry.get("Severity"))),
                message=title,
                file=resource or None,
                fingerprint=fingerprint("asff", rule, resource, text(at(entry, "Resources", 0, "Region"))),
                is_suppressed=workflow == "SUPPRESSED",
            )
        )

    def finish(self) -> None:
        self.findings.finish()
        if self.has_compliance:
            self.controls.finish()


def _asff_severity(said: dict[str, Any]) -> Any:
    """Return the label, or what the normalised figure (0 to 100) means where there is none."""
    if said.get("Label"):
        return severity(said["Label"])
    figure = number(said.get("Normalized"))
    return severity_of_score(figure / 10.0) if figure is not None else severity(said.get("Original"))
