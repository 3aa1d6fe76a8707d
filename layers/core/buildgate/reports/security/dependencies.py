"""Scanners of dependencies: Snyk, npm audit, pip-audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.domain.measurements import SEVERITIES, Finding
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import at, listing, mapping, number, text, whole
from buildgate.reports.refusal import Refuse, within_bounds
from buildgate.reports.routes import follow, records

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head
    from buildgate.reports.routes import Routes


class Snyk:
    """Reader of `snyk test --json`, of one project or a list of them, with containers and infrastructure code."""

    name = "snyk"
    title = "Snyk JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Vulnerabilities, or none and `ok`, beside Snyk's own keys; also as a list of projects."""
        at_top = "[]." if head.is_array else ""
        own = ("packageManager", "projectName", "dependencyCount", "displayTargetFile", "uniqueCount", "licensesPolicy")
        has_own = any(head.has(f"{at_top}{name}") for name in own)
        if head.has(f"{at_top}infrastructureAsCodeIssues"):
            return 95
        if head.has(f"{at_top}vulnerabilities[].packageName", f"{at_top}vulnerabilities[].from"):
            return 95
        if has_own and (head.has(f"{at_top}vulnerabilities") or head.has(f"{at_top}ok")):
            return 90
        return 75 if head.has(f"{at_top}ok", f"{at_top}error") else None

    def read(self, document: Document) -> None:
        """Count each issue of a package version once, though it is listed for every path that leads to it."""
        projects = _Snyk(document)
        cursor = stream(document)
        if cursor.is_array():
            for _ in cursor.items():
                projects.project(cursor)
        else:
            projects.project(cursor)
        cursor.finish()
        projects.finish()


class _Snyk:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.seen: set[int] = set()
        self.paths = 0
        self.projects = 0

    def project(self, cursor: JsonStream) -> None:
        """Read one project. Its name may come after its issues, so issues of equal packages in two projects count twice."""
        self.projects += 1
        for key in cursor.members():
            if key in {"vulnerabilities", "infrastructureAsCodeIssues"}:
                self.issues(cursor)
            elif key == "applications" and cursor.is_array():
                for _ in cursor.items():
                    self.project(cursor)
            elif key == "filtered":
                for name in cursor.members():
                    if name in {"ignore", "patch"}:
                        self.issues(cursor, is_suppressed=True)
            elif key == "error" and cursor.peek() == '"':
                raise Refuse("no_results", f"snyk says it failed: {brief(cursor.value())}")

    def issues(self, cursor: JsonStream, *, is_suppressed: bool = False) -> None:
        for issue in cursor.values():
            self.issue(mapping(issue), is_suppressed=is_suppressed)

    def issue(self, issue: dict[str, Any], *, is_suppressed: bool = False) -> None:
        rule, package, version = (text(issue.get(name)) for name in ("id", "packageName", "version"))
        file = text(issue.get("targetFile")) or None
        place = at(issue, "lineNumber"), at(issue, "msg")
        self.paths += not is_suppressed
        key = hash((self.projects, rule, package, version, *map(text, place), is_suppressed))
        if key in self.seen:
            return
        within_bounds(self.seen, "issues")
        self.seen.add(key)
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(issue.get("severity")),
                message=brief(issue.get("title") or issue.get("issue") or ""),
                file=file,
                line=whole(issue.get("lineNumber")),
                fingerprint=fingerprint("snyk", rule, package, *map(text, listing(issue.get("path")))),
                package=f"{package}@{version}" if package else None,
                fixed_version=", ".join(map(text, listing(issue.get("fixedIn")))) or None,
                is_suppressed=is_suppressed,
            )
        )

    def finish(self) -> None:
        self.findings.finish()
        if self.paths != self.findings.total:
            self.document.warn(f"{self.paths} vulnerable paths lead to {self.findings.total} different issues")


class NpmAudit:
    """Reader of `npm audit --json`, versions 6 and later, pnpm's, and the lines of `yarn audit --json`."""

    name = "npm-audit"
    title = "npm audit JSON"
    reads = "findings"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """The report's version, or advisories, or yarn's events."""
        if head.kind == "jsonlines":
            kind = head.scalars.get("type", "")
            return 85 if kind.startswith("audit") and head.has("data") else None
        if head.is_array:
            return None
        if head.has("auditReportVersion"):
            return 95
        if head.has("advisories") and (head.has("metadata") or head.has("actions") or head.has("muted")):
            return 90
        if head.scalars.get("type", "").startswith("audit") and head.has("data"):
            return 80
        return 60 if head.has("error.code", "error.summary") or head.has("message", "method", "uri") else None

    def read(self, document: Document) -> None:
        """Count packages (npm 7 and later) or advisories (before); the stated counts are compared."""
        audit = _NpmAudit(document)
        if document.head.kind == "jsonlines" or document.head.scalars.get("type", "").startswith("audit"):
            for record in records(document):
                audit.yarn(mapping(record))
        else:
            routes: Routes = {
                "vulnerabilities{}": audit.package,
                "advisories{}": audit.advisory,
                "metadata": audit.metadata,
                "auditReportVersion": audit.version,
                "error": audit.error,
                "message": audit.error,
            }
            follow(document, routes)
        audit.finish()


class _NpmAudit:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.seen: set[str] = set()
        self.said: dict[str, Any] = {}
        self.has_packages = False

    def version(self, _version: Any) -> None:
        self.has_packages = True

    def package(self, name: str, value: Any) -> None:
        """Take a vulnerable package; what it is vulnerable through is either an advisory or another package."""
        entry = mapping(value)
        causes = [via for via in listing(entry.get("via")) if isinstance(via, dict)]
        cause = causes[0] if causes else {}
        rule = text(cause.get("url")).rpartition("/")[2] or text(cause.get("source")) or name
        fix = entry.get("fixAvailable")
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(entry.get("severity")),
                message=brief(
                    cause.get("title") or f"depends on vulnerable {', '.join(map(text, listing(entry.get('via'))))}"
                ),
                fingerprint=fingerprint("npm", rule, name),
                package=f"{name}@{text(entry.get('range'))}",
                fixed_version=f"{text(fix.get('name'))}@{text(fix.get('version'))}" if isinstance(fix, dict) else None,
            )
        )

    def advisory(self, key: str, value: Any) -> None:
        """Take an advisory, once, however many paths lead to its package."""
        entry = mapping(value)
        rule = text(entry.get("github_advisory_id")) or text(entry.get("id")) or key
        name = text(entry.get("module_name") or entry.get("name"))
        if f"{rule}\x1f{name}" in self.seen:
            return
        within_bounds(self.seen, "advisories")
        self.seen.add(f"{rule}\x1f{name}")
        self.findings.add(
            Finding(
                rule=rule,
                severity=severity(entry.get("severity")),
                message=brief(entry.get("title") or ""),
                fingerprint=fingerprint("npm", rule, name),
                package=f"{name}@{text(at(entry, 'findings', 0, 'version') or entry.get('vulnerable_versions'))}",
                fixed_version=text(entry.get("patched_versions")) or None,
            )
        )

    def metadata(self, value: Any) -> None:
        self.said = mapping(mapping(value).get("vulnerabilities"))

    def error(self, value: Any) -> None:
        if value:
            said = brief(at(value, "summary") or at(value, "code") or value)
            raise Refuse("no_results", f"npm says it failed: {said}")

    def yarn(self, record: dict[str, Any]) -> None:
        if record.get("type") == "auditAdvisory":
            advisory = mapping(at(record, "data", "advisory"))
            self.advisory(text(advisory.get("id")), advisory)

    def finish(self) -> None:
        """Compare: before version 7 the stated counts are of paths, not of advisories."""
        self.findings.finish()
        if not self.has_packages:
            return
        for level in SEVERITIES:
            said = number(self.said.get("moderate" if level == "medium" else level))
            self.document.contents.compare(f"findings.{level}", said, better=-1)


class PipAudit:
    """Reader of `pip-audit --format json`."""

    name = "pip-audit"
    title = "pip-audit JSON"
    reads = "findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Dependencies with `vulns`, under a key or, in older versions, as a bare list."""
        if head.has("dependencies[].vulns") or head.has("dependencies[].skip_reason"):
            return 95
        if head.has("dependencies", "fixes") and not head.is_array:
            return 80
        return 85 if head.has("[].vulns", "[].name") else None

    def read(self, document: Document) -> None:
        """Count the vulnerabilities; pip-audit rates none, so all are `unknown`. If it checked nothing, it is refused."""
        audit = _PipAudit(document)
        follow(document, {"dependencies[]": audit.dependency, "[]": audit.dependency})
        audit.finish()


class _PipAudit:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.checked = 0
        self.skipped: list[str] = []
        self.reason = ""

    def dependency(self, value: Any) -> None:
        entry = mapping(value)
        name = text(entry.get("name"))
        if entry.get("skip_reason"):
            self.skipped.append(name)
            self.reason = self.reason or brief(entry["skip_reason"])
            return
        self.checked += 1
        for found in map(mapping, listing(entry.get("vulns"))):
            rule = text(found.get("id"))
            self.findings.add(
                Finding(
                    rule=rule,
                    severity="unknown",
                    message=brief(found.get("description") or ""),
                    fingerprint=fingerprint("pip-audit", rule, name),
                    package=f"{name}@{text(entry.get('version'))}",
                    fixed_version=", ".join(map(text, listing(found.get("fix_versions")))) or None,
                )
            )

    def finish(self) -> None:
        if self.skipped and not self.checked:
            raise Refuse("no_results", f"pip-audit checked none of {len(self.skipped)} packages: {self.reason}")
        if self.skipped:
            names = brief(", ".join(self.skipped))
            self.document.warn(f"{len(self.skipped)} packages were not checked ({self.reason}): {names}")
        self.findings.finish()
