"""CycloneDX 1.2 to 1.7, JSON and XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import SEVERITIES, Finding, Severity
from buildgate.reports.components.tally import Components
from buildgate.reports.findings import Findings, brief, fingerprint, severity, severity_of_score
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import at, listing, mapping, number, text
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_SETTLED: Final = frozenset({"not_affected", "false_positive", "resolved", "resolved_with_pedigree"})


class CycloneDx:
    """Reader of CycloneDX."""

    name = "cyclonedx"
    title = "CycloneDX JSON or XML"
    reads = "components, findings"
    kinds = ("json", "xml")

    def sniff(self, head: Head) -> int | None:
        """The format's own name; in XML the root `bom` of its namespace."""
        if head.kind == "xml":
            return 95 if head.root.name == "bom" and "cyclonedx" in head.text[:4000].lower() else None
        if head.scalars.get("bomFormat", "").lower() == "cyclonedx":
            return 100
        return 85 if head.has("specVersion", "components") and not head.is_array else None

    def read(self, document: Document) -> None:
        """Count components, nested ones too, and vulnerabilities; those an analysis settled are suppressed."""
        bill = _Bill(document)
        if document.head.kind == "xml":
            document.walk(_BillXml(bill))
        else:
            cursor = stream(document)
            bill.top(cursor)
            cursor.finish()
        bill.finish()


class _Bill:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.components = Components(document)
        self.findings = Findings(document)
        self.has_vulnerabilities = False

    def top(self, cursor: JsonStream) -> None:
        for key in cursor.members():
            if key == "components" and cursor.is_array():
                for _ in cursor.items():
                    self.component(cursor)
            elif key == "vulnerabilities" and cursor.is_array():
                self.has_vulnerabilities = True
                for value in cursor.values():
                    self.vulnerability(mapping(value))

    def component(self, cursor: JsonStream) -> None:
        licences: list[str] = []
        for key in cursor.members():
            if key == "licenses" and cursor.is_array():
                licences += [_licence(mapping(value)) for value in cursor.values()]
            elif key == "components" and cursor.is_array():
                for _ in cursor.items():
                    self.component(cursor)
        self.components.add(licences)

    def vulnerability(self, entry: dict[str, Any]) -> None:
        ratings = [
            _rating(text(at(r, "severity")), at(r, "score"), text(at(r, "method")))
            for r in listing(entry.get("ratings"))
        ]
        facts = {"id": text(entry.get("id")), "fix": text(entry.get("recommendation"))}
        facts["about"] = text(entry.get("description") or entry.get("detail"))
        facts["state"] = text(at(entry, "analysis", "state"))
        facts["affects"] = text(at(entry, "affects", 0, "ref"))
        self.add_vulnerability(facts, ratings)

    def add_vulnerability(self, facts: dict[str, str], ratings: list[Severity]) -> None:
        """Count one vulnerability with the worst of its ratings."""
        self.has_vulnerabilities = True
        rated = [rating for rating in ratings if rating != "unknown"]
        self.findings.add(
            Finding(
                rule=facts["id"],
                severity=min(rated, key=SEVERITIES.index) if rated else "unknown",
                message=brief(facts["about"]),
                fingerprint=fingerprint("cyclonedx", facts["id"], facts["affects"]),
                package=facts["affects"] or None,
                fixed_version=brief(facts["fix"]) or None,
                is_suppressed=facts["state"].lower() in _SETTLED,
            )
        )

    def finish(self) -> None:
        """Vulnerabilities are measured only where the bill has a list of them."""
        if self.has_vulnerabilities:
            self.findings.finish()
        self.components.finish(self.findings.total if self.has_vulnerabilities else None)


def _licence(entry: dict[str, Any]) -> str:
    return text(entry.get("expression") or at(entry, "license", "id") or at(entry, "license", "name"))


def _rating(word: str, score: object, method: str) -> Severity:
    """Return a rating's word, or what its CVSS score means."""
    level = severity(word)
    figure = number(score)
    if level == "unknown" and figure is not None and method.upper().startswith("CVSS"):
        return severity_of_score(figure)
    return level


class _BillXml(Elements):
    """Components count only where the bill lists them: not its tools', a component's ancestors or its evidence."""

    texts = frozenset(
        {"id", "name", "expression", "severity", "score", "method", "state", "ref", "description", "recommendation"}
    )

    def __init__(self, bill: _Bill) -> None:
        super().__init__()
        self.bill = bill
        self.licences: list[list[str]] = []
        self.facts: dict[str, str] = {}
        self.ratings: list[Severity] = []
        self.rating: dict[str, str] = {}

    @property
    def is_listed(self) -> bool:
        """Whether the element at hand is a component that the bill lists, at any depth."""
        return self.path[-1] == "component" and not set(self.path[1:]) - {"components", "component"}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "component" and self.is_listed:
            self.licences.append([])
        elif name == "expression-detailed" and self.path[-3:-1] == ["component", "licenses"]:
            self.note_licence(attributes.get("expression", ""))
        elif name == "vulnerability" and self.path[1:] == ["vulnerabilities", "vulnerability"]:
            self.facts, self.ratings = dict.fromkeys(("id", "about", "fix", "state", "affects"), ""), []
        elif name == "rating":
            self.rating = {}

    def end(self, name: str, text: str) -> None:
        parent, value = self.path[-2] if len(self.path) > 1 else "", text.strip()
        if name == "component" and self.is_listed:
            self.bill.components.add(self.licences.pop())
        elif self.licences:
            is_own = self.path[-3:-1] == ["component", "licenses"] or self.path[-4:-2] == ["component", "licenses"]
            if is_own and (name == "expression" or (parent == "license" and name in {"id", "name"})):
                self.note_licence(value)
        elif name == "vulnerability" and self.facts and self.path[1:] == ["vulnerabilities", "vulnerability"]:
            self.bill.add_vulnerability(self.facts, self.ratings)
            self.facts = {}
        elif self.facts:
            self.vulnerability_part(name, parent, value)

    def note_licence(self, value: str) -> None:
        """Note a licence of the component at hand; not of one that the bill does not list."""
        owner = self.path[: len(self.path) - self.path[::-1].index("component")]
        if self.licences and not set(owner[1:]) - {"components", "component"} and value:
            self.licences[-1].append(value)

    def vulnerability_part(self, name: str, parent: str, value: str) -> None:
        if name == "rating":
            level = _rating(self.rating.get("severity", ""), self.rating.get("score"), self.rating.get("method", ""))
            self.ratings.append(level)
        elif parent == "rating":
            self.rating[name] = value
        elif parent == "vulnerability" and name in {"id", "description", "recommendation"}:
            self.facts[{"description": "about", "recommendation": "fix"}.get(name, name)] = value
        elif parent == "analysis" and name == "state":
            self.facts["state"] = value
        elif name == "ref":
            self.facts["affects"] = self.facts["affects"] or value
