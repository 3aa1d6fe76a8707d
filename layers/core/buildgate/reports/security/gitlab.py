"""GitLab's security reports: SAST, dependency, container, secret, DAST, API fuzzing, coverage fuzzing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.domain.measurements import Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, listing, mapping, text, whole
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head


class GitlabSecurity:
    """Reader of GitLab's security report schema."""

    name = "gitlab-security"
    title = "GitLab security report"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Vulnerabilities with identifiers and a scanner, or a scan with a type and an analyzer."""
        if head.is_array or head.has("bomFormat"):
            return None
        if head.has("vulnerabilities[].identifiers", "vulnerabilities[].location"):
            return 95
        if head.has("vulnerabilities", "scan.type") or head.has("vulnerabilities", "scan.analyzer"):
            return 95
        is_old = head.has("remediations") or head.has("dependency_files")
        return 70 if is_old and head.has("version", "vulnerabilities") else None

    def read(self, document: Document) -> None:
        """Count the vulnerabilities; a scan that says it failed is refused."""
        findings = Findings(document)

        def vulnerability(value: Any) -> None:
            entry, place = mapping(value), mapping(at(value, "location"))
            rule = text(at(entry, "identifiers", 0, "value") or at(entry, "identifiers", 0, "name") or entry.get("id"))
            file = text(place.get("file") or place.get("image") or place.get("hostname"))
            name = text(at(place, "dependency", "package", "name"))
            version = text(at(place, "dependency", "version"))
            own = next((text(mapping(f).get("value")) for f in listing(at(entry, "tracking", "items"))), "")
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(entry.get("severity")),
                    message=brief(entry.get("name") or entry.get("message") or entry.get("description") or ""),
                    file=file or None,
                    line=whole(place.get("start_line")),
                    fingerprint=fingerprint("gitlab", rule, file, name, own or entry.get("id") or entry.get("cve")),
                    package=f"{name}@{version}" if name else None,
                )
            )

        def scan(value: Any) -> None:
            if text(at(value, "status")).lower() == "failure":
                raise Refuse("no_results", "the report says that its scan failed")

        follow(document, {"vulnerabilities[]": vulnerability, "scan": scan})
        findings.finish()
