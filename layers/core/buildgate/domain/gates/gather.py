"""From the reports of a run to a gate's evidence."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from buildgate.domain.gates.evidence import Evidence
from buildgate.domain.gates.sources import PREFIX
from buildgate.domain.gates.values import SECURITY_SCORE, control_status
from buildgate.domain.measurements import Refusal, Report, merge
from buildgate.domain.redaction import shorten

MOST_NOTES: Final = 100
MOST_REFUSALS: Final = 50
MOST_LETTERS: Final = 500
_COUNT_UNRATED: Final = frozenset(
    f"findings.{which}{count}" for which in ("", "new.") for count in ("unknown", "total")
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from buildgate.domain.gates.evidence import Pin
    from buildgate.domain.gates.model import Gate
    from buildgate.domain.measurements import Merged


def gather(
    gate: Gate, reports: Iterable[Report], refused: Iterable[Refusal], context: Evidence, *, pins: Iterable[Pin] = ()
) -> Evidence:
    """Return `context` with what the gate's reports measured.

    Args:
        gate: Its `reports` globs choose the files; without any, all do. A glob that nothing matches is an absent
            report, which judging treats as an error.
        reports: The reports that were read, in any order.
        refused: The files that were not.
        context: Everything else: baseline, time, changed lines, waivers of the table.
        pins: Which bytes each report file was.
    """
    given = [report for report in reports if is_fed_by(gate, report.file)]
    unread = [refusal for refusal in refused if is_fed_by(gate, refusal.file)]
    merged = merge(given)
    seen = [*(report.file for report in given), *(refusal.file for refusal in unread)]
    refusals = (*context.refused, *unread, *_absent(gate, seen))
    return replace(
        context,
        measurements=merged.measurements,
        refused=_bounded_refusals(refusals),
        findings=merged.findings,
        controls={control.id: control.status for control in merged.controls},
        conflicts=tuple(merged.conflicts),
        notes=_bounded({*context.notes, *merged.warnings, *_unrated(gate, merged), *_by_hand(gate, merged)}),
        pins=(*context.pins, *(pin for pin in pins if is_fed_by(gate, pin.file))),
    )


def _unrated(gate: Gate, merged: Merged) -> tuple[str, ...]:
    """Return a note when a gate counts findings by severity, and some have none that it would count.

    Several scanners state no severity (pip-audit never, checkov without its platform): none of them is critical, and
    yet nobody said that they are harmless.
    """
    names = {objective.measurement for objective in gate.objectives}
    names |= {name for score in gate.scores for name, _ in score.per}
    unrated = merged.measurements.get("findings.unknown")
    is_by_severity = any(name.startswith("findings.") or name == SECURITY_SCORE.name for name in names)
    if unrated is None or not unrated.value or not is_by_severity or names & _COUNT_UNRATED:
        return ()
    what = "1 finding states" if unrated.value == 1 else f"{unrated.value:g} findings state"
    return (f"{unrated.source_file}: {what} no severity, and the gate counts none of these (findings.unknown)",)


def _by_hand(gate: Gate, merged: Merged) -> tuple[str, ...]:
    """Return a note for the controls of the gate's sets that a person must check: they did not fail, nor were they proved."""
    results = {control.id: control.status for control in merged.controls}
    each = (control for found in gate.control_sets for control in found.controls)
    waiting = sorted({one.id for one in each if control_status(one, results) == "manual"})
    return (f"a person must check, and no report proves: {', '.join(waiting)}",) if waiting else ()


def is_fed_by(gate: Gate, file: str) -> bool:
    """Return whether a report file belongs to the gate's evidence; what its own sources gave always does."""
    return not gate.reports or file.startswith(PREFIX) or any(matches(pattern, file) for pattern in gate.reports)


def matches(pattern: str, file: str) -> bool:
    """Match a glob with a report's path; one without `/` is matched with the file's name alone."""
    name = file if "/" in pattern else file.rpartition("/")[2]
    return fnmatchcase(name, pattern)


def _absent(gate: Gate, seen: Sequence[str]) -> list[Refusal]:
    return [
        Refusal(pattern, "absent", f"no report matches {pattern}")
        for pattern in gate.reports
        if not any(matches(pattern, file) for file in seen)
    ]


def _bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts in order, short and not too many: a verdict is stored whole, whatever its reports say."""
    ordered = sorted({shorten(text, limit=MOST_LETTERS) for text in texts})
    more = len(ordered) - MOST_NOTES
    return tuple(ordered) if more <= 0 else (*ordered[:MOST_NOTES], f"{more} more remarks are not kept")


def _bounded_refusals(refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    ordered = sorted(refusals, key=lambda one: (one.file, one.reason_code, one.message))
    kept = [Refusal(one.file, one.reason_code, shorten(one.message, limit=MOST_LETTERS)) for one in ordered]
    more = len(kept) - MOST_REFUSALS
    rest = [Refusal("more files", "and_more", f"{more} more files were refused")] if more > 0 else []
    return (*kept[:MOST_REFUSALS], *rest)
