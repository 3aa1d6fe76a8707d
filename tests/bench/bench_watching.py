"""Counts the API calls of watching 300 builds for ten minutes against a script that asks for one build a call.

The script looks every five seconds. Buildgate does so at first and then more rarely, as `buildgate build watch` does on
AWS; how late it hears of an end at worst is printed, too. The builds all run to the end of the ten minutes, or end one
after another over them. The clock is a number, so it takes a moment. Run with `python tests/bench/bench_watching.py`.
"""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from buildgate_cli.builds.looking import AWS_SECONDS, Looker, Pace
from buildgate_cli.builds.watch import Row, Watch

BUILDS = 300
SECONDS = 600.0
REACH = 100
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Service:
    """BatchGetBuilds over builds that all run to the end of the window, or end evenly over it."""

    are_even: bool
    seconds: float = 0.0
    calls: int = 0
    latest_seconds: float = 0.0

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        self.calls += 1
        return {"builds": [self._build(one) for one in ids], "buildsNotFound": []}

    def _ends(self, build_id: str) -> float:
        number = int(build_id.partition(":")[2])
        return SECONDS * (number + 1) / BUILDS if self.are_even else SECONDS

    def _build(self, build_id: str) -> dict[str, Any]:
        ends = self._ends(build_id)
        is_over = self.seconds >= ends
        if is_over:
            self.latest_seconds = max(self.latest_seconds, self.seconds - ends)
        end = {"endTime": START + timedelta(seconds=ends)} if is_over else {}
        status = "SUCCEEDED" if is_over else "IN_PROGRESS"
        return {"id": build_id, "projectName": "shop", "buildStatus": status, "startTime": START, **end}

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds


def watched(*, are_even: bool) -> tuple[int, float]:
    """Return the calls that Buildgate makes, and how many seconds late it hears of an end at worst."""
    service = Service(are_even)
    rows = [Row(str(number), f"shop:{number}") for number in range(BUILDS)]
    watch = Watch(Looker(service, Pace(AWS_SECONDS, service.pass_time, relaxes=True)), rows, as_json=True)
    with contextlib.redirect_stdout(io.StringIO()):
        watch.until_over()
    return service.calls, service.latest_seconds


def scripted(*, are_even: bool) -> int:
    """Return the calls of one call per open build and look."""
    service = Service(are_even)
    open_ids = [f"shop:{number}" for number in range(BUILDS)]
    while True:
        found = [service.batch_get_builds([one])["builds"][0] for one in open_ids]
        open_ids = [one["id"] for one in found if one["buildStatus"] == "IN_PROGRESS"]
        if not open_ids:
            return service.calls
        service.pass_time(AWS_SECONDS)


def main() -> int:
    """Print both counts and their ratio; the exit code is 1 when it is below the reach."""
    print(f"{BUILDS} builds, {SECONDS:.0f} s; one a call looks every {AWS_SECONDS:.0f} s")
    print(f"{'builds':<24}{'buildgate':>12}{'one a call':>12}{'ratio':>10}{'late by':>10}")
    worst = float("inf")
    for name, are_even in (("all run to the end", False), ("end one by one", True)):
        (ours, late), theirs = watched(are_even=are_even), scripted(are_even=are_even)
        print(f"{name:<24}{ours:>12}{theirs:>12}{theirs / ours:>9.1f}x{late:>8.1f} s")
        worst = min(worst, theirs / ours)
    print(f"reach: {REACH}x")
    return 0 if worst >= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
