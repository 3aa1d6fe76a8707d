"""Test cases counted: one rule for every format about cases that are listed more than once.

A case listed as failed and later as passed was run again: it is one case, counts as failed, and is flaky. Other results
that differ under one name are one case with the worst of them, unless the header counts rows: then they are cases
of their own (parameterised ones, and pytest's entry for a tear-down that broke too). Equal results under one name
are as many cases.
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
_RANK: Final = {SKIPPED: 0, PASSED: 1, FAILED: 2, ERRORED: 3}
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
        header = header or {}
        listed = self._figures()
        self._settle_repeated(header.get("tests.total"))
        settled = self._figures()
        for name, value in settled.items():
            self.contents.measure(name, value)
        self.contents.measure("tests.flaky", self.flaky)
        if self.has_duration:
            self.contents.measure("tests.duration_seconds", round(self.duration_seconds, 6))
        self.contents.cases = self._kept
        for name, value in header.items():
            if name in BETTER and value != listed[name]:
                self.contents.compare(name, value, better=BETTER[name])
        if not self.rows:
            self.contents.warn("the report lists no test case")
        broken = self.counts[FAILED] + self.counts[ERRORED]
        if broken > self._limit:
            self.contents.warn(f"only the first {self._limit} of {broken} failed cases are listed")

    def _settle_repeated(self, stated: float | None) -> None:
        """Decide what repeated names are, by the number of tests that the header states."""
        if self.identities is None:
            return
        counts_rows = stated == self.rows
        for states in self.identities.repeated():
            is_rerun = _passes_after_failing(states)
            differs = len(set(states) - {SKIPPED}) > 1
            if is_rerun or (differs and not counts_rows):
                self._make_one(states, is_flaky=is_rerun)

    def _figures(self) -> dict[str, float]:
        named = {f"tests.{status}": float(count) for status, count in zip(STATUSES, self.counts, strict=True)}
        return {"tests.total": float(self.rows), **named}

    def _make_one(self, states: list[int], *, is_flaky: bool) -> None:
        """Make one case, with the worst of its results, of the rows of one name."""
        for state in states:
            self.counts[state] -= 1
        self.counts[max(states, key=_RANK.__getitem__)] += 1
        self.flaky += is_flaky
        self.contents.warn("a case that is listed several times is counted once, with the worst of its results")


def _passes_after_failing(states: list[int]) -> bool:
    failures = [index for index, state in enumerate(states) if state in {FAILED, ERRORED}]
    return bool(failures) and PASSED in states[failures[0] :]


def counts_of(attributes: Mapping[str, str], names: tuple[str, ...]) -> dict[str, float]:
    """Return the attributes that are counts; what is no count is as if it were absent."""
    found = {name: attributes.get(name, "").strip() for name in names}
    return {name: float(text[:12]) for name, text in found.items() if text.isdecimal() and text.isascii()}
