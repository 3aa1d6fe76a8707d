"""Badges: a label and a state as a small SVG that a README can show."""

from __future__ import annotations

from html import escape
from typing import Final
from unicodedata import east_asian_width

COLOURS: Final = {"good": "#1a7f4b", "bad": "#b42318", "warn": "#8a5a00", "idle": "#57606a", "busy": "#0b62c4"}
_LOOKS: Final = {
    "SUCCEEDED": "good",
    "PASS": "good",
    "FAILED": "bad",
    "REJECTED": "bad",
    "TIMED_OUT": "bad",
    "EXPIRED": "bad",
    "FAIL": "bad",
    "ERROR": "bad",
    "RUNNING": "busy",
    "QUEUED": "busy",
    "WARN": "warn",
    "STOPPED": "warn",
    "WAITING": "warn",
    "SUPERSEDED": "warn",
}


_LONGEST: Final = 40
_PAD: Final = 7
_SIGNS: Final = {
    3.0: "ijlI|!'",
    3.9: "f ,.:;()[]",
    4.6: "tr-/",
    5.8: "csz",
    6.6: "aekvxyL",
    7.0: "bdghnopqu0123456789_FJST",
    9.2: "wMOQ@%",
    10.8: "mW",
}
_NARROW: Final = {sign: width for width, signs in _SIGNS.items() for sign in signs}


def look(state: str) -> str:
    """Return good, bad, warn, busy or idle for a status or a DORA level."""
    word = state.upper().replace(" ", "_")
    if word.startswith(("ELITE", "HIGH")):
        return "good"
    if word.startswith("MEDIUM"):
        return "warn"
    return "bad" if word.startswith("LOW") else _LOOKS.get(word, "idle")


def badge(label: str, state: str) -> str:
    """Return the badge; its contrast is at least 4.5 to 1, and its words are its accessible name.

    Each word is drawn as wide as its place is, whatever font whoever looks at it has; a long name is cut.
    """
    name = escape(f"{label}: {state}", quote=True)
    label = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    left, right = _width(label), _width(state)
    total = left + right + 4 * _PAD
    half = left + 2 * _PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" viewBox="0 0 {total} 20" role="img"'
        f' aria-label="{name}"><title>{name}</title>'
        f'<clipPath id="r"><rect width="{total}" height="20" rx="4"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{half}" height="20" fill="#3a424b"/>'
        f'<rect x="{half}" width="{right + 2 * _PAD}" height="20" fill="{COLOURS[look(state)]}"/></g>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f"{_word(label, _PAD, left)}{_word(state, half + _PAD, right)}</g></svg>"
    )


def _word(text: str, x: int, width: int) -> str:
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'


def _width(text: str) -> int:
    """Return about how many pixels a text takes in Verdana at 11 pixels."""
    return round(sum(_NARROW.get(sign, 11.0 if east_asian_width(sign) in "WF" else 7.6) for sign in text))
