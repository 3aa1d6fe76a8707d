"""Scanners of code: Bandit, Semgrep, gitleaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding, Severity
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, mapping, text, whole
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head


class Bandit:
    """Reader of `bandit --format json`."""

    name = "bandit"
    title = "Bandit JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a test id and a confidence, or Bandit's totals."""
        if head.has("results[].issue_severity") or head.has("results[].test_id"):
            return 95
        has_totals = any(path.startswith("metrics.") and path.endswith("SEVERITY.HIGH") for path in head.paths)
        return 90 if has_totals or (head.has("errors", "generated_at", "metrics")) else None

    def read(self, document: Document) -> None:
        """Count by severity; files it could not parse are warned about."""
        findings = Findings(document)

        def result(value: Any) -> None:
            entry = mapping(value)
            rule, file = text(entry.get("test_id")), text(entry.get("filename"))
            message = f"{text(entry.get('issue_text'))} (confidence {text(entry.get('issue_confidence')).lower()})"
            code = "".join(line.lstrip("0123456789 ") for line in text(entry.get("code")).splitlines())
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(entry.get("issue_severity")),
                    message=brief(message),
                    file=file or None,
                    line=whole(entry.get("line_number")),
                    fingerprint=fingerprint("bandit", rule, file, code),
                )
            )

        def error(value: Any) -> None:
            document.warn(f"{text(at(value, 'filename'))} was not scanned: {brief(at(value, 'reason'))}")

        follow(document, {"results[]": result, "errors[]": error})
        findings.finish()


_SEMGREP: Final[dict[str, Severity]] = {"INFO": "low", "INVENTORY": "info", "EXPERIMENT": "info"}
"""Semgrep's own scale: ERROR is high, WARNING medium, INFO low."""


class Semgrep:
    """Reader of `semgrep --json`."""

    name = "semgrep"
    title = "Semgrep JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a check id and `extra`, or what was scanned."""
        if head.has("results[].check_id", "results[].extra"):
            return 95
        if head.has("results", "errors") and (head.has("paths.scanned") or head.has("interfile_languages_used")):
            return 90
        if head.has("paths.scanned", "version"):
            return 90
        top = {path for path in head.paths if "." not in path and "[" not in path}
        return 50 if top == {"results", "errors"} and not head.is_array else None

    def read(self, document: Document) -> None:
        """Count by severity; those a comment ignores are suppressed."""
        findings = Findings(document)

        def result(value: Any) -> None:
            entry, extra = mapping(value), mapping(at(value, "extra"))
            rule, file = text(entry.get("check_id")), text(entry.get("path"))
            given = text(extra.get("fingerprint"))
            own = given if given and given != "requires login" else ""
            lines = text(extra.get("lines"))
            code = "" if lines == "requires login" else lines
            findings.add(
                Finding(
                    rule=rule,
                    severity=_SEMGREP.get(text(extra.get("severity"))) or severity(extra.get("severity")),
                    message=brief(extra.get("message") or ""),
                    file=file or None,
                    line=whole(at(entry, "start", "line")),
                    fingerprint=fingerprint("semgrep", rule, file, own or code or extra.get("message")),
                    is_suppressed=extra.get("is_ignored") is True,
                )
            )

        def error(value: Any) -> None:
            where = text(at(value, "path")) or "a rule"
            document.warn(f"semgrep met an error in {where}: {brief(at(value, 'message') or at(value, 'type'))}")

        def scanned(value: Any) -> None:
            if value == []:
                document.warn("semgrep says that it scanned no file")

        follow(document, {"results[]": result, "errors[]": error, "paths.scanned": scanned})
        findings.finish()


class Gitleaks:
    """Reader of gitleaks' JSON. The secrets themselves are never taken over."""

    name = "gitleaks"
    title = "gitleaks JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of leaks with a rule and a secret, or of version 7's offenders."""
        if head.has("[].RuleID", "[].File") and (head.has("[].Secret") or head.has("[].Match")):
            return 95
        return 90 if head.has("[].offender", "[].rule") else None

    def read(self, document: Document) -> None:
        """Count every leak as high: gitleaks rates none, and a leaked secret is no less."""
        findings = Findings(document)

        def leak(value: Any) -> None:
            entry = mapping(value)
            rule = text(entry.get("RuleID") or entry.get("rule"))
            file = text(entry.get("File") or entry.get("file"))
            findings.add(
                Finding(
                    rule=rule,
                    severity="high",
                    message=brief(entry.get("Description") or rule),
                    file=file or None,
                    line=whole(entry.get("StartLine", entry.get("lineNumber"))),
                    fingerprint=fingerprint(
                        "gitleaks", rule, file, entry.get("Commit") or entry.get("commit"), entry.get("Entropy")
                    ),
                )
            )

        follow(document, {"[]": leak})
        findings.finish()
