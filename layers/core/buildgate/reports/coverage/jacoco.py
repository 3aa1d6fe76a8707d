"""JaCoCo XML."""

from __future__ import annotations

from itertools import compress, count
from typing import TYPE_CHECKING, Final

from buildgate.reports.coverage.tally import Coverage, whole
from buildgate.reports.refusal import Refuse
from buildgate.reports.runs import STAND_IN, Runs
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_KINDS: Final = {"LINE": "line", "BRANCH": "branch", "METHOD": "function"}
_IS_ABOVE_ZERO: Final = (0).__lt__


class Jacoco:
    """Reader of JaCoCo XML."""

    name = "jacoco"
    title = "JaCoCo XML"
    reads = "coverage"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `report`; an Ant build file of JaCoCo's own has the root `project`."""
        if head.root.name != "report":
            return None
        if "JACOCO" in head.text[:2000].upper() or head.has_element("sessioninfo", "report"):
            return 90
        has_parts = any(head.has_element(name, "report") for name in ("package", "group", "counter"))
        return 70 if has_parts or set(head.root.attributes) == {"name"} else None

    def read(self, document: Document) -> None:
        """Count the lines; the counters of the report stand where a report lists no lines."""
        report = _Report(document)
        document.walk(report, Runs("line", ("nr", "mi", "ci", "mb", "cb")))
        report.finish()


class _Report(Elements):
    """Lines belong to source files; counters are kept of the report and of its packages."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.coverage = Coverage(document)
        self.package = ""
        self.lines = 0
        self.of_report: dict[str, tuple[int, int]] = {}
        self.of_packages: dict[str, tuple[int, int]] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "line":
            self.take([attributes.get("nr", "")], *([attributes.get(key, "0")] for key in ("ci", "mb", "cb")))
        elif name == STAND_IN:
            columns = self.run(attributes)
            self.take(columns["nr"], columns["ci"], columns["mb"], columns["cb"])
        elif name == "counter":
            self.counter(attributes)
        elif name == "package":
            self.package = attributes.get("name", "")
        elif name == "sourcefile":
            file = attributes.get("name", "")
            self.coverage.open(f"{self.package}/{file}" if self.package else file)

    def take(
        self, numbers: Sequence[str], instructions: Sequence[str], missed: Sequence[str], covered: Sequence[str]
    ) -> None:
        """Take lines: covered when any instruction is, with their missed and covered branches."""
        if len(self.path) < 2 or self.path[-2] != "sourcefile":
            return
        coverage = self.coverage
        try:
            lines = list(map(int, numbers))
            hits = list(map(_IS_ABOVE_ZERO, map(int, instructions)))
            branching = [i for i, mb, cb in zip(count(), missed, covered, strict=False) if mb != "0" or cb != "0"]
            for index in branching:
                taken, left = int(covered[index]), int(missed[index])
                coverage.branch(lines[index], taken, taken + left)
        except ValueError as error:
            raise Refuse("bad_value", f"a line's counter is no number: {error}") from error
        coverage.seen.update(lines)
        coverage.covered.update(compress(lines, hits))
        self.lines += len(lines)

    def counter(self, attributes: dict[str, str]) -> None:
        kind, parent = _KINDS.get(attributes.get("type", "")), self.path[-2] if len(self.path) > 1 else ""
        if kind is None or parent not in {"report", "package"}:
            return
        covered, missed = whole(attributes.get("covered")), whole(attributes.get("missed"))
        into = self.of_report if parent == "report" else self.of_packages
        before = into.get(kind, (0, 0))
        into[kind] = (before[0] + covered, before[1] + covered + missed)

    def finish(self) -> None:
        """Lines beat the packages' counters, which beat the report's; functions exist as counters only."""
        recount = self.of_packages or self.of_report
        self.coverage.functions_covered, self.coverage.functions_total = recount.get("function", (0, 0))
        if self.lines:
            self.coverage.finish()
        else:
            self.coverage.finish_with(
                {kind: recount[kind] for kind in ("line", "branch") if kind in recount},
                "the report lists no lines; its counters are taken as stated",
            )
        for kind, (covered, total) in self.of_report.items():
            self.coverage.compare_points(kind, covered, total)
