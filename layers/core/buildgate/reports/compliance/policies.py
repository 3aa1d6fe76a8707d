"""Policy engines: OPA, conftest, CloudFormation Guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Control, Finding
from buildgate.reports.compliance.tally import Controls
from buildgate.reports.findings import Findings, brief, fingerprint, severity
from buildgate.reports.json_values import at, listing, mapping, text, whole
from buildgate.reports.refusal import Refuse
from buildgate.reports.routes import follow, records

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_DENIALS: Final = frozenset({"deny", "denies", "violation", "violations", "failures", "errors", "block"})
_REMARKS: Final = frozenset({"warn", "warnings"})


class Opa:
    """Reader of `opa eval` and `opa exec`."""

    name = "opa"
    title = "OPA JSON"
    reads = "compliance, findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """Results with expressions, or of files by path."""
        if head.has("result[].expressions"):
            return 95
        return 80 if head.has("result[].path") and (head.has("result[].result") or head.has("result[].error")) else None

    def read(self, document: Document) -> None:
        """Judge each value: true or an empty deny list passes, false, an item of deny or nothing at all fails."""
        values = _Opa(document)
        follow(document, {"result[]": values.result, "errors[]": values.error})
        values.finish()


class _Opa:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings = Findings(document)
        self.controls = Controls(document)
        self.results = 0

    def error(self, value: Any) -> None:
        raise Refuse("no_results", f"OPA says it failed: {brief(at(value, 'message') or at(value, 'code'))}")

    def result(self, value: Any) -> None:
        """Take one result: of a query, or in `opa exec` of a file."""
        self.results += 1
        entry = mapping(value)
        if "expressions" in entry:
            for expression in map(mapping, listing(entry["expressions"])):
                query = text(expression.get("text")) or "(query)"
                self.judge(query.rpartition(".")[2] or query, query, expression.get("value"))
        elif entry.get("error"):
            raise Refuse("no_results", f"OPA says it failed: {brief(at(entry, 'error', 'message') or entry['error'])}")
        else:
            path = text(entry.get("path"))
            self.judge("", path, entry.get("result"), file=path)

    def judge(self, name: str, control: str, value: Any, file: str | None = None) -> None:
        """Judge the value of one rule; an object is judged rule by rule."""
        if isinstance(value, dict) and name not in _DENIALS | _REMARKS:
            for key, inner in value.items():
                self.judge(key, f"{control}.{key}", inner, file)
            if not value:
                self.fail(control, "undefined", file)
        elif isinstance(value, list | dict):
            self.listed(name, control, value, file)
        elif isinstance(value, bool):
            is_passed = value != (name in _DENIALS)
            if is_passed:
                self.controls.add(Control(control, "passed"))
            elif name not in _REMARKS:
                self.fail(control, f"{control} is {str(value).lower()}", file)
        elif value is None:
            self.fail(control, "undefined", file)

    def listed(self, name: str, control: str, value: list[Any] | dict[str, Any], file: str | None) -> None:
        items = value if isinstance(value, list) else list(value.values())
        if name in _REMARKS:
            for item in items:
                self.note(control, item, file, is_failure=False)
            return
        if not items:
            self.controls.add(Control(control, "passed"))
        for item in items:
            self.controls.add(Control(control, "failed"))
            self.note(control, item, file, is_failure=True)

    def fail(self, control: str, message: str, file: str | None) -> None:
        self.controls.add(Control(control, "failed"))
        self.note(control, message, file, is_failure=True)

    def note(self, control: str, item: Any, file: str | None, *, is_failure: bool) -> None:
        message = text(at(item, "msg") or at(item, "message")) if isinstance(item, dict) else text(item)
        given = severity(at(item, "severity") or at(item, "metadata", "severity"))
        level = given if given != "unknown" else "high" if is_failure else "medium"
        shown = brief(message or item)
        self.findings.add(
            Finding(
                rule=control,
                severity=level,
                message=shown,
                file=file,
                fingerprint=fingerprint("opa", control, file, shown),
            )
        )

    def finish(self) -> None:
        """An undefined query is no pass: it is a failed control, as `opa eval --fail` has it."""
        if not self.results:
            self.document.warn("the query is undefined; counted as a failed control")
            self.fail("(undefined)", "the query is undefined", None)
        self.findings.finish()
        self.controls.finish()


class Conftest:
    """Reader of `conftest test --output json`."""

    name = "conftest"
    title = "conftest JSON"
    reads = "compliance, findings"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of files with a namespace and a number of successes."""
        if head.has("[].filename", "[].successes"):
            return 95
        return 85 if head.has("[].filename", "[].namespace") else None

    def read(self, document: Document) -> None:
        """Count tests as conftest does; failures and warnings are findings, exceptions are suppressed."""
        findings, controls = Findings(document), Controls(document)

        def result(value: Any) -> None:
            entry = mapping(value)
            file = text(entry.get("filename"))
            successes = entry.get("successes")
            passed = len(successes) if isinstance(successes, list) else whole(successes) or 0
            counts = {key: listing(entry.get(key)) for key in ("failures", "warnings", "exceptions", "skipped")}
            controls.count("passed", max(0, passed))
            controls.count("failed", len(counts["failures"]))
            controls.count("not_applicable", len(counts["exceptions"]) + len(counts["skipped"]))
            for key in ("failures", "warnings", "exceptions"):
                for item in counts[key]:
                    findings.add(_conftest_finding(mapping(item), key, file, text(entry.get("namespace"))))

        follow(document, {"[]": result})
        findings.finish()
        controls.finish()


def _conftest_finding(item: dict[str, Any], key: str, file: str, namespace: str) -> Finding:
    metadata = mapping(item.get("metadata"))
    rule = text(metadata.get("id") or metadata.get("query") or namespace)
    given = severity(metadata.get("severity"))
    message = brief(item.get("msg") or "")
    return Finding(
        rule=rule,
        severity=given if given != "unknown" else "medium" if key == "warnings" else "high",
        message=message,
        file=file or None,
        fingerprint=fingerprint("conftest", namespace, file, message),
        is_suppressed=key == "exceptions",
    )


class CfnGuard:
    """Reader of `cfn-guard validate --output-format json`, structured or not."""

    name = "cfn-guard"
    title = "CloudFormation Guard JSON"
    reads = "compliance, findings"
    kinds = ("json", "jsonlines")

    def sniff(self, head: Head) -> int | None:
        """Rules that are compliant or not."""
        for top in ("[].", ""):
            if head.has(f"{top}not_compliant") and (head.has(f"{top}compliant") or head.has(f"{top}not_applicable")):
                return 95
        return None

    def read(self, document: Document) -> None:
        """Count every rule once over all templates."""
        findings, controls = Findings(document), Controls(document)
        for record in records(document):
            entry = mapping(record)
            file = text(entry.get("name") or entry.get("data_from"))
            for rule in listing(entry.get("compliant")):
                controls.add(Control(text(rule), "passed"))
            for rule in listing(entry.get("not_applicable")):
                controls.add(Control(text(rule), "not_applicable"))
            for rule, message in _broken_rules(entry.get("not_compliant")):
                controls.add(Control(rule, "failed"))
                findings.add(Finding(rule, "high", message, file or None, None, fingerprint("cfn-guard", rule, file)))
        findings.finish()
        controls.finish()


def _broken_rules(value: Any) -> list[tuple[str, str]]:
    """Return name and message of the rules that failed: a list in version 3, an object by rule in version 2."""
    if isinstance(value, dict):
        return [(rule, brief(at(checks, 0, "message") or "")) for rule, checks in value.items()]
    found = []
    for item in listing(value):
        rule = mapping(at(item, "Rule"))
        message = (
            at(rule, "messages", "custom_message") or at(rule, "messages", "error_message") or _first_message(rule)
        )
        found.append((text(rule.get("name")), brief(message or "")))
    return found


def _first_message(rule: dict[str, Any]) -> Any:
    clause = mapping(at(rule, "checks", 0, "Clause"))
    for kind in ("Unary", "Binary"):
        said = mapping(at(clause, kind, "messages"))
        if said:
            return said.get("custom_message") or said.get("error_message")
    return ""
