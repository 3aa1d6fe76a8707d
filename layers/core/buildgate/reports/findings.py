"""Findings counted by severity, with a bounded list of the worst, and one severity scale for all scanners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.measurements import SEVERITIES, Finding, Severity, finding_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate.reports.document import Document

MESSAGE_CHARS: Final = 300
_WORDS: Final[dict[str, Severity]] = {
    **dict.fromkeys(("critical", "blocker", "crit", "fatal", "very high", "severe"), "critical"),
    **dict.fromkeys(("high", "error", "major", "important", "serious"), "high"),
    **dict.fromkeys(("medium", "moderate", "warning", "warn", "minor", "mid"), "medium"),
    **dict.fromkeys(("low", "note"), "low"),
    **dict.fromkeys(
        ("info", "information", "informational", "none", "ignore", "negligible", "style", "trivial"), "info"
    ),
    **dict.fromkeys(("unknown", "untriaged", "undefined", "unassigned", "unspecified", ""), "unknown"),
}


def severity(word: object) -> Severity:
    """Return a tool's word for a severity on our scale; a word nobody knows is `unknown`, never dropped."""
    return _WORDS.get(str(word).strip().lower(), "unknown") if word is not None else "unknown"


def severity_of_score(score: float | None) -> Severity:
    """Return the severity of a CVSS base score, 0 to 10, by the bands of CVSS v3; 0 is `info`."""
    if score is None:
        return "unknown"
    for least, name in ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.05, "low")):
        if score >= least:
            return name  # type: ignore[return-value]
    return "info"


def fingerprint(*parts: object) -> str:
    """Return a stable fingerprint of what identifies a finding: rule, file, package, code; never a line number."""
    import hashlib  # noqa: PLC0415  # four megabytes that a coverage report never needs

    joined = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(joined.encode("utf-8", errors="replace")).hexdigest()[:32]


class Findings:
    """The counts of one report's findings, and the worst ones."""

    def __init__(self, document: Document) -> None:
        self.contents = document.contents
        self.counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
        self.suppressed = 0
        self._sink = document.options.on_finding
        self._limit = document.limits.findings_kept
        self._kept: dict[Severity, list[Finding]] = {name: [] for name in SEVERITIES}
        self._kept_suppressed: list[Finding] = []
        self._kept_count = 0

    def wants(self, level: Severity) -> bool:
        """Return whether a finding of this severity would be kept or handed on: if not, only count it."""
        if self._sink is not None or self._kept_count < self._limit:
            return True
        return any(self._kept[worse] for worse in SEVERITIES[SEVERITIES.index(level) + 1 :])

    def count(self, level: Severity, number: int = 1) -> None:
        """Count findings without keeping them."""
        self.counts[level] += number

    def add(self, finding: Finding) -> None:
        """Count one finding and keep it if it is among the worst."""
        if finding.is_suppressed:
            self.suppressed += 1
        else:
            self.counts[finding.severity] += 1
        self.keep(finding)

    def add_lazily(self, level: Severity, make: Callable[[], Finding]) -> None:
        """Count one finding; make it only if it is kept."""
        self.counts[level] += 1
        if self.wants(level):
            self.keep(make())

    def keep(self, finding: Finding) -> None:
        """Hand on a finding that is counted already, and keep it if it is among the worst."""
        if self._sink is not None:
            self._sink(finding)
        if finding.is_suppressed:
            if len(self._kept_suppressed) < self._limit:
                self._kept_suppressed.append(finding)
            return
        if self._kept_count >= self._limit and not self._make_room(finding.severity):
            return
        self._kept[finding.severity].append(finding)
        self._kept_count += 1

    def _make_room(self, level: Severity) -> bool:
        for worse in reversed(SEVERITIES[SEVERITIES.index(level) + 1 :]):
            if self._kept[worse]:
                self._kept[worse].pop()
                self._kept_count -= 1
                return True
        return False

    @property
    def total(self) -> int:
        """Findings that are not suppressed."""
        return sum(self.counts.values())

    def finish(self) -> None:
        """Set the measurements."""
        for level, count in self.counts.items():
            self.contents.measure(f"findings.{level}", count)
        self.contents.measure("findings.total", self.total)
        self.contents.measure("findings.suppressed", self.suppressed)
        kept = [finding for level in SEVERITIES for finding in self._kept[level]]
        self.contents.findings = sorted(kept, key=finding_key) + sorted(self._kept_suppressed, key=finding_key)
        if self.total > self._kept_count:
            self.contents.warn(f"of {self.total} findings the worst {self._kept_count} are listed; all are counted")


def brief(value: Any) -> str:
    """Return a message on one line, cut to a length that fits a table."""
    flat = " ".join(str(value).split()) if value is not None else ""
    return flat if len(flat) <= MESSAGE_CHARS else flat[: MESSAGE_CHARS - 1] + "…"
