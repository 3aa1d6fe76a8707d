"""Test cases counted: one rule for every format about cases that are listed more than once.

A case that is listed both as passed and as failed was run again: it is one case, it counts as failed, and it is
flaky. One listed as failed and as errored (pytest writes that when the tear-down breaks too) is one errored case. Equal
results under one name are as many cases: runners give parameterised cases the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from buildgate.domain.measurements import Case, CaseStatus
from buildgate.reports.identities import Identities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate.reports.document import Document

PASSED: Final = 0
FAILED: Final = 1
ERRORED: Final = 2
SKIPPED: Final = 3
STATUSES: Final[tuple[CaseStatus, ...]] = get_args(CaseStatus)
BETTER: Final = {"tests.total": 1, "tests.passed": 1, "tests.failed": -1, "tests.errored": -1, "tests.skipped": -1}
MESSAGE_CHARS: Final = 500
DAY_SECONDS: Final = 86_400.0


def seconds(text: str | None) -> float | None:
    """Return a duration written as a number of seconds or `[d.]hh:mm:ss.f`; None when it is neither, or negative.

    `1,234.5` (thousands) and `0,5` (decimal comma) are both met in real files.
    """
    if not text:
        return None
    text = text.strip()
    if ":" in text:
        return _clock(text)
    if "," in text:
        text = text.replace(",", "") if "." in text else text.replace(",", ".", 1)
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _clock(text: str) -> float | None:
    days, dot, rest = text.partition(".")
    if not dot or ":" in days:
        days, rest = "0", text
    total, scale = 0.0, 1.0
    try:
        for part in reversed(rest.split(":")):
            total += abs(float(part.replace(",", "."))) * scale
            scale *= 60.0
        total += abs(float(days)) * DAY_SECONDS
    except ValueError:
        return None
    return total if total < float("inf") and not text.startswith("-") else None


class Tests:
    """The counts of one report's cases, and the cases worth showing."""

    def __init__(self, document: Document) -> None:
        self.contents = document.contents
        self.options = document.options
        self.counts = [0, 0, 0, 0]
        self.flaky = 0
        self.duration_seconds = 0.0
        self.has_duration = False
        self.identities = Identities() if document.options.has_identity else None
        self._kept: list[Case] = []
        self._limit = document.limits.cases_kept

    @property
    def rows(self) -> int:
        """Cases as listed so far."""
        return sum(self.counts)

    def add(self, case: Case, *, has_duration: bool = True) -> None:
        """Count one listed case."""
        status = STATUSES.index(case.status)
        self.counts[status] += 1
        self.flaky += case.is_flaky
        self.duration_seconds += case.duration_seconds
        self.has_duration |= has_duration
        if self.identities is not None:
            self.identities.add(hash((case.suite, case.name)), status)
        self.show(case)

    def show(self, case: Case) -> None:
        """Hand a case to the caller's sink, and keep it if it did not simply pass."""
        if self.options.on_case is not None:
            self.options.on_case(case)
        if (case.status in ("failed", "errored") or case.is_flaky) and len(self._kept) < self._limit:
            self._kept.append(case)

    def finish(self, header: Mapping[str, float] | None = None) -> None:
        """Settle repeated cases, compare with the header's figures, and set the measurements."""
        listed = self._figures()
        if self.identities is not None:
            for states in self.identities.repeated():
                self._settle(states)
        settled = self._figures()
        for name, value in settled.items():
            self.contents.measure(name, value)
        self.contents.measure("tests.flaky", self.flaky)
        if self.has_duration:
            self.contents.measure("tests.duration_seconds", round(self.duration_seconds, 6))
        self.contents.cases = self._kept
        for name, value in (header or {}).items():
            if name in BETTER and value != listed[name]:
                self.contents.compare(name, value, better=BETTER[name])
        if not self.rows:
            self.contents.warn("the report lists no test case")
        broken = self.counts[FAILED] + self.counts[ERRORED]
        if broken > self._limit:
            self.contents.warn(f"only the first {self._limit} of {broken} failed cases are listed")

    def _figures(self) -> dict[str, float]:
        named = {f"tests.{status}": float(count) for status, count in zip(STATUSES, self.counts, strict=True)}
        return {"tests.total": float(self.rows), **named}

    def _settle(self, states: list[int]) -> None:
        """Make one case of a name that is listed with results that cannot all be its last."""
        kinds = set(states)
        worst = ERRORED if ERRORED in kinds else FAILED
        if worst not in kinds or len(kinds - {SKIPPED}) < 2:
            return
        for state in states:
            self.counts[state] -= 1
        self.counts[worst] += 1
        if PASSED in kinds:
            self.flaky += 1
        self.contents.warn("a case listed with several results is counted once, with the worst of them")


def counts_of(attributes: Mapping[str, str], names: tuple[str, ...]) -> dict[str, float]:
    """Return the attributes that are counts; what is no count is as if it were absent."""
    found = {name: attributes.get(name, "").strip() for name in names}
    return {name: float(text[:12]) for name, text in found.items() if text.isdecimal() and text.isascii()}
