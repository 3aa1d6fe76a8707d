"""Linters: ESLint, hadolint, cfn-lint, Checkstyle's XML, and CodeClimate's issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Finding, Severity
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import at, mapping, text, whole
from buildgate.reports.routes import follow, records
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_ESLINT: Final[dict[int, Severity]] = {2: "high", 1: "medium", 0: "info"}
_CODECLIMATE: Final[dict[str, Severity]] = {
    "blocker": "critical",
    "critical": "critical",
    "major": "high",
    "minor": "low",
    "info": "info",
}


class Eslint:
    """Reader of ESLint's `json` and `json-with-metadata`."""

    name = "eslint"
    title = "ESLint JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Files with messages and counts."""
        if head.has("[].filePath", "[].messages"):
            return 95
        return 95 if head.has("results[].filePath", "results[].messages") else None

    def read(self, document: Document) -> None:
        """Count errors as high and warnings as medium; a file that cannot be parsed is an error."""
        files = _Eslint(document)
        cursor = stream(document)
        if cursor.is_array():
            files.files(cursor)
        else:
            for key in cursor.members():
                if key == "results":
                    files.files(cursor)
        cursor.finish()
        files.findings.finish()


class _Eslint:
    """A file's path comes before or after its messages; its source text is passed over."""

    def __init__(self, document: Document) -> None:
        self.findings = Findings(document)

    def files(self, cursor: JsonStream) -> None:
        for _ in cursor.items():
            file, held = "", []
            for key in cursor.members():
                if key == "filePath":
                    file = text(cursor.value())
                elif key in {"messages", "suppressedMessages"}:
                    is_suppressed = key != "messages"
                    if file:
                        for message in cursor.values():
                            self.message(file, mapping(message), is_suppressed=is_suppressed)
                    else:
                        held += [(message, is_suppressed) for message in cursor.values()]
            for message, is_suppressed in held:
                self.message(file, mapping(message), is_suppressed=is_suppressed)

    def message(self, file: str, entry: dict[str, Any], *, is_suppressed: bool) -> None:
        is_fatal = entry.get("fatal") is True
        rule = text(entry.get("ruleId")) or ("(parse error)" if is_fatal else "(no rule)")
        level = "high" if is_fatal else _ESLINT.get(whole(entry.get("severity")) or 0, "unknown")
        self.findings.add(
            Finding(
                rule=rule,
                severity=level,
                message=brief(entry.get("message") or ""),
                file=file or None,
                line=whole(entry.get("line")),
                fingerprint=fingerprint("eslint", rule, file, entry.get("message")),
                is_suppressed=is_suppressed,
            )
        )


class CodeClimate:
    """Reader of CodeClimate's issues, which are GitLab's code quality report too."""

    name = "codeclimate"
    title = "CodeClimate JSON"
    reads = "findings"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Issues with a check name or fingerprint, and a location by lines or positions."""
        for top in ("[].", ""):
            has_place = head.has(f"{top}location.lines") or head.has(f"{top}location.positions")
            if has_place and (head.has(f"{top}check_name") or head.has(f"{top}fingerprint")):
                return 90
        return None

    def read(self, document: Document) -> None:
        """Count the issues; entries of type measurement are none."""
        findings = Findings(document)
        for record in records(document):
            entry = mapping(record)
            if text(entry.get("type")).lower() == "measurement":
                continue
            rule, place = text(entry.get("check_name")), mapping(entry.get("location"))
            line = at(place, "lines", "begin")
            if line is None:
                line = at(place, "positions", "begin", "line")
            given = text(entry.get("fingerprint"))
            message = brief(entry.get("description") or "")
            findings.add(
                Finding(
                    rule=rule,
                    severity=_CODECLIMATE.get(text(entry.get("severity")).lower(), "unknown"),
                    message=message,
                    file=text(place.get("path")) or None,
                    line=whole(at(line, "line") if isinstance(line, dict) else line),
                    fingerprint=given or fingerprint("codeclimate", rule, place.get("path"), message),
                )
            )
        findings.finish()


class Hadolint:
    """Reader of `hadolint --format json`."""

    name = "hadolint"
    title = "hadolint JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of messages with code, file and level."""
        return 90 if head.has("[].code", "[].file", "[].level") else None

    def read(self, document: Document) -> None:
        """Count by level: error, warning, info, style."""
        findings = Findings(document)

        def message(value: Any) -> None:
            entry = mapping(value)
            rule, file, level = text(entry.get("code")), text(entry.get("file")), text(entry.get("level")).lower()
            findings.add(
                Finding(
                    rule=rule,
                    severity="info" if level == "style" else severity(level),
                    message=brief(entry.get("message") or ""),
                    file=file or None,
                    line=whole(entry.get("line")),
                    fingerprint=fingerprint("hadolint", rule, file, entry.get("message")),
                )
            )

        follow(document, {"[]": message})
        findings.finish()


class CfnLint:
    """Reader of `cfn-lint --format json`."""

    name = "cfn-lint"
    title = "cfn-lint JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of matches with a rule and a file name."""
        return 90 if head.has("[].Filename", "[].Level", "[].Location") else None

    def read(self, document: Document) -> None:
        """Count by level: Error, Warning, Informational."""
        findings = Findings(document)

        def found(value: Any) -> None:
            entry = mapping(value)
            rule, file = text(at(entry, "Rule", "Id") or entry.get("Id")), text(entry.get("Filename"))
            path = at(entry, "Location", "Path")
            where = "/".join(map(str, path)) if isinstance(path, list) else text(entry.get("Message"))
            findings.add(
                Finding(
                    rule=rule,
                    severity=severity(entry.get("Level")),
                    message=brief(entry.get("Message") or ""),
                    file=file or None,
                    line=whole(at(entry, "Location", "Start", "LineNumber")),
                    fingerprint=fingerprint("cfn-lint", rule, file, where, entry.get("Message")),
                )
            )

        follow(document, {"[]": found})
        findings.finish()


class Checkstyle:
    """Reader of Checkstyle's XML, which ESLint, hadolint, PHP_CodeSniffer, ktlint and others write too."""

    name = "checkstyle"
    title = "Checkstyle XML"
    reads = "findings"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `checkstyle`."""
        return 90 if head.root.name == "checkstyle" else None

    def read(self, document: Document) -> None:
        """Count by severity: error, warning, info; `ignore` counts as info."""
        errors = _Checkstyle(document)
        document.walk(errors)
        errors.findings.finish()


class _Checkstyle(Elements):
    def __init__(self, document: Document) -> None:
        super().__init__()
        self.findings = Findings(document)
        self.file = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "file":
            self.file = attributes.get("name", "")
        elif name == "error":
            rule = attributes.get("source", "")
            message = attributes.get("message", "")
            self.findings.add(
                Finding(
                    rule=rule,
                    severity=severity(attributes.get("severity")),
                    message=brief(message),
                    file=self.file or None,
                    line=whole(attributes.get("line")),
                    fingerprint=fingerprint("checkstyle", rule, self.file, message),
                )
            )
