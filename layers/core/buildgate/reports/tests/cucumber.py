"""Cucumber JSON (JVM, JS, Ruby, godog) and behave's JSON, which looks like it and is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import Case
from buildgate.reports.json_stream import JsonStream, stream
from buildgate.reports.json_values import number, text
from buildgate.reports.tests.tally import ERRORED, FAILED, PASSED, SKIPPED, STATUSES, Tests

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_NANOSECONDS: Final = 1e9
_STEPS: Final = {
    "passed": PASSED,
    "failed": FAILED,
    **dict.fromkeys(("undefined", "ambiguous", "pending"), FAILED),  # as cucumber's own exit code and JUnit have it
    **dict.fromkeys(("unknown", "error"), ERRORED),
    **dict.fromkeys(("skipped", "untested", "disabled", "unused"), SKIPPED),
}
_BEHAVE: Final = {
    **_STEPS,
    **dict.fromkeys(("undefined", "pending", "hook_error", "cleanup_error"), ERRORED),
    **dict.fromkeys(("untested_pending", "untested_undefined", "pending_warn", "xfailed"), SKIPPED),
}
_WORSE: Final = (PASSED, SKIPPED, ERRORED, FAILED)
"""A scenario is as its worst step is."""


class _Scenario:
    """What one element of a feature says, whatever the order of its keys."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.worst = PASSED
        self.steps = 0
        self.duration = 0.0
        self.message = ""

    def add(self, result: Any) -> None:
        """Take the result of a step or a hook; one without a status was never run."""
        said = result if isinstance(result, dict) else {}
        status = _STEPS.get(text(said.get("status")).lower(), ERRORED) if said.get("status") else SKIPPED
        if _WORSE.index(status) > _WORSE.index(self.worst):
            self.worst = status
            lines = said.get("error_message")
            self.message = "\n".join(map(str, lines)) if isinstance(lines, list) else text(lines)
        self.duration += max(0.0, number(said.get("duration")) or 0.0)

    def follow(self, background: _Scenario) -> None:
        """Take over the background that was run before this scenario."""
        if _WORSE.index(background.worst) > _WORSE.index(self.worst):
            self.worst, self.message = background.worst, background.message
        self.duration += background.duration


class Cucumber:
    """Reader of Cucumber JSON."""

    name = "cucumber"
    title = "Cucumber JSON"
    reads = "tests"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of features; behave's have a location and a status instead of a URI."""
        if not head.is_array or not head.has("[].keyword"):
            return None
        if head.has("[].elements") and not head.has("[].elements[].status"):
            return 85
        return 75 if head.has("[].uri", "[].name") else None

    def read(self, document: Document) -> None:
        """Count the scenarios; durations are nanoseconds."""
        features = _Features(document, 1.0 / _NANOSECONDS)
        features.read(stream(document))
        features.tests.finish()


class Behave:
    """Reader of behave's JSON."""

    name = "behave"
    title = "behave JSON"
    reads = "tests"
    kinds = ("json",)

    def sniff(self, head: Head) -> int | None:
        """A list of features whose elements have a status of their own."""
        if not head.is_array or not head.has("[].keyword"):
            return None
        if head.has("[].elements[].status"):
            return 90
        return 80 if head.has("[].location", "[].status") else None

    def read(self, document: Document) -> None:
        """Count the scenarios by the status behave gives them; durations are seconds."""
        features = _Features(document, 1.0)
        features.read(stream(document))
        features.tests.finish()


class _Features:
    def __init__(self, document: Document, unit: float) -> None:
        self.document = document
        self.tests = Tests(document)
        self.unit = unit

    def read(self, cursor: JsonStream) -> None:
        """Walk features, elements, steps; screenshots and texts embedded in steps are passed over."""
        for index in cursor.items():
            for key in cursor.members():
                if key == "elements":
                    self.elements(cursor, index)
        cursor.finish()

    def elements(self, cursor: JsonStream, feature: int) -> None:
        background = _Scenario()
        for _ in cursor.items():
            element = self.element(cursor)
            if text(element.facts.get("type") or element.facts.get("keyword")).lower() == "background":
                background = element
                continue
            element.follow(background)
            if "status" not in element.facts:
                background = _Scenario()
            self.add(element, feature)

    def element(self, cursor: JsonStream) -> _Scenario:
        scenario = _Scenario()
        for key in cursor.members():
            if key in {"before", "after", "steps"}:
                for _ in cursor.items():
                    scenario.steps += key == "steps"
                    self.step(cursor, scenario)
            elif key in {"name", "type", "keyword", "line", "id", "status", "location"}:
                scenario.facts[key] = cursor.value()
        return scenario

    def step(self, cursor: JsonStream, scenario: _Scenario) -> None:
        result: Any = None
        for key in cursor.members():
            if key in {"before", "after"}:  # hooks around one step
                for _ in cursor.items():
                    self.hook(cursor, scenario)
            elif key == "result":
                result = cursor.value()
        scenario.add(result)

    def hook(self, cursor: JsonStream, scenario: _Scenario) -> None:
        for key in cursor.members():
            if key == "result":
                scenario.add(cursor.value())

    def add(self, scenario: _Scenario, feature: int) -> None:
        facts = scenario.facts
        status = scenario.worst if scenario.steps else SKIPPED
        if "status" in facts:
            status = _BEHAVE.get(text(facts["status"]).lower(), ERRORED)
        place = text(facts.get("location")) or text(facts.get("id")) or str(feature)
        message = scenario.message[:500] if status != PASSED else ""
        name = text(facts.get("name"))
        suite = f"{feature}:{place}:{text(facts.get('line'))}"
        seconds = scenario.duration * self.unit
        self.tests.add(Case(name, STATUSES[status], suite, message, seconds))
