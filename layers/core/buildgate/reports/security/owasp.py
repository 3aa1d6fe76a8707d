"""OWASP Dependency-Check and ZAP, both as JSON and as XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding, Severity
from buildgate.reports.findings import Findings, brief, fingerprint, severity, severity_of_score
from buildgate.reports.json_values import at, listing, mapping, number, text
from buildgate.reports.routes import follow
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_RISKS: Final[dict[str, Severity]] = {"3": "high", "2": "medium", "1": "low", "0": "info"}
_FALSE_POSITIVE: Final = "0"


class DependencyCheck:
    """Reader of Dependency-Check's JSON and XML."""

    name = "dependency-check"
    title = "OWASP Dependency-Check JSON or XML"
    reads = "findings"
    kinds = ("json", "xml")

    def sniff(self, head: Head) -> int | None:
        """The report's schema with the engine's version; in XML the root `analysis`."""
        if head.kind == "xml":
            return 90 if head.root.name == "analysis" and "dependency-check" in head.text[:4000].lower() else None
        return 95 if head.has("reportSchema", "scanInfo") or head.has("scanInfo.engineVersion") else None

    def read(self, document: Document) -> None:
        """Count each vulnerability of each dependency."""
        findings = Findings(document)
        if document.head.kind == "xml":
            document.walk(_DependencyCheckXml(findings))
        else:
            follow(document, {"dependencies[]": lambda value: _dependency(findings, mapping(value))})
        findings.finish()


def _dependency(findings: Findings, entry: dict[str, Any]) -> None:
    file = text(entry.get("fileName"))
    for key, is_suppressed in (("vulnerabilities", False), ("suppressedVulnerabilities", True)):
        for found in map(mapping, listing(entry.get(key))):
            score = at(found, "cvssv4", "baseScore") or at(found, "cvssv3", "baseScore") or at(found, "cvssv2", "score")
            level = _rated(text(found.get("severity")), number(score))
            rule = text(found.get("name"))
            message = brief(found.get("description") or "")
            findings.add(_vulnerability(rule, level, message, file, is_suppressed=is_suppressed))


def _vulnerability(rule: str, level: Severity, message: str, file: str, *, is_suppressed: bool) -> Finding:
    return Finding(
        rule=rule,
        severity=level,
        message=message,
        file=file or None,
        fingerprint=fingerprint("dependency-check", rule, file),
        package=file or None,
        is_suppressed=is_suppressed,
    )


def _rated(word: str, score: float | None) -> Severity:
    """Return the severity by its word, or by its score where the word is none (`0.0`, `unscored`)."""
    level = severity(word)
    return severity_of_score(score) if level == "unknown" and score is not None else level


class _DependencyCheckXml(Elements):
    texts = frozenset({"fileName", "name", "severity", "baseScore", "score", "description"})

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings = findings
        self.file = ""
        self.facts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in {"vulnerability", "suppressedVulnerability"}:
            self.facts = {}

    def end(self, name: str, text: str) -> None:
        parent = self.path[-2] if len(self.path) > 1 else ""
        if name == "fileName" and parent == "dependency":
            self.file = text.strip()
        elif name in {"vulnerability", "suppressedVulnerability"} and "vulnerabilities" in self.path:
            level = _rated(self.facts.get("severity", ""), number(self.facts.get("score")))
            is_suppressed = name == "suppressedVulnerability"
            rule, message = self.facts.get("name", ""), brief(self.facts.get("description", ""))
            self.findings.add(_vulnerability(rule, level, message, self.file, is_suppressed=is_suppressed))
        elif name in {"baseScore", "score"}:
            self.facts["score"] = text.strip()
        elif parent in {"vulnerability", "suppressedVulnerability"} and name in self.texts:
            self.facts[name] = text.strip()


class Zap:
    """Reader of ZAP's traditional report, JSON and XML."""

    name = "zap"
    title = "ZAP JSON or XML"
    reads = "findings"
    kinds = ("json", "xml")

    def sniff(self, head: Head) -> int | None:
        """Sites with alerts; in XML the root `OWASPZAPReport`."""
        if head.kind == "xml":
            return 95 if head.root.name == "OWASPZAPReport" else None
        if head.has("site[].alerts") or head.has("site.alerts") or "ZAP" in head.scalars.get("@programName", ""):
            return 95
        return 80 if head.has("site", "@version") else None

    def read(self, document: Document) -> None:
        """Count each alert once per site; those marked false positive are suppressed."""
        findings = Findings(document)
        if document.head.kind == "xml":
            document.walk(_ZapXml(findings))
        else:
            _zap_json(document, findings)
        findings.finish()


def _zap_json(document: Document, findings: Findings) -> None:
    """Read the sites: a list, or in old versions a single object."""

    def site(value: Any) -> None:
        for one in value if isinstance(value, list) else [value]:
            _site(findings, mapping(one))

    is_list = any(path.startswith("site[]") for path in document.head.paths)
    follow(document, {"site[]" if is_list else "site": site})


def _site(findings: Findings, site: dict[str, Any]) -> None:
    for alert in map(mapping, listing(site.get("alerts"))):
        place = text(at(alert, "instances", 0, "uri")) or text(site.get("@name"))
        facts = {
            key: text(alert.get(key)) for key in ("pluginid", "alertRef", "name", "alert", "riskcode", "confidence")
        }
        findings.add(_alert(facts, text(site.get("@name")), place))


def _alert(facts: dict[str, str], site: str, place: str) -> Finding:
    rule = facts.get("alertRef") or facts.get("pluginid", "")
    return Finding(
        rule=rule,
        severity=_RISKS.get(facts.get("riskcode", "").strip(), "unknown"),
        message=brief(facts.get("name") or facts.get("alert") or ""),
        file=place or None,
        fingerprint=fingerprint("zap", rule, site, facts.get("name") or facts.get("alert")),
        is_suppressed=facts.get("confidence", "").strip() == _FALSE_POSITIVE,
    )


class _ZapXml(Elements):
    texts = frozenset({"pluginid", "alertRef", "name", "alert", "riskcode", "confidence", "uri"})

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings = findings
        self.site = ""
        self.facts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "site":
            self.site = attributes.get("name", "")
        elif name == "alertitem":
            self.facts = {}

    def end(self, name: str, text: str) -> None:
        if name == "alertitem":
            self.findings.add(_alert(self.facts, self.site, self.facts.get("uri") or self.site))
        elif name in self.texts and "alertitem" in self.path:
            self.facts.setdefault(name, text.strip())
