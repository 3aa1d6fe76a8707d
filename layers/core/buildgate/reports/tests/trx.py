"""Visual Studio test results, TRX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import Case
from buildgate.reports.tests.tally import ERRORED, FAILED, PASSED, SKIPPED, STATUSES, Tests, counts_of, seconds
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_OUTCOMES: Final = {
    **dict.fromkeys(("passed", "passedbutrunaborted", "warning", "completed"), PASSED),
    "failed": FAILED,
    **dict.fromkeys(("error", "aborted", "timeout", "disconnected", "notrunnable"), ERRORED),
    **dict.fromkeys(("notexecuted", "inconclusive", "pending", "inprogress"), SKIPPED),
}
_BROKEN_RUN: Final = frozenset({"failed", "error", "aborted", "timeout"})


class Trx:
    """Reader of TRX."""

    name = "trx"
    title = "Visual Studio TRX"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """The root is `TestRun` of Visual Studio."""
        if head.root.name != "TestRun":
            return None
        return 90

    def read(self, document: Document) -> None:
        """Count the results; a run that failed though no result did (a crashed host) has one error more."""
        results = _Results(document)
        document.walk(results)
        tests, is_broken = results.tests, False
        if results.outcome in _BROKEN_RUN and not tests.counts[FAILED] and not tests.counts[ERRORED]:
            document.warn(f"the run's own outcome is {results.outcome!r} though no result is; counted as an error")
            tests.add(Case("(run)", "errored", "", results.run_message[:500]), has_duration=False)
            is_broken = True
        said = counts_of(results.counters, ("total", "passed", "failed"))
        if is_broken and "total" in said:
            said["total"] += 1
        tests.finish({f"tests.{name}": count for name, count in said.items()})


class _Results(Elements):
    """Only the innermost results are cases: a data-driven one repeats its rows."""

    texts = frozenset({"Message", "Text"})

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.tests = Tests(document)
        self.counters: dict[str, str] = {}
        self.outcome = ""
        self.run_message = ""
        self.open: list[tuple[dict[str, str], list[str]]] = []
        self.has_inner: list[bool] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith("TestResult") or name == "TestResultAggregation":
            if self.has_inner:
                self.has_inner[-1] = True
            self.open.append((attributes, []))
            self.has_inner.append(False)
        elif name == "Counters":
            self.counters = attributes
        elif name == "ResultSummary":
            self.outcome = attributes.get("outcome", "").lower()

    def end(self, name: str, text: str) -> None:
        if name == "Message" and self.open:
            self.open[-1][1].append(text.strip())
        elif name == "Text" and not self.open and "RunInfo" in self.path:
            self.run_message = self.run_message or text.strip()
        elif name.endswith("TestResult") or name == "TestResultAggregation":
            attributes, messages = self.open.pop()
            if not self.has_inner.pop():
                self.add(attributes, messages)

    def add(self, result: dict[str, str], messages: list[str]) -> None:
        outcome = result.get("outcome", "")
        status = _OUTCOMES.get(outcome.lower(), -1)
        if status < 0:
            self.document.warn(f"the outcome {outcome!r} is unknown; counted as an error")
            status = ERRORED
        time = seconds(result.get("duration"))
        message = messages[0][:500] if messages and status != PASSED else ""
        case = Case(result.get("testName", ""), STATUSES[status], result.get("testId", ""), message, time or 0.0)
        self.tests.add(case, has_duration=time is not None)
