"""What one process runs one after the other, and in which order: modules that name the same `xdist_group`, else a module.

A group shares what is dear to start, and a module its fixtures: handed out test by test, every process would make them.
What takes longest begins first (`weights.json`), so that no process is left with it when the others have ended.

pytest-xdist 3.8 tells groups apart by a suffix of their tests' ids that pytest 9.2 no longer lets it set. The process
that hands tests out reads the group from the module instead.
"""

import functools
import json
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

WEIGHTS = Path(__file__).with_name("weights.json")
"""Seconds of groups and modules that took long. It only decides what begins first; `--write-weights` writes it again."""

LEAST_SECONDS = 2.0
USUAL_SECONDS = 0.03
"""What a test of any other module is taken to need."""

_GROUP = re.compile(r"^pytestmark = .*\bxdist_group\(\"([^\"]+)\"\)", re.MULTILINE)


@functools.cache
def group_of(module: Path) -> str:
    """Return the group that a module of tests names, or nothing."""
    found = _GROUP.search(module.read_text(encoding="utf-8"))
    return found[1] if found else ""


@functools.cache
def unit_of(root: Path, module: str) -> str:
    """Return what a module (its path below the root) is handed out with."""
    return group_of(root / module) or module


def weights() -> dict[str, float]:
    """Return the seconds of the units that are known to take long."""
    return dict(json.loads(WEIGHTS.read_text(encoding="utf-8")))


def longest_first(units: Iterable[tuple[str, int]], known: dict[str, float]) -> list[str]:
    """Return units (each with its number of tests) in the order in which they are to begin."""
    seconds = {unit: known.get(unit, tests * USUAL_SECONDS) for unit, tests in units}
    return sorted(seconds, key=lambda unit: -seconds[unit])


class ByGroup(LoadGroupScheduling):  # type: ignore[misc]  # xdist is not typed
    """Hands out groups and modules whole, the longest first."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(self.config.rootpath, nodeid.partition("::")[0])

    def _assign_work_unit(self, node: Any) -> None:
        if not any(self.assigned_work.values()):
            queue = self.workqueue
            order = longest_first(((unit, len(tests)) for unit, tests in queue.items()), weights())
            self.workqueue = OrderedDict((unit, queue[unit]) for unit in order)
        super()._assign_work_unit(node)


def scheduler(config: pytest.Config, log: Any) -> ByGroup | None:
    """Return what hands tests out when they are to be handed out by group."""
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


class Stopwatch:
    """Adds up what every unit takes, and writes it down at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[unit_of(self._root, report.nodeid.partition("::")[0])] += report.duration

    def pytest_sessionfinish(self) -> None:
        long = {unit: round(seconds) for unit, seconds in self._seconds.most_common() if seconds >= LEAST_SECONDS}
        WEIGHTS.write_text(json.dumps(long, indent=2) + "\n", encoding="utf-8")
