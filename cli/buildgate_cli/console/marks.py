"""Small pictures beside numbers and rows: how the last runs went, how a total divides, where a run's time went.

Each is an SVG with its words as accessible name; where it only repeats a number beside it, it is hidden from readers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from buildgate_cli.console.badges import look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def spark(values: Sequence[float | None]) -> str:
    """Return a small line of a series, decoration beside a number that says it in words."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or not any(known):
        return ""
    top, low = max(known), min(0.0, *known)
    height, width = 26.0, 96.0
    step = width / max(1, len(values) - 1)
    scale = (height - 4) / ((top - low) or 1)
    points = [
        (index * step, height - 2 - (value - low) * scale) for index, value in enumerate(values) if value is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<svg class="spark" viewBox="0 0 {width:.0f} {height:.0f}" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="{points[0][0]:.1f},{height:.0f} {line} {points[-1][0]:.1f},{height:.0f}"/>'
        f'<polyline points="{line}"/></svg>'
    )


@dataclass(frozen=True)
class Beat:
    """One run in a strip: how it went, and how long it took."""

    state: str
    seconds: float
    words: str


def strip(beats: Sequence[Beat], *, places: int = 20) -> str:
    """Return runs side by side, oldest first, as high as they took long; empty places stay marked."""
    wide, high, gap = 7, 30, 3
    shown = list(beats)[-places:]
    longest = max((one.seconds for one in shown), default=0.0) or 1.0
    counts = Counter(one.state.replace("_", " ").lower() for one in shown)
    told = ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "none yet"
    name = escape(f"The last {len(shown)} runs: {told}", quote=True)
    box = f"0 0 {places * (wide + gap) - gap} {high}"
    parts = [f'<svg class="strip" viewBox="{box}" role="img" aria-label="{name}">']
    for index in range(places):
        x = index * (wide + gap)
        place = index - (places - len(shown))
        if place < 0:
            parts.append(f'<rect class="none" x="{x}" y="{high - 3}" width="{wide}" height="3" rx="1.5"/>')
            continue
        one = shown[place]
        tall = 6 + (high - 6) * (one.seconds / longest) ** 0.5
        parts.append(
            f'<rect class="{look(one.state)}" x="{x}" y="{high - tall:.1f}" width="{wide}" height="{tall:.1f}" rx="2">'
            f"<title>{escape(one.words)}</title></rect>"
        )
    return "".join(parts) + "</svg>"


def share(by_status: Mapping[str, int]) -> str:
    """Return how builds divide by how they ended, as one bar; the numbers beside it say the same."""
    total = sum(by_status.values())
    if not total:
        return ""
    groups: dict[str, int] = {}
    for status, count in by_status.items():
        kind = look(status)
        groups[kind] = groups.get(kind, 0) + count
    parts, x = ['<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'], 0.0
    for kind in ("good", "busy", "idle", "warn", "bad"):
        span = 100 * groups.get(kind, 0) / total
        if span:
            parts.append(f'<rect class="{kind}" x="{x:.2f}" y="0" width="{span:.2f}" height="8"/>')
        x += span
    return "".join(parts) + "</svg>"


def bar(part: float, whole: float, kind: str = "c0") -> str:
    """Return a part of a whole as a bar beside the number that says it."""
    span = 100 * part / whole if whole > 0 else 0.0
    return (
        '<svg class="bar-of" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="none" width="100" height="6"/>'
        f'<rect class="{escape(kind, quote=True)}" width="{max(span, 1.2):.1f}" height="6"/></svg>'
    )


def stretch(start: float, seconds: float, total: float, kind: str) -> str:
    """Return a stretch of time as a bar at its place on an axis from zero to ``total``; the table says the same."""
    whole = total if total > 0 else 1.0
    span = min(100.0, max(0.7, 100 * seconds / whole))
    x = min(max(0.0, 100 * start / whole), 100 - span)
    return (
        '<svg class="span" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="none" width="100" height="6"/>'
        f'<rect class="{escape(kind, quote=True)}" x="{x:.1f}" width="{span:.1f}" height="6"/></svg>'
    )


def history(turns: str) -> str:
    """Return how a case's last runs went, oldest first, as small squares; the words are its accessible name."""
    kinds = {".": "good", "F": "bad"}
    counts = Counter({".": "passed", "F": "failed"}.get(turn, "skipped") for turn in turns)
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "no run"
    squares = "".join(
        f'<rect class="{kinds.get(turn, "idle")}" x="{place * 6}" width="5" height="{10 if turn != "." else 6}"'
        f' y="{0 if turn != "." else 4}" rx="1"/>'
        for place, turn in enumerate(turns)
    )
    width = max(1, len(turns) * 6 - 1)
    return f'<svg class="turns" viewBox="0 0 {width} 10" width="{width * 1.3:.0f}" role="img" aria-label="{told}">{squares}</svg>'


def beats(runs: Sequence[Mapping[str, Any]], took: Any) -> list[Beat]:
    """Return runs, given newest first, as the beats of a strip; ``took`` gives a run's seconds so far."""
    return [
        Beat(
            run["status"],
            took(run),
            f"{run['status'].replace('_', ' ').lower()}: {(run['message'] or run['ref']).splitlines()[0][:60]}",
        )
        for run in reversed(runs)
    ]
