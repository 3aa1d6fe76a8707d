"""Badges: a label and a state as a small SVG that a README can show."""

from __future__ import annotations

from html import escape
from typing import Final

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


def look(state: str) -> str:
    """Return good, bad, warn, busy or idle for a status or a DORA level."""
    word = state.upper()
    if word.startswith(("ELITE", "HIGH")):
        return "good"
    if word.startswith("MEDIUM"):
        return "warn"
    return "bad" if word.startswith("LOW") else _LOOKS.get(word, "idle")


def badge(label: str, state: str) -> str:
    """Return the badge; its contrast is at least 4.5 to 1, and its words are its accessible name."""
    left, right = _width(label), _width(state)
    total = left + right
    name = escape(f"{label}: {state}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{name}">'
        f"<title>{name}</title>"
        f'<clipPath id="r"><rect width="{total}" height="20" rx="4"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#24292f"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{COLOURS[look(state)]}"/></g>'
        f'<g fill="#fff" font-family="system-ui,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:.1f}" y="14">{escape(label)}</text>'
        f'<text x="{left + right / 2:.1f}" y="14">{escape(state)}</text></g></svg>'
    )


def _width(text: str) -> int:
    return 14 + round(6.4 * len(text))
