"""JUnit XML, in all its dialects: Ant, Maven Surefire, pytest, Gradle, jest-junit, GoogleTest, CTest, PHPUnit, Mocha.

There is no one schema. The rules here: only `testcase` elements are cases; what their children say beats their
attributes, which beat what the suites' attributes say. A suite that lists no case but states counts is believed, with
a warning: there is nothing to recount.
"""

from __future__ import annotations

import math
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Case
from buildgate.reports.identities import BUCKETS, STATE_BITS, STATE_MASK
from buildgate.reports.refusal import Refuse
from buildgate.reports.runs import STAND_IN, Runs
from buildgate.reports.tests.junit_suites import Suite, declared
from buildgate.reports.tests.tally import (
    BETTER,
    ERRORED,
    FAILED,
    MESSAGE_CHARS,
    PASSED,
    SKIPPED,
    STATUSES,
    Tests,
    seconds,
)
from buildgate.reports.xml_stream import local_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_ENDS_KEPT: Final = 4096
_BY_CHILD: Final = {
    "failure": FAILED,
    "error": ERRORED,
    "skipped": SKIPPED,
    "skip": SKIPPED,
    "disabled": SKIPPED,
    "ignored": SKIPPED,
}
_RANK: Final = {PASSED: 0, SKIPPED: 1, FAILED: 2, ERRORED: 3}
"""Of several results of one case the worst stands."""
_AGAIN: Final = frozenset({"flakyFailure", "flakyError"})
_BY_ATTRIBUTE: Final = {
    **dict.fromkeys(("failed", "failure", "fail"), FAILED),
    **dict.fromkeys(
        ("error", "errored", "broken", "panicked", "timedout", "timeout", "interrupted", "aborted", "crashed"), ERRORED
    ),
    **dict.fromkeys(("skipped", "skip", "notrun", "disabled", "ignored", "pending", "suppressed", "todo"), SKIPPED),
}


class Junit:
    """Reader of JUnit XML."""

    name = "junit"
    title = "JUnit XML"
    reads = "tests"
    kinds = ("xml",)

    def sniff(self, head: Head) -> int | None:
        """Any document of test suites is JUnit's."""
        if head.root.name in {"testsuites", "testsuite"}:
            return 90
        return 70 if head.root.name == "testrun" and head.has_element("testsuite") else None

    def read(self, document: Document) -> None:
        """Count the cases."""
        cases = _Cases(document, None if document.options.on_case else _plain_cases(document.head))
        document.parse(cases.prepare, cases.runs)
        cases.finish()


def _plain_cases(head: Head) -> Runs | None:
    """Return the runs of cases that simply passed, written as the first case in this file is."""
    for element in head.elements:
        if element.name == "testcase" and "name" in element.attributes:
            if element.attributes.keys() & {"status", "result"}:
                return None
            return Runs("testcase", tuple(element.attributes))
    return None


class _Cases:
    """Start handlers only: a case is settled when the next one begins, so that its end costs one C call.

    `ends` collects the names of ended elements by `list.append` itself; depth is starts less ends.
    """

    def __init__(self, document: Document, runs: Runs | None) -> None:
        self.document = document
        self.runs = runs
        self.tests = Tests(document)
        self.counts = self.tests.counts
        self.identities = self.tests.identities
        self.shows_all = document.options.on_case is not None
        self.limit = document.limits.depth
        self.starts = 0
        self.ends: list[str] = []
        self.rows = 0
        self.case: dict[str, str] | None = None
        self.case_depth = 0
        self.status = PASSED
        self.is_flaky = False
        self.message = ""
        self.suites: list[Suite] = []
        self.suite_depth = 0
        self.suite_name = ""
        self.header: dict[str, float] = {}
        self.has_root_header = False
        self.suite_seconds = 0.0
        self.parser: Any = None

    def prepare(self, parser: Any) -> None:
        """Give the parser its handlers."""
        self.parser = parser
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.ends.append

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element's start. The hot path: a million cases come through here."""
        self.starts += 1
        depth = self.starts - len(self.ends)
        if depth > self.limit:
            raise Refuse("too_deep", f"elements are nested more than {self.limit} deep")
        if name == "testcase":
            if self.case is not None:
                self.settle(self.case)
            if depth <= self.suite_depth:
                self.close_suites(depth)
            self.case = attributes
            self.case_depth = depth
        else:
            self.other(local_name(name), attributes, depth)

    def settle(self, case: dict[str, str]) -> None:
        """Count the case whose end has passed."""
        status = self.status
        if "status" in case or "result" in case:
            status = self.by_attribute(case, status)
        self.counts[status] += 1
        self.rows += 1
        time = case.get("time")
        if time is not None:
            self.add_time(time)
        if self.identities is not None and "name" in case:
            identity = hash((self.suite_name, case.get("classname"), case.get("name")))
            self.identities.buckets[identity >> STATE_BITS & BUCKETS - 1].append(identity & ~STATE_MASK | status)
        if status or self.is_flaky or self.shows_all:
            self.show(case, status)
        if len(self.ends) > _ENDS_KEPT:
            self.starts -= len(self.ends)
            self.ends.clear()

    def run(self, columns: Mapping[str, Sequence[str]], depth: int) -> None:
        """Count a run of cases that passed; nothing can follow that would still belong to them."""
        if self.case is not None:
            self.settle(self.case)
            self.case = None
        self.close_suites(depth)
        names = columns["name"]
        self.counts[PASSED] += len(names)
        self.rows += len(names)
        if "time" in columns:
            self.add_times(columns["time"])
        if self.identities is not None:
            buckets, suite = self.identities.buckets, self.suite_name
            for key in zip(repeat(suite), columns.get("classname", repeat(None)), names):  # endless ones
                identity = hash(key)
                buckets[identity >> STATE_BITS & BUCKETS - 1].append(identity & ~STATE_MASK)

    def add_times(self, times: Sequence[str]) -> None:
        try:
            total = math.fsum(map(float, times))
        except (ValueError, OverflowError):
            total = -1.0
        if 0.0 <= total < 1e12 and min(times) >= "0":
            self.tests.duration_seconds += total
            self.tests.has_duration = True
        else:
            for time in times:
                self.add_time(time)

    def add_time(self, time: str) -> None:
        try:
            value = float(time)
        except ValueError:
            value = seconds(time) or 0.0
        if 0.0 <= value < 1e12:
            self.tests.duration_seconds += value
            self.tests.has_duration = True

    def by_attribute(self, case: dict[str, str], status: int) -> int:
        """Return what a case's attributes say when no child of it says anything."""
        if status != PASSED:
            return status
        for attribute in ("status", "result"):
            said = _BY_ATTRIBUTE.get(case.get(attribute, "").lower(), PASSED)
            if said != PASSED:
                return said
        return PASSED

    def show(self, case: dict[str, str], status: int) -> None:
        """Keep or hand on a case, and forget what was collected about it."""
        suite = case.get("classname") or case.get("class") or self.suite_name
        time = seconds(case.get("time")) or 0.0
        self.stop_text()
        shown = Case(case.get("name", ""), STATUSES[status], suite, self.message.strip(), time, self.is_flaky)
        self.tests.flaky += self.is_flaky
        self.tests.show(shown)
        self.status, self.is_flaky, self.message = PASSED, False, ""

    def other(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Take the start of anything but a plain `testcase`."""
        self.stop_text()
        if name == STAND_IN and self.runs is not None:
            self.run(self.runs.take(attributes), depth)
        elif name in _BY_CHILD or name in _AGAIN:
            self.result(name, attributes, depth)
        elif name in {"testsuite", "testsuites"}:
            self.open_suite(name, attributes, depth)
        elif name == "testcase":
            self.starts -= 1
            self.start("testcase", attributes)
        if len(self.ends) > _ENDS_KEPT:
            self.starts -= len(self.ends)
            self.ends.clear()

    def result(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Take what a child says of its case; of a suite, a failure of its set-up counts as a case of its own."""
        status = _BY_CHILD.get(name, PASSED)
        if self.case is None or depth != self.case_depth + 1:
            if status in {FAILED, ERRORED} and (self.case is None or depth <= self.case_depth):
                self.suite_broke(attributes, status, depth)
            return
        if name in _AGAIN:
            self.is_flaky = True
            return
        if _RANK[status] <= _RANK[self.status]:
            return
        self.status = status
        self.message = (attributes.get("message") or attributes.get("type") or "")[:MESSAGE_CHARS]
        if not self.message:
            self.parser.CharacterDataHandler = self.text

    def suite_broke(self, attributes: dict[str, str], status: int, depth: int) -> None:
        if self.case is not None:
            self.settle(self.case)
        self.document.warn("a failure outside any case is counted as a case of its own")
        self.case, self.case_depth, self.status = {"name": f"({self.suite_name or 'suite'})"}, depth, status
        self.message = (attributes.get("message") or attributes.get("type") or "")[:MESSAGE_CHARS]

    def text(self, data: str) -> None:
        """Collect a message that is text rather than an attribute."""
        self.message = (self.message + data)[:MESSAGE_CHARS]

    def stop_text(self) -> None:
        self.parser.CharacterDataHandler = None

    def open_suite(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Note what a suite declares; of nested suites only the outermost is a header, the inner repeat it."""
        if self.case is not None:
            self.settle(self.case)
            self.case = None
        self.close_suites(depth)
        is_root = name == "testsuites"
        if is_root:
            self.has_root_header = "tests" in attributes
        if is_root or not (self.has_root_header or self.suites):
            self.add_header(attributes)
        if not is_root:
            for suite in self.suites:
                suite.children += 1
            self.suites.append(Suite(attributes, depth, self.rows))
            self.suite_depth = depth
            self.suite_name = self.suites[-1].name

    def add_header(self, attributes: dict[str, str]) -> None:
        for measurement, value in declared(attributes).items():
            self.header[measurement] = self.header.get(measurement, 0.0) + value

    def close_suites(self, depth: int) -> None:
        """Close the suites that ended before an element at this depth began."""
        while self.suites and depth <= self.suites[-1].depth:
            self.close_suite(self.suites.pop())
        self.suite_depth = self.suites[-1].depth if self.suites else 0
        self.suite_name = self.suites[-1].name if self.suites else ""

    def close_suite(self, suite: Suite) -> None:
        """Believe the counts of a suite that lists neither cases nor suites."""
        stated = declared(suite.attributes)
        if self.rows > suite.rows or suite.children or not stated.get("tests.total"):
            time = None if self.rows > suite.rows else seconds(suite.attributes.get("time"))
            self.suite_seconds += time or 0.0
            return
        self.believe(stated)
        self.add_time(suite.attributes.get("time", "0"))

    def believe(self, stated: Mapping[str, float]) -> None:
        """Take stated counts where there is nothing to recount."""
        total, failed = int(stated["tests.total"]), int(stated.get("tests.failed", 0))
        errored, skipped = int(stated.get("tests.errored", 0)), int(stated.get("tests.skipped", 0))
        for status, count in ((FAILED, failed), (ERRORED, errored), (SKIPPED, skipped)):
            self.counts[status] += count
        self.counts[PASSED] += max(0, total - failed - errored - skipped)
        self.document.warn("a suite states counts and lists no case; its counts are taken as stated")

    def finish(self) -> None:
        """Settle what is still open, and set the measurements."""
        if self.case is not None:
            self.settle(self.case)
            self.case = None
        self.close_suites(0)
        if not self.tests.rows and self.header.get("tests.total"):
            self.believe(self.header)
        if not self.tests.has_duration and self.suite_seconds:
            self.tests.duration_seconds, self.tests.has_duration = self.suite_seconds, True
        self.tests.finish({name: value for name, value in self.header.items() if name in BETTER})
