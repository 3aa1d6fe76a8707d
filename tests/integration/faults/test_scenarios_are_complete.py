"""Every fault scenario has a test of its number."""

from __future__ import annotations

import re
from pathlib import Path

SCENARIOS = 35


def numbers() -> set[int]:
    found: set[int] = set()
    for path in Path(__file__).parent.glob("test_scenarios_of_*.py"):
        for name in re.findall(
            r"^def test_(\d\d(?:_(?:and|to)_\d\d)?)_", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            first, last = int(name[:2]), int(name[-2:])
            found |= {first, last} if "_and_" in name else set(range(first, last + 1))
    return found


def test_every_scenario_has_a_test():
    assert numbers() == set(range(1, SCENARIOS + 1))
