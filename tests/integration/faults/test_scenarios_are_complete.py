"""Every fault scenario has a test of its number in the simulator, and one in the local cloud that the guarantees name."""

from __future__ import annotations

import re
from pathlib import Path

SCENARIOS = 35
GUARANTEES = Path(__file__).parents[3] / "docs/explanation/guarantees.md"


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


def test_every_scenario_happens_in_a_local_cloud_too():
    page = GUARANTEES.read_text(encoding="utf-8").partition("## The same faults in a real local cloud")[2]
    named: set[int] = set()
    for row in re.findall(r"^\| [^|]*\(([\d, to]+)\) \| `test_", page, re.MULTILINE):
        for part in row.split(", "):
            first, _, last = part.partition(" to ")
            named |= set(range(int(first), int(last or first) + 1))

    assert named == set(range(1, SCENARIOS + 1))
