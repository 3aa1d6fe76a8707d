"""xUnit.net XML, versions 1 to 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import Case
from buildgate.reports.tests.tally import ERRORED, FAILED, PASSED, SKIPPED, STATUSES, Tests, counts_of, seconds
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_RESULTS: Final = {"pass": PASSED, "fail": FAILED, "skip": SKIPPED, "notrun": SKIPPED, "error": ERRORED}


class Xunit:
    """Reader of xUnit.net XML."""

    name = "xunit"
    title = "xUnit.net XML"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `assemblies`, or a single `assembly` with counts."""
        if head.root.name == "assemblies":
            return 90
        return 80 if head.root.name == "assembly" and "total" in head.root.attributes else None

    def read(self, document: Document) -> None:
        """Count the tests, and the errors of fixtures and clean-ups, which belong to no test."""
        cases = _Cases(document)
        document.walk(cases)
        cases.tests.finish(cases.header)


class _Cases(Elements):
    texts = frozenset({"message"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.tests = Tests(document)
        self.header: dict[str, float] = {}
        self.case: dict[str, str] | None = None
        self.collection = ""
        self.message = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "assembly":
            said = counts_of(attributes, ("total", "passed", "failed", "errors"))
            for key, count in said.items():
                self.add_header({"errors": "errored"}.get(key, key), count)
            if "total" in said:
                self.add_header("total", said.get("errors", 0))
        elif name in {"collection", "class"}:
            self.collection = attributes.get("name", "")
        elif name in {"test", "error"}:
            self.case, self.message = attributes, ""

    def add_header(self, name: str, count: float) -> None:
        self.header[f"tests.{name}"] = self.header.get(f"tests.{name}", 0.0) + count

    def end(self, name: str, text: str) -> None:
        if name == "message" and self.case is not None and not self.message:
            self.message = text.strip()
        elif name in {"test", "error"} and self.case is not None:
            self.add(name, self.case)
            self.case = None

    def add(self, element: str, case: dict[str, str]) -> None:
        status = ERRORED if element == "error" else _RESULTS.get(case.get("result", "").lower(), -1)
        if status < 0:
            self.document.warn(f"the result {case.get('result')!r} is unknown; counted as an error")
            status = ERRORED
        time = seconds(case.get("time"))
        name = case.get("name") or f"({case.get('type', 'error')})"
        message = self.message[:500] if status != PASSED else ""
        suite = case.get("type") or self.collection
        self.tests.add(Case(name, STATUSES[status], suite, message, time or 0.0), has_duration=time is not None)
