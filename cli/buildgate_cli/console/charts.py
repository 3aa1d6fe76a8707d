"""Charts as plain SVG, drawn by pygal on this side: no script, no colour of their own, every point with its value.

Pages style them by class, so that they follow light and dark; each is shown with its data as a table beside it.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import pygal

from buildgate_cli.human import MICROS_PER_USD, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    r'<g class="(?:dots|bar)"><desc class="label">(?P<label>[^<]*)</desc><(?P<mark>rect|circle)(?P<place>[^>]*?) ?/>'
    r'<desc class="value">(?P<value>[^<]*)</desc></g>'
)
_LONG: Final = 45
"""Over more days than this a line shows no points but lone ones: each takes a hundred bytes, and they touch."""
_TAG: Final = re.compile(r"<[^>]*>")
_COORDINATE: Final = re.compile(r"(\d+\.\d)\d+")
_SHORTER: Final = re.compile(r" 00[sm]|\.0(?=[s%])")
_WIDTH, _WIDE, _HEIGHT = 560, 1120, 200
_SECONDS: Final = [1, 2, 5, 10, 15, 30, *(60 * n for n in (1, 2, 5, 10, 15, 30)), *(3600 * n for n in (1, 2, 4, 8, 24))]
"""Steps that read well as durations."""


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
    """Return lines over days, from zero up."""
    top = max((value for one in series for value in one.values if value is not None), default=0.0)
    chart = pygal.Line(**_options(labels, shown, top, _WIDTH), dots_size=2.5, stroke_style={"width": 2})
    return _drawn(chart, title, labels, series, shown)


def bars(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    shown: Callable[[float | None], str],
    *,
    is_wide: bool = False,
) -> Chart:
    """Return bars over days, stacked when there are several series; a wide chart takes the whole width of a page."""
    kind = pygal.StackedBar if len(series) > 1 else pygal.Bar
    top = max((sum(one.values[place] or 0 for one in series) for place in range(len(labels))), default=0.0)
    chart = kind(**_options(labels, shown, top, _WIDE if is_wide else _WIDTH), spacing=6)
    return _drawn(chart, title, labels, series, shown)


def ticks(top: float, shown: Callable[[float | None], str]) -> list[float]:
    """Return the marks of an axis from zero to at least ``top``: few, round, and no two that read the same."""
    if top <= 0:
        return [0, 1]
    rough = top / 4
    size = 10.0 ** math.floor(math.log10(rough))
    steps = _SECONDS if shown is duration else [size * factor for factor in (1, 2, 2.5, 5, 10)]
    step = next((one for one in steps if one >= rough), rough)
    marks = [step * place for place in range(math.ceil(top / step - 1e-9) + 1)]
    if len({shown(mark) for mark in marks}) < len(marks):  # counts have no halves
        whole = math.ceil(top / 4)
        marks = [float(mark) for mark in range(0, math.ceil(top) + whole, whole)]
    return marks


def _options(labels: Sequence[str], shown: Callable[[float | None], str], top: float, width: int) -> dict[str, Any]:
    every = max(1, math.ceil(len(labels) / (width / 100)))
    marks = ticks(top, shown)
    return {
        "y_labels": marks,
        "range": (0, marks[-1]),
        "no_prefix": True,
        "js": (),
        "css": [],
        "disable_xml_declaration": True,
        "width": width,
        "height": _HEIGHT,
        "margin": 4,
        "show_legend": False,
        "show_minor_x_labels": False,
        "x_labels_major": list(labels[::every]),
        "x_label_rotation": 0,
        "truncate_label": -1,
        "include_x_axis": True,
        "value_formatter": _axis(shown, marks),
        "explicit_size": False,
    }


def _axis(shown: Callable[[float | None], str], marks: Sequence[float]) -> Callable[[float | None], str]:
    """Return how the marks of an axis are written: short; amounts of money with as many decimals as all of them need."""
    if shown(0.0).startswith("$"):
        usd = [mark / MICROS_PER_USD for mark in marks]
        places = next((digits for digits in (2, 3, 4, 5) if all(round(one, digits) == one for one in usd)), 6)
        words = {mark: f"${one:,.{places}f}" for mark, one in zip(marks, usd, strict=True)}
    else:
        words = {mark: _SHORTER.sub("", shown(mark)) for mark in marks}
    return lambda value: "" if value is None else "0" if value == 0 else words.get(value) or shown(value)


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
    shy = iter(_shy(series) if len(labels) > _LONG else ())
    svg = _POINT.sub(lambda found: "" if found["mark"] == "circle" and next(shy, False) else _point(found), svg)
    svg = _TAG.sub(lambda tag: _COORDINATE.sub(r"\1", tag[0]), svg)
    known = [value for one in series for value in one.values if value is not None]
    told = f"{title}, {labels[0]} to {labels[-1]}, highest {shown(max(known))}" if known else f"{title}: no data"
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(told, quote=True)}" ', 1)


def _point(found: re.Match[str]) -> str:
    """Return a point or a bar with its value as title."""
    mark = found["mark"]
    return f"<{mark}{found['place']}><title>{found['label']}: {found['value']}</title></{mark}>"


def _shy(series: Sequence[Series]) -> Iterator[bool]:
    """Yield for each point that is drawn whether a line leads to it, so that it shows without a mark of its own."""
    for one in series:
        values = [None, *one.values, None]
        for place, value in enumerate(values):
            if value is not None:
                yield values[place - 1] is not None or values[place + 1] is not None
