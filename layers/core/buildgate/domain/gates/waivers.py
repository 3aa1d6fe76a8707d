"""Which findings and controls waivers take out, and what a reader must be told about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from buildgate.domain.gates.criteria import number_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from buildgate.domain.gates.model import Waiver
    from buildgate.domain.measurements import Finding


@dataclass(frozen=True, slots=True)
class Waived:
    """Positions of the waived findings, how many of each severity, the controls that may fail, and notes for people."""

    positions: frozenset[int]
    by_severity: Mapping[str, int]
    notes: tuple[str, ...]
    controls: frozenset[str] = frozenset()


def apply(
    waivers: Sequence[Waiver], findings: Sequence[Finding], open_controls: Collection[str], today: date
) -> Waived:
    """Match waivers with findings and with controls that do not hold.

    An expired waiver takes nothing out and says so; an idle one says so too.
    """
    positions: set[int] = set()
    controls: set[str] = set()
    notes = []
    for waiver in waivers:
        hits = {at for at, finding in enumerate(findings) if matches(waiver, finding)}
        held = {one for one in open_controls if waiver.control is not None and fnmatchcase(one, waiver.control)}
        if waiver.expires < today:
            notes.append(_expired(waiver, len(hits) + len(held)))
        elif hits or held:
            positions |= hits
            controls |= held
            notes.append(_acting(waiver, len(hits) + len(held)))
        else:
            notes.append(f"waiver of {waiver.subject} matches nothing any more; {waiver.owner} can remove it")
    counts: Counter[str] = Counter(findings[at].severity for at in positions)
    return Waived(frozenset(positions), dict(counts), tuple(sorted(set(notes))), frozenset(controls))


def matches(waiver: Waiver, finding: Finding) -> bool:
    """Return whether the waiver is about this finding. One suppressed in its tool is not counted, so not waived."""
    if finding.is_suppressed:
        return False
    if waiver.finding is not None:
        return finding.fingerprint != "" and finding.fingerprint == waiver.finding
    if waiver.rule is None or not fnmatchcase(finding.rule, waiver.rule):
        return False
    return waiver.path is None or fnmatchcase(finding.file or "", waiver.path)


def _acting(waiver: Waiver, hits: int) -> str:
    what = f"{number_text(hits)} {_noun(waiver)}{'s' if hits != 1 else ''}"
    return f"waived {what}: {waiver.subject}, by {waiver.owner} until {waiver.expires.isoformat()} ({waiver.reason})"


def _noun(waiver: Waiver) -> str:
    return "finding" if waiver.control is None else "control"


def _expired(waiver: Waiver, hits: int) -> str:
    effect = f"{hits} {_noun(waiver)}{'s count' if hits != 1 else ' counts'} again" if hits else "it matches nothing"
    return f"EXPIRED waiver of {waiver.subject} ({waiver.owner}, {waiver.expires.isoformat()}): {effect}"
