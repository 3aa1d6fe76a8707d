"""Scanners of infrastructure code: Checkov and tfsec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Control, Finding
from buildgate.reports.compliance.tally import Controls
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, mapping, text, whole
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_SUMMARY: Final = ("passed", "failed", "skipped", "checkov_version")


class Checkov:
    """Reader of `checkov --output json`: one framework, a list of them, or the summary of nothing checked."""

    name = "checkov"
    title = "Checkov JSON"
    reads = "findings, compliance"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A check type with results, or Checkov's summary."""
        if head.has("check_type", "results") or head.has("[].check_type", "[].results"):
            return 95
        return 90 if head.has(*_SUMMARY) or head.has("summary.checkov_version") else None

    def read(self, document: Document) -> None:
        """Count failed checks as findings and every check as a control; skipped ones are suppressed."""
        checks = _Checkov(document)
        routes: dict[str, Any] = {}
        for top in ("", "[]."):
            routes[f"{top}results.failed_checks[]"] = checks.failed
            routes[f"{top}results.passed_checks[]"] = checks.passed
            routes[f"{top}results.skipped_checks[]"] = checks.skipped
            routes[f"{top}results.parsing_errors[]"] = checks.unparsed
        follow(document, routes)
        checks.findings.finish()
        checks.controls.finish()


class _Checkov:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.controls = Controls(document)

    def failed(self, value: Any, *, is_suppressed: bool = False) -> None:
        entry = mapping(value)
        rule, file = text(entry.get("check_id")), text(entry.get("file_path") or entry.get("repo_file_path"))
        self.controls.add(Control(rule, "not_applicable" if is_suppressed else "failed", text(entry.get("check_name"))))
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(entry.get("severity")),
                message=brief(entry.get("check_name") or ""),
                file=file or None,
                line=whole(at(entry, "file_line_range", 0)),
                fingerprint=fingerprint("checkov", rule, file, entry.get("resource")),
                is_suppressed=is_suppressed,
            )
        )

    def skipped(self, value: Any) -> None:
        self.failed(value, is_suppressed=True)

    def passed(self, value: Any) -> None:
        entry = mapping(value)
        self.controls.add(Control(text(entry.get("check_id")), "passed", text(entry.get("check_name"))))

    def unparsed(self, value: Any) -> None:
        self.document.warn(f"{text(value)} could not be parsed and was not checked")


class Tfsec:
    """Reader of `tfsec --format json`."""

    name = "tfsec"
    title = "tfsec JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with a rule and a location; `{"results": null}` when there are none."""
        if head.has("results[].rule_id", "results[].location"):
            return 95
        is_bare = {path for path in head.paths if "[" not in path} == {"results"} and not head.is_array
        return 60 if is_bare and (head.scalars.get("results") == "null" or head.text.count("[") == 1) else None

    def read(self, document: Document) -> None:
        """Count what failed; what passed is left out and what is ignored is suppressed."""
        findings = Findings(document)

        def result(value: Any) -> None:
            entry, place = mapping(value), mapping(at(value, "location"))
            status = text(entry.get("status")).lower()
            if status in {"1", "passed"} or entry.get("passed") is True:
                return
            rule, file = text(entry.get("long_id") or entry.get("rule_id")), text(place.get("filename"))
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(entry.get("severity")),
                    message=brief(entry.get("description") or entry.get("rule_description") or ""),
                    file=file or None,
                    line=whole(place.get("start_line")),
                    fingerprint=fingerprint("tfsec", rule, file, entry.get("resource"), entry.get("description")),
                    is_suppressed=status in {"2", "ignored"},
                )
            )

        follow(document, {"results[]": result})
        findings.finish()
