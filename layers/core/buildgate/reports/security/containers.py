"""Trivy and Grype: images, file systems, clusters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import at, listing, mapping, text, whole
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_LISTS: Final = ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses")
_GROUPS: Final = ("Resources", "Findings", "Vulnerabilities", "Misconfigurations", "Results")
_SUPPRESSED: Final = frozenset({"ignored", "not_affected", "fixed", "false_positive"})


class Trivy:
    """Reader of Trivy's JSON: schema 2, the bare list before it, and Kubernetes."""

    name = "trivy"
    title = "Trivy JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a target, an artifact, or a cluster."""
        if head.is_array:
            has_list = any(head.has(f"[].{name}") for name in _LISTS)
            return 85 if head.has("[].Target") and (has_list or head.has("[].Type") or head.has("[].Class")) else None
        if head.has("SchemaVersion", "ArtifactName") or head.has("Results[].Target"):
            return 95
        return 90 if head.has("ClusterName") else None

    def read(self, document: Document) -> None:
        """Read every result, wherever it lies."""
        results = _Trivy(document)
        cursor = stream(document)
        results.results(cursor) if cursor.is_array() else results.top(cursor)
        cursor.finish()
        results.findings.finish()


class _Trivy:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.target = ""

    def top(self, cursor: JsonStream) -> None:
        """Read an artifact or a cluster; in a cluster each resource has results of its own."""
        has_results = False
        for key in cursor.members():
            if key == "Results":
                has_results |= cursor.is_array()
                self.results(cursor)
            elif key in _GROUPS and cursor.is_array():
                has_results = True
                for _ in cursor.items():
                    self.top_of_resource(cursor)
        if not has_results:
            self.document.warn("the report has no results: nothing that could be scanned was found")

    def top_of_resource(self, cursor: JsonStream) -> None:
        for key in cursor.members():
            if key == "Results":
                self.results(cursor)
            elif key == "Error" and cursor.peek() == '"':
                self.document.warn(f"a resource was not scanned: {brief(cursor.value())}")

    def results(self, cursor: JsonStream) -> None:
        for _ in cursor.items():
            self.result(cursor)

    def result(self, cursor: JsonStream) -> None:
        self.target = ""
        for key in cursor.members():
            if key == "Target":
                self.target = text(cursor.value())
            elif key in _LISTS:
                for entry in cursor.values():
                    self.entry(key, mapping(entry))
            elif key in {"ModifiedFindings", "ExperimentalModifiedFindings"}:
                for entry in cursor.values():
                    self.modified(mapping(entry))

    def entry(self, kind: str, entry: dict[str, Any], *, is_suppressed: bool = False) -> None:
        """Take one entry of a list; a misconfiguration check that passed is none."""
        status = text(entry.get("Status")).upper()
        if kind == "Misconfigurations" and status in {"PASS", "EXCEPTION"}:
            if status == "PASS":
                return
            is_suppressed = True
        rule = text(entry.get("VulnerabilityID") or entry.get("ID") or entry.get("RuleID") or entry.get("Name"))
        package = text(entry.get("PkgName")) or None
        file = text(entry.get("PkgPath") or entry.get("FilePath")) or self.target or None
        level = severity(entry.get("Severity"))
        line = whole(entry.get("StartLine")) or whole(at(entry, "CauseMetadata", "StartLine"))
        make = partial(
            Finding,
            rule=rule,
            severity=level,
            message=brief(entry.get("Title") or entry.get("Message") or entry.get("Description") or ""),
            file=file,
            line=line or None,
            fingerprint=fingerprint("trivy", rule, file, package, at(entry, "CauseMetadata", "Resource")),
            package=f"{package}@{entry.get('InstalledVersion')}"
            if package and entry.get("InstalledVersion")
            else package,
            fixed_version=text(entry.get("FixedVersion")) or None,
            is_suppressed=is_suppressed,
        )
        self.findings.add(make())

    def modified(self, entry: dict[str, Any]) -> None:
        """Take a finding that an ignore file or a VEX document took out."""
        if text(entry.get("Status")).lower() in _SUPPRESSED:
            kinds = {
                "vulnerability": _LISTS[0],
                "misconfiguration": _LISTS[1],
                "secret": _LISTS[2],
                "license": _LISTS[3],
            }
            kind = kinds.get(text(entry.get("Type")).lower(), _LISTS[0])
            found = {**mapping(entry.get("Finding")), "Status": ""}
            self.entry(kind, found, is_suppressed=True)


class Grype:
    """Reader of Grype's JSON."""

    name = "grype"
    title = "Grype JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Matches of vulnerability and artifact, or Grype's descriptor."""
        if head.has("matches[].vulnerability"):
            return 95
        if head.has("matches", "descriptor") and head.scalars.get("descriptor.name") == "grype":
            return 95
        if head.is_array or not head.has("matches"):
            return None
        return 70 if head.has("source") or head.paths == {"matches"} else None

    def read(self, document: Document) -> None:
        """Count the matches; the ignored ones are suppressed."""
        findings = Findings(document)

        def match(value: Any, *, is_suppressed: bool = False) -> None:
            vulnerability, artifact = mapping(at(value, "vulnerability")), mapping(at(value, "artifact"))
            rule, package = text(vulnerability.get("id")), text(artifact.get("name"))
            file = text(at(artifact, "locations", 0, "path")) or None
            fixed = ", ".join(map(text, listing(at(vulnerability, "fix", "versions"))))
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(vulnerability.get("severity")),
                    message=brief(vulnerability.get("description") or ""),
                    file=file,
                    fingerprint=fingerprint("grype", rule, package, artifact.get("type"), file),
                    package=f"{package}@{text(artifact.get('version'))}",
                    fixed_version=fixed or None,
                    is_suppressed=is_suppressed,
                )
            )

        follow(document, {"matches[]": match, "ignoredMatches[]": partial(match, is_suppressed=True)})
        findings.finish()
