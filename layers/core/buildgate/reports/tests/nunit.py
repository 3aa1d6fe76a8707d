"""NUnit 2 (`test-results`) and NUnit 3 (`test-run`) XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import Case
from buildgate.reports.tests.tally import ERRORED, FAILED, PASSED, SKIPPED, STATUSES, Tests, counts_of, seconds
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_RESULTS: Final = {
    **dict.fromkeys(("success", "passed", "warning"), PASSED),
    **dict.fromkeys(("failure", "failed"), FAILED),
    **dict.fromkeys(("error", "notrunnable", "invalid", "cancelled"), ERRORED),
    **dict.fromkeys(("ignored", "skipped", "inconclusive", "explicit", "notrun"), SKIPPED),
}


class _Cases(Elements):
    """Counts `test-case` elements; suites only repeat them."""

    texts = frozenset({"message"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.tests = Tests(document)
        self.root: dict[str, str] = {}
        self.case: dict[str, str] | None = None
        self.suite = ""
        self.message = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.path) == 1:
            self.root = attributes
        elif name == "test-case":
            self.case, self.message = attributes, ""
        elif name == "test-suite":
            self.suite = attributes.get("fullname") or attributes.get("name", "")

    def end(self, name: str, text: str) -> None:
        if name == "message" and self.case is not None and not self.message:
            self.message = text.strip()
        elif name == "test-case" and self.case is not None:
            self.add(self.case)
            self.case = None

    def add(self, case: dict[str, str]) -> None:
        """Count one case; its time is `time` in version 2 and `duration` in version 3."""
        status = self.status(case)
        time = seconds(case.get("duration") or case.get("time"))
        name = case.get("fullname") or case.get("name", "")
        suite = case.get("classname") or self.suite
        message = self.message if status != PASSED else ""
        shown = Case(name, STATUSES[status], suite, message[:500], time or 0.0)
        self.tests.add(shown, has_duration=time is not None)

    def status(self, case: dict[str, str]) -> int:
        """Return what a case's attributes say; one that says nothing at all was not run."""
        result = case.get("result")
        if result is None:
            if case.get("executed", "True").lower() == "false":
                return SKIPPED
            return {"true": PASSED, "false": FAILED}.get(case.get("success", "").lower(), SKIPPED)
        status = _RESULTS.get(result.lower())
        if status is None:
            self.document.warn(f"the result {result!r} is unknown; counted as an error")
            return ERRORED
        if status == FAILED and case.get("label", "").lower() in {"error", "invalid", "cancelled"}:
            return ERRORED
        return status


class Nunit2:
    """Reader of NUnit 2 XML."""

    name = "nunit2"
    title = "NUnit 2 XML"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `test-results`."""
        return 90 if head.root.name == "test-results" else None

    def read(self, document: Document) -> None:
        """Count the cases; `total` in the header leaves out what was not run."""
        cases = _Cases(document)
        document.walk(cases)
        said = counts_of(cases.root, ("total", "errors", "failures", "not-run", "invalid"))
        header = {}
        if "total" in said:
            header["tests.total"] = said["total"] + said.get("not-run", 0)
        if "failures" in said:
            header["tests.failed"] = said["failures"]
        if "errors" in said:
            header["tests.errored"] = said["errors"] + said.get("invalid", 0)
        cases.tests.finish(header)


class Nunit3:
    """Reader of NUnit 3 XML."""

    name = "nunit3"
    title = "NUnit 3 XML"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `test-run`."""
        return 90 if head.root.name == "test-run" else None

    def read(self, document: Document) -> None:
        """Count the cases; `failed` in the header includes those with an error."""
        cases = _Cases(document)
        document.walk(cases)
        said = counts_of(cases.root, ("total", "passed", "failed"))
        header = {f"tests.{name}": said[name] for name in ("total", "passed") if name in said}
        if "failed" in said:
            header["tests.failed"] = said["failed"] - cases.tests.counts[ERRORED]
        cases.tests.finish(header)
