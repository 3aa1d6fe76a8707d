"""Cobertura XML, as written by coverage.py, gcovr, coverlet, Cobertura itself, PHPUnit, istanbul and many more.

The header's rates are never measured, only compared: the lines themselves are counted, each once per file, though
tools list a line under `methods` and under `lines`, a file under several classes and a class twice.
"""

from __future__ import annotations

import re
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.coverage.tally import Coverage, as_rate, line_number
from buildgate.reports.identities import Identities
from buildgate.reports.refusal import Refuse
from buildgate.reports.runs import STAND_IN, Runs
from buildgate.reports.xml_stream import local_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_CONDITIONS: Final = re.compile(r"\(\s*(\d{1,9})\s*/\s*(\d{1,9})\s*\)")
_ENDS_KEPT: Final = 4096
_HITS_KEPT: Final = 10_000
_IS_NOT_ZERO: Final = "0".__ne__


class Cobertura:
    """Reader of Cobertura XML."""

    name = "cobertura"
    title = "Cobertura XML"
    reads = "coverage"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """A `coverage` root with rates or packages; Clover's has a `project`."""
        if head.root.name != "coverage" or head.has_element("project", "coverage"):
            return None
        if "line-rate" in head.root.attributes or head.has_element("packages", "coverage"):
            return 90
        return None

    def read(self, document: Document) -> None:
        """Count lines, conditions and methods."""
        lines = _Lines(document, _plain_lines(document.head))
        document.parse(lines.prepare, lines.runs)
        lines.finish()


def _plain_lines(head: Head) -> Runs | None:
    """Return the runs of lines that have no condition, written as the first one in this file is."""
    for element in head.elements:
        attributes = element.attributes.keys()
        if element.name == "line" and {"number", "hits"} <= attributes and "condition-coverage" not in attributes:
            return Runs("line", tuple(attributes), figures=("number", "hits"))
    return None


class _Hits(dict[str, bool]):
    """Whether a `hits` attribute means covered; remembered, as there are few different ones."""

    def __missing__(self, text: str) -> bool:
        try:
            is_hit = float(text) > 0
        except ValueError as error:
            raise Refuse("bad_value", f"hits={text[:40]!r} is no number") from error
        if len(self) > _HITS_KEPT:
            self.clear()
        self[text] = is_hit
        return is_hit


class _Lines:
    """Start handlers only; see `buildgate.reports.tests.junit` for how depth is known without an end handler."""

    def __init__(self, document: Document, runs: Runs | None) -> None:
        self.runs = runs
        self.coverage = Coverage(document)
        self.see = self.coverage.seen.add
        self.cover = self.coverage.covered.add
        self.hits = _Hits()
        self.limit = document.limits.depth
        self.starts = 0
        self.ends: list[str] = []
        self.root: dict[str, str] = {}
        self.class_depth = 0
        self.class_name = ""
        self.method: str | None = None
        self.is_method_hit: bool | None = None
        self.has_method_rate = False
        self.is_in_methods = False
        self.has_own_lines = False
        self.method_lines: set[int] = set()
        self.method_covered: set[int] = set()
        self.methods = Identities()
        self.has_file = False

    def prepare(self, parser: Any) -> None:
        """Give the parser its handlers."""
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.ends.append

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element's start. The hot path: every line comes through here."""
        self.starts += 1
        if self.starts - len(self.ends) > self.limit:
            raise Refuse("too_deep", f"elements are nested more than {self.limit} deep")
        if name == "line" and self.has_file:
            try:
                number = line_number(attributes["number"])
                is_hit = self.hits[attributes["hits"]]
            except KeyError as missing:
                raise Refuse("bad_value", f"a line without {missing.args[0]!r}") from missing
            if self.is_in_methods:
                self.in_method((number,), (number,) if is_hit else ())
            else:
                self.has_own_lines = True
                self.see(number)
                if is_hit:
                    self.cover(number)
            if "condition-coverage" in attributes:
                self.conditions(number, attributes["condition-coverage"])
        else:
            self.other(local_name(name), attributes, self.starts - len(self.ends))

    def run(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Take a run of plain lines."""
        if not self.has_file:
            return
        numbers = list(map(int, columns["number"]))
        covered = list(compress(numbers, map(_IS_NOT_ZERO, columns["hits"])))
        if self.is_in_methods:
            self.in_method(numbers, covered)
        else:
            self.has_own_lines = True
            self.coverage.seen.update(numbers)
            self.coverage.covered.update(covered)

    def in_method(self, numbers: Sequence[int], covered: Sequence[int]) -> None:
        """Keep a method's lines aside: they count only where their class lists none of its own.

        Writers disagree: for some they are the class's lines again, for others the line of the method's head.
        """
        self.is_method_hit = self.is_method_hit or bool(covered)
        self.method_lines.update(numbers)
        self.method_covered.update(covered)

    def conditions(self, number: int, text: str) -> None:
        """Note `50% (1/2)`."""
        found = _CONDITIONS.search(text)
        if found:
            self.coverage.branch(number, int(found.group(1)), int(found.group(2)))

    def other(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Take the start of anything but a plain `line`."""
        if name == STAND_IN and self.runs is not None:
            self.run(self.runs.take(attributes))
        elif name == "class":
            self.close_class()
            self.class_depth, self.class_name = depth, attributes.get("name", "")
            self.coverage.open(attributes.get("filename") or self.class_name or "(no file)")
            self.has_file = True
        elif name == "method":
            self.close_method()
            self.method = f"{attributes.get('name')}{attributes.get('signature')}"
            self.is_method_hit = None
            self.has_method_rate = (as_rate(attributes.get("line-rate")) or 0.0) > 0
        elif name == "methods":
            self.is_in_methods = True
        elif name == "lines" and depth == self.class_depth + 1:
            self.close_method()
            self.is_in_methods = False
        elif name == "coverage" and depth == 1:
            self.root = attributes
        elif name == "line" and self.has_file:
            self.starts -= 1
            self.start("line", attributes)
        if len(self.ends) > _ENDS_KEPT:
            self.starts -= len(self.ends)
            self.ends.clear()

    def close_class(self) -> None:
        """Settle the class whose end has passed."""
        self.close_method()
        if self.method_lines and not self.has_own_lines:
            self.coverage.seen.update(self.method_lines)
            self.coverage.covered.update(self.method_covered)
        self.method_lines.clear()
        self.method_covered.clear()
        self.is_in_methods = self.has_own_lines = False

    def close_method(self) -> None:
        """Count the method whose end has passed: by its lines, or by its rate where it lists none."""
        if self.method is not None:
            is_covered = self.has_method_rate if self.is_method_hit is None else self.is_method_hit
            self.methods.add(hash((self.class_name, self.method)), int(is_covered))
            self.coverage.functions_total += 1
            self.coverage.functions_covered += is_covered
            self.method = None

    def finish(self) -> None:
        """Settle methods of classes listed twice, and compare the header with the recount."""
        self.close_class()
        for states in self.methods.repeated():
            self.coverage.functions_total -= len(states) - 1
            self.coverage.functions_covered -= sum(states) - max(states)
        self.coverage.finish()
        self.coverage.compare_rate("coverage.line_percent", self.root.get("line-rate"))
        if self.coverage.contents.measurements.get("coverage.branch.total"):
            self.coverage.compare_rate("coverage.branch_percent", self.root.get("branch-rate"))
