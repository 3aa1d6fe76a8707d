"""Clover XML, as written by OpenClover, PHPUnit and istanbul, who mean different things by the same attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate.reports.coverage.tally import Coverage, line_number, whole
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_HEADER_TOLERANCE = 5.0
"""Per cent: the header counts statements, the body lines; further apart than this is no difference of counting."""


class Clover:
    """Reader of Clover XML."""

    name = "clover"
    title = "Clover XML"
    reads = "coverage"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """A `coverage` root with a `project`."""
        if head.root.name != "coverage":
            return None
        if head.has_element("project", "coverage"):
            return 90
        return 80 if {"clover", "generated"} & head.root.attributes.keys() else None

    def read(self, document: Document) -> None:
        """Count the lines of the project, not of its tests; branches and methods by each file's metrics."""
        project = _Project(document)
        document.walk(project)
        project.finish()


class _Project(Elements):
    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.coverage = Coverage(document)
        self.is_test = False
        self.package = ""
        self.files = 0
        self.lines = 0
        self.of_project: dict[str, int] = {}
        self.of_files: dict[str, int] = {}
        self.methods = [0, 0]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in {"project", "testproject"} and len(self.path) == 2:
            self.is_test = name == "testproject"
        elif self.is_test:
            return
        elif name == "line":
            self.line(attributes)
        elif name == "file":
            self.files += 1
            self.coverage.open(attributes.get("path") or attributes.get("name") or "(no file)")
        elif name == "metrics":
            self.metrics(attributes)

    def line(self, attributes: dict[str, str]) -> None:
        """Take a line; one of type `method` is a method's head and no statement."""
        hits = whole(attributes.get("count"))
        if attributes.get("type") == "method":
            self.methods[1] += 1
            self.methods[0] += hits > 0
            return
        number = line_number(attributes.get("num", ""))
        if attributes.get("type") == "cond" and "count" not in attributes:
            hits = whole(attributes.get("truecount")) + whole(attributes.get("falsecount"))
        self.lines += 1
        self.coverage.seen.add(number)
        if hits > 0:
            self.coverage.covered.add(number)

    def metrics(self, attributes: dict[str, str]) -> None:
        parent = self.path[-2] if len(self.path) > 1 else ""
        if parent not in {"project", "file"}:
            return
        into = self.of_project if parent == "project" else self.of_files
        for what in ("statements", "conditionals", "methods"):
            for name in (what, f"covered{what}"):
                into[name] = into.get(name, 0) + whole(attributes.get(name))

    def finish(self) -> None:
        """The files' metrics beat the project's."""
        points = self.of_files if self.files else self.of_project
        if self.methods[1]:
            self.coverage.functions_covered, self.coverage.functions_total = self.methods
        else:
            self.coverage.functions_covered = points.get("coveredmethods", 0)
            self.coverage.functions_total = points.get("methods", 0)
        branches = (points.get("coveredconditionals", 0), points.get("conditionals", 0))
        if self.lines:
            self.coverage.finish(branches=branches)
        else:
            lines = (points.get("coveredstatements", 0), points.get("statements", 0))
            self.coverage.finish_with(
                {"line": lines, "branch": branches}, "the report lists no lines; its metrics are taken as stated"
            )
        self.compare()

    def compare(self) -> None:
        said = self.of_project
        if said.get("statements"):
            rate = 100.0 * said["coveredstatements"] / said["statements"]
            self.document.contents.compare("coverage.line_percent", rate, better=1, tolerance=_HEADER_TOLERANCE)
        elif said and not self.lines:
            self.document.warn("the project's metrics count nothing")
