"""`go test -json`: one event a line, with the output of the build between them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Case, CaseStatus
from buildgate.reports.json_values import number, text
from buildgate.reports.refusal import within_bounds
from buildgate.reports.tests.tally import Tests

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_ENDS: Final[dict[str, CaseStatus]] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_OUTPUT_CHARS: Final = 500


class GoTest:
    """Reader of `go test -json`."""

    name = "go-test"
    title = "go test -json"
    reads = "tests"
    kinds = ("json", "jsonlines", "text")

    def sniff(self, head: Head) -> int | None:
        """Some line is an event with an action and a package."""
        for line in head.text.splitlines()[:200]:
            if line.startswith("{") and '"Action":' in line and ('"Package":' in line or '"ImportPath":' in line):
                return 90
        return None

    def read(self, document: Document) -> None:
        """Count tests and subtests as go does; a package that fails without a failed test is an error."""
        events = _Events(document)
        for line in document.lines():
            if line.startswith("{"):
                events.take(line)
            elif line.strip():
                events.strangers += 1
        events.finish()


class _Events:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.tests = Tests(document)
        self.running: dict[tuple[str, str], str] = {}
        self.packages: dict[str, bool] = {}  # open packages: has a test of theirs failed
        self.strangers = 0
        self.broken = 0

    def take(self, line: str) -> None:
        """Take one line; one that only looks like an event is the build's own output."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            self.broken += 1
            return
        if not isinstance(event, dict):
            return
        action, package, test = (text(event.get(key)) for key in ("Action", "Package", "Test"))
        if not package:
            return
        if test:
            self.test(event, action, (package, test))
        elif action in _ENDS:
            self.package(package, action)
        else:
            self.packages.setdefault(package, False)

    def test(self, event: dict[str, Any], action: str, key: tuple[str, str]) -> None:
        self.packages.setdefault(key[0], False)
        within_bounds(self.packages, "packages")
        if action == "run":
            within_bounds(self.running, "running tests")
            self.running[key] = ""
        elif action == "output" and key in self.running:
            self.running[key] = (self.running[key] + text(event.get("Output")))[-_OUTPUT_CHARS:]
        elif action in _ENDS:
            self.end(key, _ENDS[action], number(event.get("Elapsed")) or 0.0)

    def end(self, key: tuple[str, str], status: CaseStatus, elapsed: float) -> None:
        package, test = key
        output = self.running.pop(key, "")
        if status == "failed":
            self.packages[package] = True
        case = Case(
            test, status, package, output.strip() if status == "failed" else "", 0.0 if "/" in test else elapsed
        )
        self.tests.add(case)

    def package(self, package: str, action: str) -> None:
        """Close a package: what still runs in it never ended."""
        has_failed = self.packages.pop(package, False)
        left = [key for key in self.running if key[0] == package]
        for key in left:
            self.tests.add(Case(key[1], "errored", package, self.running.pop(key).strip() or "it never ended"))
        if action == "fail" and not has_failed and not left:
            self.tests.add(Case("(package)", "errored", package, "the package failed without a failed test"))

    def finish(self) -> None:
        """Settle packages without an end: the run was cut off, so they are errors."""
        for package in sorted(self.packages):
            left = [key for key in self.running if key[0] == package]
            for key in left:
                self.tests.add(Case(key[1], "errored", package, "it never ended"))
            if not left:
                self.tests.add(Case("(package)", "errored", package, "the package never ended"))
            self.document.warn(f"the results of {package} end in the middle; counted as an error")
        if self.strangers:
            self.document.warn(f"{self.strangers} lines that are no events were passed over")
        if self.broken:
            self.document.warn(f"{self.broken} broken events were passed over")
        self.tests.finish()
