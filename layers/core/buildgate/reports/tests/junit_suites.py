"""What the suites of JUnit XML state about themselves."""

from __future__ import annotations

from typing import Final

_COUNTS: Final = {
    "tests.total": ("tests",),
    "tests.failed": ("failures", "failed"),
    "tests.errored": ("errors",),
    "tests.skipped": ("skipped", "skips", "skip", "disabled", "ignored"),
}


class Suite:
    """An open suite: how deep it is, what it declares, and how many cases were listed before it."""

    __slots__ = ("attributes", "children", "depth", "name", "rows")

    def __init__(self, attributes: dict[str, str], depth: int, rows: int) -> None:
        self.attributes = attributes
        self.depth = depth
        self.name = attributes.get("name", "")
        self.rows = rows
        self.children = 0


def declared(attributes: dict[str, str]) -> dict[str, float]:
    """Return the counts that a suite's attributes state; what is no count is as if it were absent."""
    counts: dict[str, float] = {}
    for measurement, names in _COUNTS.items():
        found = [attributes[name] for name in names if attributes.get(name, "").strip().isdigit()]
        if found:
            counts[measurement] = (
                float(sum(int(text[:12]) for text in found)) if len(found) > 1 else float(found[0][:12])
            )
    return counts
