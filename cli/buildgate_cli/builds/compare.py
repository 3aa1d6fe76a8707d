"""Two builds side by side: what was asked for, what happened in each phase, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds import facts
from buildgate_cli.human import dollars, duration

if TYPE_CHECKING:
    from datetime import datetime

    from buildgate.domain.builds import Build

_JITTER_SECONDS: Final = 0.1
_PLAIN: Final = (
    ("status", "status"),
    ("source", "source_version"),
    ("commit", "commit"),
    ("initiator", "initiator"),
    ("environment", "environment_type"),
    ("compute", "compute_type"),
    ("image", "image"),
)
_NAMES: Final = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD")
PHASES: Final = (*_NAMES, "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING")


Variables = Mapping[str, str]
"""A build's variables by name: the value, or where it is kept; see `facts.variables`."""


def compare(first: Build, second: Build, now: datetime, variables: tuple[Variables, Variables]) -> list[dict[str, Any]]:
    """Return one entry per thing compared: its name, both values, and the difference where it is a number.

    Durations are in seconds, costs in millionths of a dollar. What neither build has is left out.
    """
    rows = [_row(name, str(getattr(first, field)), str(getattr(second, field))) for name, field in _PLAIN]
    for kind, one, two in (("variable", *variables), ("exported", dict(first.exported), dict(second.exported))):
        rows += [_row(f"{kind} {name}", one.get(name), two.get(name)) for name in sorted({*one, *two})]
    rows.append(_row("duration", facts.seconds(first, now), facts.seconds(second, now)))
    rows += [_row(f"phase {name}", _took(first, name), _took(second, name)) for name in PHASES]
    rows.append(_row("cost", facts.cost_micro_usd(first, now), facts.cost_micro_usd(second, now)))
    return [row for row in rows if row["first"] not in {None, ""} or row["second"] not in {None, ""}]


def cells(rows: list[dict[str, Any]], *, only_different: bool) -> list[list[object]]:
    """Return the cells of a table of compared builds; what differs leaves out times that no two builds have alike."""
    return [
        [
            "=" if row["same"] else "≠",
            row["name"],
            _shown(row, "first"),
            _shown(row, "second"),
            _shown(row, "difference"),
        ]
        for row in rows
        if not (only_different and (row["same"] or _is_jitter(row)))
    ]


def _is_jitter(row: dict[str, Any]) -> bool:
    least: float = row.get("difference", _JITTER_SECONDS)
    return str(row["name"]).startswith("phase ") and abs(least) < _JITTER_SECONDS


def _row(name: str, first: Any, second: Any) -> dict[str, Any]:
    row = {"name": name, "first": first, "second": second, "same": first == second}
    if isinstance(first, int | float) and isinstance(second, int | float):
        row["difference"] = round(second - first, 3)
    return row


def _took(build: Build, name: str) -> float | None:
    phase = build.phase(name)
    if phase is None or phase.started_at is None or phase.ended_at is None:
        return None if phase is None else phase.duration_seconds
    return round((phase.ended_at - phase.started_at).total_seconds(), 3)


def _shown(row: dict[str, Any], side: str) -> str:
    value = row.get(side)
    if value is None:
        return "" if side == "difference" else "-"
    if isinstance(value, str):
        return value or "-"
    sign = "+" if side == "difference" and value > 0 else "-" if side == "difference" and value < 0 else ""
    size = abs(value) if side == "difference" else value
    return sign + (dollars(size) if row["name"] == "cost" else duration(size))
