"""Teams beside each other, as percentiles of the group: teams and projects, never people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buildgate.domain.metrics.summary import Summary

LEAST_PEERS = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How one team stands in one measure: ``percentile`` is the share of the group that does no better (0 to 100)."""

    team: str
    measure: str
    value: float | None
    percentile: int | None


def standings(teams: Mapping[str, Summary]) -> tuple[tuple[Standing, ...], str]:
    """Return each team's standing in each measure, and what keeps it from being said."""
    usable = {name: summary for name, summary in teams.items() if summary.builds >= 5}
    if len(usable) < LEAST_PEERS:
        return (), f"not enough data: {len(usable)} teams with five builds or more, {LEAST_PEERS} are needed"
    found: list[Standing] = []
    for measure, is_up in _MEASURES.items():
        values = {name: getattr(summary, measure) for name, summary in usable.items()}
        known = [value for value in values.values() if value is not None]
        for name, value in sorted(values.items()):
            found.append(Standing(name, measure, value, _percentile(value, known, is_up=is_up)))
    return tuple(found), "percentile: the share of the group that does no better"


_MEASURES = {
    "success_ratio": True,
    "p50_seconds": False,
    "queue_p95_seconds": False,
    "cost_per_build_micro_usd": False,
    "cache_hit_ratio": True,
}


def _percentile(value: float | None, known: Sequence[float], *, is_up: bool) -> int | None:
    if value is None or len(known) < LEAST_PEERS:
        return None
    no_better = sum(one <= value if is_up else one >= value for one in known)
    return round(100 * (no_better - 1) / (len(known) - 1))
