"""Charts as plain SVG, drawn by pygal on this side: no script, no colour of their own, every point with its value.

Pages style them by class, so that they follow light and dark; each is shown with its data as a table beside it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import pygal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# pygal leaves a finder of the old kind among Python's, which makes every later import warn; we use none of its plugins.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]

_NOISE: Final = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"<style.*?</style>", re.DOTALL),
    re.compile(r'<g transform="[^"]*" class="plot tooltip-overlay">.*?</g></g></g>', re.DOTALL),
    re.compile(r'<desc class="(?:x|y|x_label)[^"]*">.*?</desc>', re.DOTALL),
    re.compile(r'<g[^>]*class="plot text-overlay">(?:<g [^>]*/>)*</g>', re.DOTALL),
    re.compile(r"<defs>.*?</defs>|<defs ?/>", re.DOTALL),
    re.compile(r"<title>[^<]*</title>"),
    re.compile(r' id="[^"]*"| xmlns(?::\w+)?="[^"]*"| r[xy]="0"| reactive tooltip-trigger'),
    re.compile(r'<g class="bar">(?:(?!</g>).)*height="0\.0"(?:(?!</g>).)*</g>', re.DOTALL),
)
_POINT: Final = re.compile(
    r'<desc class="label">(?P<label>[^<]*)</desc>(?P<mark><(?:rect|circle)[^>]*/>)<desc class="value">(?P<value>[^<]*)</desc>'
)
_TAG: Final = re.compile(r"<[^>]*>")
_COORDINATE: Final = re.compile(r"(\d+\.\d)\d+")
_WIDTH, _HEIGHT = 720, 220


@dataclass(frozen=True)
class Series:
    """One named line or set of bars; None where nothing was measured."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """A drawn chart, and the same data as rows for people who read tables."""

    title: str
    svg: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def line(title: str, labels: Sequence[str], series: Sequence[Series], shown: Callable[[float | None], str]) -> Chart:
    """Return lines over days."""
    chart = pygal.Line(**_options(labels, shown), dots_size=2.5, stroke_style={"width": 2})
    return _drawn(chart, title, labels, series, shown)


def bars(title: str, labels: Sequence[str], series: Sequence[Series], shown: Callable[[float | None], str]) -> Chart:
    """Return bars over days, stacked when there are several series."""
    kind = pygal.StackedBar if len(series) > 1 else pygal.Bar
    return _drawn(kind(**_options(labels, shown), spacing=6), title, labels, series, shown)


def _options(labels: Sequence[str], shown: Callable[[float | None], str]) -> dict[str, Any]:
    every = max(1, len(labels) // 7)
    return {
        "no_prefix": True,
        "js": (),
        "css": [],
        "disable_xml_declaration": True,
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": 4,
        "show_legend": False,
        "show_minor_x_labels": False,
        "x_labels_major": list(labels[::every]),
        "x_label_rotation": 0,
        "truncate_label": -1,
        "include_x_axis": True,
        "min_scale": 3,
        "max_scale": 5,
        "value_formatter": lambda value: shown(value) if value is not None else "",
        "explicit_size": False,
    }


def _drawn(
    chart: Any, title: str, labels: Sequence[str], series: Sequence[Series], shown: Callable[[float | None], str]
) -> Chart:
    chart.x_labels = list(labels)
    for one in series:
        points = [
            {"value": value, "label": f"{label} {one.name}"} for label, value in zip(labels, one.values, strict=True)
        ]
        chart.add(one.name, points, allow_interruptions=True)
    columns = ["Day", *(one.name for one in series)]
    rows = [
        [label, *(shown(one.values[index]) for one in series)]
        for index, label in enumerate(labels)
        if any(one.values[index] for one in series)
    ]
    return Chart(title, _plain(chart.render(is_unicode=True), title, labels, series, shown), columns, rows)


def _plain(svg: str, title: str, labels: Sequence[str], series: Sequence[Series], shown: Callable[..., str]) -> str:
    """Return pygal's drawing without what needs a script or brings colours, named for screen readers."""
    for noise in _NOISE:
        svg = noise.sub("", svg)
    svg = _POINT.sub(lambda found: f"<title>{found['label']}: {found['value']}</title>{found['mark']}", svg)
    svg = _TAG.sub(lambda tag: _COORDINATE.sub(r"\1", tag[0]), svg)
    known = [value for one in series for value in one.values if value is not None]
    told = f"{title}, {labels[0]} to {labels[-1]}, highest {shown(max(known))}" if known else f"{title}: no data"
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(told, quote=True)}" ', 1)


def spark(values: Sequence[float | None]) -> str:
    """Return a small line of a series, decoration beside a number that says it in words."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    top, low = max(known), min(0.0, *known)
    height, width = 24.0, 96.0
    step = width / max(1, len(values) - 1)
    scale = (height - 3) / ((top - low) or 1)
    points = [
        f"{index * step:.1f},{height - 1.5 - (value - low) * scale:.1f}"
        for index, value in enumerate(values)
        if value is not None
    ]
    return (
        f'<svg class="spark" viewBox="0 0 {width:.0f} {height:.0f}" aria-hidden="true">'
        f'<polyline points="{" ".join(points)}"/></svg>'
    )


@dataclass(frozen=True)
class Stretch:
    """One bar of a waterfall, in seconds from the start."""

    label: str
    kind: str
    start: float
    seconds: float
    shown: str


def waterfall(stretches: Sequence[Stretch]) -> str:
    """Return bars one below the other, each where it happened; the table beside it says the same."""
    total = max((one.start + one.seconds for one in stretches), default=0.0)
    if total <= 0:
        return ""
    row, left, width = 20, 230, 960
    room = width - left - 70
    box = f"0 0 {width} {row * len(stretches) + 4}"
    parts = [f'<svg class="waterfall" role="img" aria-label="Waterfall of the run" viewBox="{box}">']
    for index, one in enumerate(stretches):
        x = left + room * one.start / total
        span = max(2.0, room * one.seconds / total)
        y = index * row + 3
        label = one.label if len(one.label) <= 34 else one.label[:33] + "…"
        parts.append(
            f'<g class="{escape(one.kind, quote=True)}"><title>{escape(one.label)}: {escape(one.shown)}</title>'
            f'<text class="name" x="{left - 8}" y="{y + 11}">{escape(label)}</text>'
            f'<rect x="{x:.1f}" y="{y}" width="{span:.1f}" height="{row - 6}" rx="2"/>'
            f'<text class="took" x="{min(x + span + 6, width - 64):.1f}" y="{y + 11}">{escape(one.shown)}</text></g>'
        )
    return "".join(parts) + "</svg>"
