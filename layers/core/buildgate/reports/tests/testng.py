"""TestNG's own XML, `testng-results.xml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import Case
from buildgate.reports.tests.tally import ERRORED, FAILED, PASSED, SKIPPED, STATUSES, Tests, counts_of, seconds
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_RESULTS: Final = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
_RETRIED_KEPT: Final = 10_000


class Testng:
    """Reader of TestNG XML."""

    name = "testng"
    title = "TestNG XML"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `testng-results`."""
        return 90 if head.root.name == "testng-results" else None

    def read(self, document: Document) -> None:
        """Count the methods that are tests; the root's counts, which often differ, are only compared."""
        methods = _Methods(document)
        document.walk(methods)
        said = counts_of(methods.root, ("total", "passed", "failed"))
        methods.tests.finish({f"tests.{name}": count for name, count in said.items()})


class _Methods(Elements):
    """Methods that set up or tear down are no tests; rows of a data provider differ by their parameters."""

    texts = frozenset({"message", "value"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.tests = Tests(document)
        self.root: dict[str, str] = {}
        self.method: dict[str, str] | None = None
        self.suite = ""
        self.message = ""
        self.parameters = ""
        self.retried: set[int] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.path) == 1:
            self.root = attributes
        elif name == "class":
            self.suite = attributes.get("name", "")
        elif name == "test-method":
            self.method, self.message, self.parameters = attributes, "", ""

    def end(self, name: str, text: str) -> None:
        if self.method is None:
            return
        if name == "message" and not self.message:
            self.message = text.strip()
        elif name == "value":
            self.parameters = f"{self.parameters}, {text.strip()}"[:500] if self.parameters else text.strip()
        elif name == "test-method":
            self.add(self.method)
            self.method = None

    def add(self, method: dict[str, str]) -> None:
        name, status = method.get("name", ""), _RESULTS.get(method.get("status", ""), ERRORED)
        if method.get("is-config", "").lower() == "true":
            if status == FAILED:
                self.document.warn(f"the configuration method {self.suite}.{name} failed; it is no test")
            return
        shown = f"{name}({self.parameters})" if self.parameters else name
        key = hash((method.get("signature"), self.suite, shown))
        if method.get("retried", "").lower() == "true":
            if len(self.retried) < _RETRIED_KEPT:
                self.retried.add(key)
            return
        time = seconds(method.get("duration-ms"))
        is_flaky = status == PASSED and key in self.retried
        message = self.message[:500] if status != PASSED else ""
        case = Case(shown, STATUSES[status], self.suite, message, (time or 0.0) / 1000.0, is_flaky)
        self.tests.add(case, has_duration=time is not None)
