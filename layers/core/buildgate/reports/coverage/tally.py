"""Lines and branches counted once each, however often and under however many classes a report lists them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from buildgate.domain.measurements import FileCoverage, percent
from buildgate.reports.refusal import Refuse, within_bounds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from buildgate.reports.document import Document

LINE_LIMIT: Final = 1_000_000
_MISSED: Final = 1
_HIT: Final = 2
_SPARSE: Final = 16
_NONE: Final = array("I")

Branch = tuple[int, int]
"""Covered and total."""


_NO_BRANCHES: Final[dict[int, Branch]] = {}


class _Packed:
    """The lines of one file, put away small: a byte a line number, or the numbers themselves where those are sparse."""

    __slots__ = ("branches", "hit", "lines", "missed")

    def __init__(self, seen: set[int], covered: set[int], branches: dict[int, Branch]) -> None:
        self.branches = branches
        self.lines: bytes | None = None
        self.hit = self.missed = _NONE
        last = max(seen, default=0)
        if last > len(seen) * _SPARSE + 64:
            self.hit, self.missed = array("I", sorted(covered)), array("I", sorted(seen - covered))
            return
        lines = bytearray(last + 1)
        for number in seen:
            lines[number] = _MISSED
        for number in covered:
            lines[number] = _HIT
        self.lines = bytes(lines)

    def unpacked(self) -> tuple[set[int], set[int]]:
        """Return the lines seen and those covered."""
        if self.lines is None:
            return {*self.hit, *self.missed}, set(self.hit)
        seen = {number for number, state in enumerate(self.lines) if state}
        return seen, {number for number in seen if self.lines[number] == _HIT}


class Coverage:
    """The coverage of one report, file by file.

    Between `open` and the next `open`, add line numbers to `seen` and `covered`, and branches by `branch`. A file may be opened again: its lines are united, a line is covered if it ever was.
    """

    def __init__(self, document: Document) -> None:
        self.contents = document.contents
        self.seen: set[int] = set()
        self.covered: set[int] = set()
        self.branches: dict[int, Branch] = {}
        self.functions_covered = 0
        self.functions_total = 0
        self.changed_covered = 0
        self.changed_total = 0
        self.has_branches = False
        self._changed = _Changed(document.options.changed_lines)
        self._file: str | None = None
        self._files: dict[str, _Packed] = {}
        self._files_limit = document.limits.files_kept

    def open(self, file: str) -> None:
        """Go on with this file."""
        if file == self._file:
            return
        self.close()
        self._file = file
        known = self._files.get(file)
        if known is not None:
            seen, covered = known.unpacked()
            self.seen.update(seen)
            self.covered.update(covered)
            self.branches.update(known.branches)

    def branch(self, line: int, covered: int, total: int) -> None:
        """Note the branches of a line; of several listings the most covered and the most total stand."""
        if not 0 <= covered <= total <= LINE_LIMIT:
            raise Refuse("bad_value", f"{covered} of {total} branches covered at line {line} is impossible")
        known = self.branches.get(line)
        self.branches[line] = (covered, total) if known is None else (max(known[0], covered), max(known[1], total))

    def close(self) -> None:
        """Put the open file away."""
        if self._file is None:
            return
        if self.seen and not (min(self.seen) >= 0 and max(self.seen) <= LINE_LIMIT):
            raise Refuse("bad_value", f"a line number of {self._file} is beyond {LINE_LIMIT}")
        self.seen |= self.covered
        within_bounds(self._files, "source files")
        self._files[self._file] = _Packed(
            self.seen, self.covered, dict(self.branches) if self.branches else _NO_BRANCHES
        )
        self._file = None
        self.seen.clear()
        self.covered.clear()
        self.branches.clear()

    def finish(self, *, branches: Branch | None = None, extra: Branch = (0, 0)) -> None:
        """Set the measurements: a percentage only where there is something to cover.

        `branches` are those of a format that does not list them by line; `extra` are lines stated but not listed.
        """
        self.close()
        hit, lines = extra
        taken, total = branches or (0, 0)
        kept: list[FileCoverage] = []
        for file in sorted(self._files):
            packed = self._files[file]
            row = _row(file, packed)
            self._changed.count(file, packed)
            lines, hit = lines + row.lines_total, hit + row.lines_covered
            total, taken = total + row.branches_total, taken + row.branches_covered
            if len(kept) < self._files_limit:
                kept.append(row)
        self._measure("coverage.line", hit, lines, is_known=True)
        self._measure("coverage.branch", taken, total, is_known=bool(total) or self.has_branches)
        self._measure("coverage.function", self.functions_covered, self.functions_total)
        if self._changed.is_asked:
            self._measure("coverage.changed.line", self._changed.covered, self._changed.total, is_known=True)
        self.contents.files = kept
        if not lines:
            self.contents.warn("the report lists no line that could be covered")

    def finish_with(self, points: Mapping[str, Branch], warning: str) -> None:
        """Set the measurements from counters alone, where a report lists no line to recount."""
        self.close()
        for kind, (covered, total) in points.items():
            if not 0 <= covered <= total:
                raise Refuse("bad_value", f"{covered} of {total} covered is impossible")
            self._measure(f"coverage.{kind}", covered, total, is_known=True)
        self._measure("coverage.function", self.functions_covered, self.functions_total)
        is_empty = not any(total for _, total in points.values())
        self.contents.warn("the report lists no line that could be covered" if is_empty else warning)

    def compare_points(self, kind: str, covered: int, total: int) -> None:
        """Hold covered and total of the header against the recount, as a percentage."""
        if total:
            self.contents.compare(f"coverage.{kind}_percent", percent(covered, total), better=1, tolerance=0.01)

    def _measure(self, points: str, covered: int, total: int, *, is_known: bool = False) -> None:
        if total or is_known:
            self.contents.measure(f"{points}.covered", covered)
            self.contents.measure(f"{points}.total", total)
        if total:
            self.contents.measure(f"{points}_percent", percent(covered, total))

    def compare_rate(self, name: str, text: str | None) -> None:
        """Hold a rate of the header (0 to 1, as written) against the recount, within what its rounding hides."""
        rate = as_rate(text)
        if rate is not None and text is not None:
            decimals = max(2, len(text.strip().partition(".")[2]))
            self.contents.compare(name, rate * 100.0, better=1, tolerance=100.0 * 10.0**-decimals)


def whole(text: str | None) -> int:
    """Return a counter as written; an absent one is 0.

    Raises:
        Refuse: It is no whole number, or negative.
    """
    try:
        value = int(text or 0)
    except ValueError as error:
        raise Refuse("bad_value", f"{(text or '')[:40]!r} is no counter") from error
    if not 0 <= value <= 10**12:
        raise Refuse("bad_value", f"the counter {value} is impossible")
    return value


def as_rate(text: str | None) -> float | None:
    """Return a ratio of a header as a number; None when it is none."""
    try:
        rate = float(text or "")
    except ValueError:
        return None
    return rate if 0.0 <= rate <= 1.0 else None


def line_number(text: str) -> int:
    """Return a line number as written.

    Raises:
        Refuse: It is no number.
    """
    try:
        return int(text)
    except ValueError as error:
        raise Refuse("bad_value", f"the line number {text[:40]!r} is no number") from error


def _row(file: str, packed: _Packed) -> FileCoverage:
    if packed.lines is None:
        hit, missed = len(packed.hit), len(packed.missed)
    else:
        hit, missed = packed.lines.count(_HIT), packed.lines.count(_MISSED)
    branches = packed.branches.values()
    return FileCoverage(file, hit, hit + missed, sum(b[0] for b in branches), sum(b[1] for b in branches))


class _Changed:
    """Coverage of the lines a change touched. Paths match when one ends with the other at a slash."""

    def __init__(self, changed: Mapping[str, Collection[int]]) -> None:
        self.is_asked = bool(changed)
        self.covered = 0
        self.total = 0
        self._by_name: dict[str, list[tuple[str, frozenset[int]]]] = {}
        for path, lines in changed.items():
            clean = _clean(path)
            self._by_name.setdefault(clean.rpartition("/")[2], []).append((clean, frozenset(lines)))

    def count(self, file: str, packed: _Packed) -> None:
        """Count the changed lines of one file of the report."""
        clean = _clean(file)
        for path, lines in self._by_name.get(clean.rpartition("/")[2], ()):
            if clean == path or clean.endswith(f"/{path}") or path.endswith(f"/{clean}"):
                seen, covered = packed.unpacked()
                self.total += len(seen & lines)
                self.covered += len(covered & lines)
                return


def _clean(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")
