"""The names a gate may judge: what each means, and which way is better.

Open families (`model.*`, `data.*`, `compliance.*`, `custom.*`) take any further name: the tool that measures them
chooses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "unknown")
FINDING_COUNTS: Final = (*SEVERITIES, "total")


@dataclass(frozen=True, slots=True)
class Name:
    """A measurement's meaning. `better` is -1 for less, 1 for more, 0 for neither."""

    meaning: str
    better: int = 0
    at_least: float | None = 0.0
    at_most: float | None = None


def _counts(prefix: str, what: str) -> dict[str, Name]:
    return {
        f"{prefix}.{count}": Name(f"{what} of severity {count}" if count != "total" else what, -1)
        for count in FINDING_COUNTS
    }


def _coverage(prefix: str, where: str) -> dict[str, Name]:
    names: dict[str, Name] = {}
    for what in ("line", "branch", "function"):
        names[f"{prefix}.{what}_percent"] = Name(f"{what} coverage{where}", 1, 0.0, 100.0)
        names[f"{prefix}.{what}.covered"] = Name(f"{what} points covered{where}", 1)
        names[f"{prefix}.{what}.total"] = Name(f"{what} points that could be covered{where}")
    return names


NAMES: Final[dict[str, Name]] = {
    "tests.total": Name("tests in the reports", 1),
    "tests.passed": Name("tests that passed", 1),
    "tests.failed": Name("tests that failed", -1),
    "tests.errored": Name("tests that broke before they could fail", -1),
    "tests.skipped": Name("tests that were not run", -1),
    "tests.flaky": Name("tests that failed and passed in one run", -1),
    "tests.duration_seconds": Name("time spent in tests", -1),
    **_coverage("coverage", ""),
    **_coverage("coverage.changed", " on the lines changed since the run's base"),
    **_counts("findings", "findings"),
    "findings.suppressed": Name("findings suppressed in the tool"),
    **_counts("findings.new", "findings absent from the baseline"),
    "findings.fixed.total": Name("findings of the baseline that are gone", 1),
    **_counts("findings.unchanged", "findings the baseline had too"),
    **{f"performance.{p}_ms": Name(f"{p} of the response time", -1) for p in ("p50", "p75", "p90", "p95", "p99")},
    "performance.mean_ms": Name("mean response time", -1),
    "performance.min_ms": Name("shortest response time", -1),
    "performance.max_ms": Name("longest response time", -1),
    "performance.requests": Name("requests made", 1),
    "performance.rps": Name("requests a second", 1),
    "performance.error_percent": Name("requests that failed", -1, 0.0, 100.0),
    "performance.thresholds_failed": Name("thresholds of the load tool that were crossed", -1),
    "compliance.passed": Name("controls that passed", 1),
    "compliance.failed": Name("controls that failed", -1),
    "compliance.manual": Name("controls a person must check", -1),
    "compliance.not_applicable": Name("controls that do not apply"),
    "components.total": Name("components in the bill of materials"),
    "components.licensed": Name("components that state a licence", 1),
    "components.unlicensed": Name("components that state no licence", -1),
    "components.vulnerabilities": Name("vulnerabilities listed in the bill of materials", -1),
    "cost.monthly_usd": Name("estimated monthly cost", -1),
    "cost.monthly_usd_delta": Name("change of the estimated monthly cost", -1, None),
    "changes.created": Name("resources a plan creates"),
    "changes.updated": Name("resources a plan updates in place"),
    "changes.replaced": Name("resources a plan destroys and creates anew", -1),
    "changes.deleted": Name("resources a plan deletes", -1),
    "quality.smells": Name("code smells", -1),
    "quality.bugs": Name("bugs found by analysis", -1),
    "quality.debt_hours": Name("estimated time to repair the code smells", -1),
    "quality.duplicated_percent": Name("duplicated lines", -1, 0.0, 100.0),
    "quality.maintainability_rating": Name("maintainability, A to E", -1, 1.0, 5.0),
    "quality.reliability_rating": Name("reliability, A to E", -1, 1.0, 5.0),
    "quality.security_rating": Name("security, A to E", -1, 1.0, 5.0),
    "quality.hotspots_reviewed_percent": Name("security hotspots reviewed", 1, 0.0, 100.0),
    "quality.changed.issues": Name("issues on changed lines", -1),
    "quality.changed.duplicated_percent": Name("duplicated lines among the changed ones", -1, 0.0, 100.0),
    "quality.changed.hotspots_reviewed_percent": Name("security hotspots reviewed on changed lines", 1, 0.0, 100.0),
    "quality.conditions_failed": Name("conditions failed in the analyser's own quality gate", -1),
    "security.score": Name("100 less 40 a critical, 10 a high and 2 a medium finding", 1, 0.0, 100.0),
}
OPEN_FAMILIES: Final = ("model", "data", "compliance", "custom")
_OPEN: Final = re.compile(r"(?:model|data|compliance|custom)(?:\.[A-Za-z0-9_][A-Za-z0-9_@:/-]*)+")


def is_known(name: str) -> bool:
    """Return whether a gate may judge this measurement."""
    return name in NAMES or _OPEN.fullmatch(name) is not None


def family(name: str) -> str:
    """Return the part of a name that says what kind of report measures it: `coverage`, `findings`, `model`."""
    return name.partition(".")[0]


def nearest(name: str, names: tuple[str, ...] | None = None) -> str | None:
    """Return the valid name that looks most like this one, if any does."""
    from difflib import get_close_matches  # noqa: PLC0415  # only a gate with a mistake needs it

    found = get_close_matches(name, names if names is not None else tuple(NAMES), n=1, cutoff=0.5)
    return found[0] if found else None


def limits(name: str) -> tuple[float | None, float | None]:
    """Return the least and the greatest value a measurement can have; None where nothing is known."""
    known = NAMES.get(name)
    return (known.at_least, known.at_most) if known else (None, None)


def is_percent(name: str) -> bool:
    """Return whether a measurement is a percentage, 0 to 100."""
    return name.endswith("_percent")


def is_rating(name: str) -> bool:
    """Return whether a measurement is a rating from A (1) to E (5)."""
    return name.endswith("_rating")
