"""What the control plane itself costs: its own bill, line by line, modelled from what it did and dated prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: so many units at so many dollars for a million.

    Units are metered, but for what ``assumed`` says; it is empty where nothing is.
    """

    name: str
    units: float
    usd_per_million: float
    micro_usd: int
    how: str
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class OwnCost:
    """A window's bill. ``share_of_builds`` is its ratio to what the builds cost, None when that is unknown or nothing."""

    days: int
    builds: int
    runs: int
    lines: tuple[Line, ...]
    micro_usd: int
    share_of_builds: float | None
    as_of: str
    explanation: str


def own_cost(
    *, days: int, builds: int, runs: int, builds_micro_usd: int, prices: Mapping[str, Mapping[str, Any]], as_of: str
) -> OwnCost:
    """Return the bill of a window.

    Args:
        days: Whole days of the window: schedules run every day.
        builds: Builds recorded.
        runs: Runs opened.
        builds_micro_usd: What the builds cost.
        prices: By line: ``usd_per_million`` and the units ``per_build``, ``per_run`` and ``per_day``, and what they
            ``assumes``, if anything.
        as_of: The day of the prices.
    """
    lines = []
    for name, price in prices.items():
        parts = {"build": builds, "run": runs, "day": days}
        used = {word: price.get(f"per_{word}", 0.0) for word in parts}
        units = sum(used[word] * count for word, count in parts.items())
        how = " + ".join(f"{used[word]:g} a {word}" for word in parts if used[word])
        cost = round(units * price["usd_per_million"])
        assumed = price.get("assumes", "")
        told = f"{how}; assumed: {assumed}" if assumed else how
        lines.append(Line(name, units, price["usd_per_million"], cost, told, assumed))
    total = sum(line.micro_usd for line in lines)
    return OwnCost(
        days,
        builds,
        runs,
        tuple(lines),
        total,
        total / builds_micro_usd if builds_micro_usd else None,
        as_of,
        "modelled from recorded builds and runs at list prices before free tiers; alarms, the dashboard and what "
        "CloudWatch bills by the month are not in it",
    )
