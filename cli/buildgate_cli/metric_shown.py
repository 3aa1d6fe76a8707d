"""Which table shows which answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildgate_cli import metric_tables as tables
from buildgate_cli import metric_wide_tables as wide
from buildgate_cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHOWN: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "summary": tables.summary,
    "trend": tables.trend,
    "cost": tables.cost,
    "cache": tables.cache,
    "failures": tables.failures,
    "tests": tables.tests,
    "case": tables.case,
    "recommend": tables.advice,
    "builds": tables.builds,
    "posture": wide.posture,
    "dora": wide.dora,
    "deployments": wide.deployments,
    "attribution": wide.shares,
    "compare": wide.standings,
    "quarantine": wide.quarantine,
    "self-cost": wide.self_cost,
    "list": wide.projects,
}
_REPORT: Final = ("summary", "trend", "cost", "cache", "failures", "tests", "recommend", "posture")


def show(view: str, answer: Mapping[str, Any]) -> None:
    """Print an answer as the table of its view; a report is all of a project's tables."""
    if view != "report":
        _SHOWN[view](answer)
        return
    for part in _REPORT:
        _SHOWN[part](answer)
        say("")
