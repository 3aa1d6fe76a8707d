"""SARIF 2.1.0, from any analyser.

A result counts when its kind is `fail` (or absent), no accepted suppression applies and it is not of an earlier run
only. Its severity is its own or its rule's `security-severity` where there is one, else its level, else its rule's
default level, else `warning`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildgate.domain.measurements import Finding, Severity
from buildgate.reports.findings import Findings, brief, fingerprint, severity_of_score
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import at, mapping, number, text, whole
from buildgate.reports.refusal import Refuse, within_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_LEVELS: Final[dict[str, Severity]] = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_INACTIVE: Final = frozenset({"rejected", "underReview"})
_DRIVER: Final = -1
_NOWHERE: Final = -2


class _Rule(NamedTuple):
    id: str
    scored: Severity | None
    level: Severity | None
    about: str


class _Key(NamedTuple):
    """What a result says about its rule and level: enough to know its severity once the rules are known."""

    rule: str
    component: int
    place: int
    level: str


class Sarif:
    """Reader of SARIF."""

    name = "sarif"
    title = "SARIF 2.1.0"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """The schema says so, or there are runs of a tool with a driver."""
        if head.is_array:
            return None
        is_named = "sarif" in head.scalars.get("$schema", "").lower()
        if is_named or head.has("runs[].tool.driver"):
            return 95
        is_versioned = head.scalars.get("version", "").startswith("2.")
        return 80 if head.has("runs") and (is_versioned or head.has("runs[].results[].ruleId")) else None

    def read(self, document: Document) -> None:
        """Read every run."""
        cursor = stream(document)
        findings = Findings(document)
        runs = 0
        for key in cursor.members():
            if key == "runs":
                for _ in cursor.items():
                    runs += 1
                    _Run(document, findings).read(cursor)
        cursor.finish()
        if not runs:
            document.warn("the log holds no run")
        findings.finish()


class _Run:
    """One run. Rules may come after the results that need them: those wait, counted by what they say."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self.document = document
        self.findings = findings
        self.by_id: dict[str, _Rule] = {}
        self.by_index: dict[tuple[int, int], _Rule] = {}
        self.severities: dict[_Key, Severity] = {}
        self.has_rules = False
        self.has_results = False
        self.has_failed = False
        self.waiting: dict[_Key, int] = {}
        self.held: list[tuple[_Key, Finding]] = []

    def read(self, cursor: JsonStream) -> None:
        """Read the run's parts in whatever order they come."""
        for key in cursor.members():
            if key == "tool":
                self.tool(cursor)
            elif key == "results" and cursor.is_array():
                self.has_results = True
                self.results(cursor.values())
            elif key == "invocations" and cursor.is_array():
                for invocation in cursor.values():
                    self.has_failed |= mapping(invocation).get("executionSuccessful") is False
            elif key == "externalPropertyFileReferences" and at(cursor.value(), "results"):
                raise Refuse("no_results", "the results lie in other files, which are not read")
        self.settle()
        if self.has_failed and not self.has_results:
            raise Refuse("no_results", "the tool says its run failed, and there are no results")
        if self.has_failed:
            self.document.warn("the tool says its run failed; there may be more to find")
        if not self.has_results:
            self.document.warn("a run has no results: the tool may not have scanned")

    def tool(self, cursor: JsonStream) -> None:
        self.has_rules = True
        for key in cursor.members():
            if key == "driver":
                self.component(cursor, _DRIVER)
            elif key == "extensions":
                for index in cursor.items():
                    self.component(cursor, index)

    def component(self, cursor: JsonStream, component: int) -> None:
        for key in cursor.members():
            if key == "rules":
                for index, rule in enumerate(cursor.values()):
                    self.rule(component, index, mapping(rule))

    def rule(self, component: int, index: int, rule: dict[str, Any]) -> None:
        """Note what a rule says about its results."""
        score = number(at(rule, "properties", "security-severity"))
        level = _LEVELS.get(text(at(rule, "defaultConfiguration", "level")))
        about = at(rule, "shortDescription", "text") or at(rule, "fullDescription", "text") or rule.get("name") or ""
        scored = severity_of_score(score) if score is not None else None
        noted = _Rule(text(rule.get("id")), scored, level, brief(about))
        self.by_index[component, index] = noted
        within_bounds(self.by_index, "rules")
        if component == _DRIVER or noted.id not in self.by_id:
            self.by_id[noted.id] = noted

    def results(self, results: Iterable[Any]) -> None:
        """Count every result. The hot path."""
        findings, severities = self.findings, self.severities
        for result in results:
            if not isinstance(result, dict) or result.get("kind", "fail") != "fail":
                continue
            if result.get("baselineState") == "absent":
                continue
            key = _key(result)
            level = severities.get(key) or self.severity(key)
            score = at(result, "properties", "security-severity")
            if score is not None:
                level = severity_of_score(number(score))
            if _is_suppressed(result):
                findings.add(self.finding(result, key, level or "unknown", is_suppressed=True))
            elif level is None:
                self.waiting[key] = self.waiting.get(key, 0) + 1
                within_bounds(self.waiting, "rules")
                if len(self.held) < self.document.limits.findings_kept:
                    self.held.append((key, self.finding(result, key, "unknown")))
            else:
                findings.count(level)
                if findings.wants(level):
                    findings.keep(self.finding(result, key, level))

    def severity(self, key: _Key) -> Severity | None:
        """Return the severity of results that say this; None while the rules are still to come."""
        if not self.has_rules:
            return None
        rule = self.rule_of(key)
        level = (rule.scored if rule else None) or _LEVELS.get(key.level) or (rule.level if rule else None) or "medium"
        self.severities[key] = level
        within_bounds(self.severities, "rules")
        return level

    def rule_of(self, key: _Key) -> _Rule | None:
        """Return a result's rule: by its place if the name agrees, else by name; `CA1000/1` is a part of CA1000."""
        found = self.by_index.get((key.component, key.place))
        if found is not None and (not key.rule or key.rule == found.id or key.rule.startswith(f"{found.id}/")):
            return found
        return self.by_id.get(key.rule) or self.by_id.get(key.rule.rpartition("/")[0]) or found

    def finding(self, result: dict[str, Any], key: _Key, level: Severity, *, is_suppressed: bool = False) -> Finding:
        rule = self.rule_of(key)
        name = key.rule or (rule.id if rule else "")
        place = at(result, "locations", 0, "physicalLocation")
        file = text(at(place, "artifactLocation", "uri")) or None
        message = brief(
            at(result, "message", "text") or at(result, "message", "markdown") or (rule.about if rule else "")
        )
        return Finding(
            rule=name,
            severity=level,
            message=message,
            file=file,
            line=whole(at(place, "region", "startLine")),
            fingerprint=_fingerprint(result, name, file, message),
            is_suppressed=is_suppressed,
        )

    def settle(self) -> None:
        """Give the results that waited the severity of their rules."""
        self.has_rules = True
        for key, count in self.waiting.items():
            self.findings.count(self.severity(key) or "medium", count)
        for key, finding in self.held:
            rule = self.rule_of(key)
            name = finding.rule or (rule.id if rule else "")
            message = finding.message or (rule.about if rule else "")
            self.findings.keep(replace(finding, rule=name, severity=self.severity(key) or "medium", message=message))


def _key(result: dict[str, Any]) -> _Key:
    level = result.get("level")
    rule = result.get("rule")
    if isinstance(rule, dict):
        component = whole(at(rule, "toolComponent", "index"))
        index = whole(rule.get("index", result.get("ruleIndex")))
        name = text(rule.get("id") or result.get("ruleId"))
        return _Key(
            name, _DRIVER if component is None else component, _NOWHERE if index is None else index, text(level)
        )
    index = result.get("ruleIndex")
    return _Key(
        text(result.get("ruleId")), _DRIVER, index if isinstance(index, int) and index >= 0 else _NOWHERE, text(level)
    )


def _is_suppressed(result: dict[str, Any]) -> bool:
    suppressions = result.get("suppressions")
    return isinstance(suppressions, list) and any(mapping(s).get("status") not in _INACTIVE for s in suppressions)


def _fingerprint(result: dict[str, Any], rule: str, file: str | None, message: str) -> str:
    """Return the tool's own fingerprint where it gives one; else one of rule, file and message."""
    for key in ("fingerprints", "partialFingerprints"):
        given = result.get(key)
        if isinstance(given, dict) and given:
            values = ",".join(f"{name}={given[name]}" for name in sorted(given))
            return fingerprint(rule, values, "" if key == "fingerprints" else file)
    return fingerprint(rule, file, message)
