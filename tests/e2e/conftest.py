"""End-to-end modules share one cloud each, whose history their tests write: within a module they keep their order."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of each end-to-end module back into the order they are written in, where they stand."""
    places: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if item.path.parent == HERE:
            places.setdefault(item.path, []).append(place)
    for found in places.values():
        written = sorted((items[place] for place in found), key=lambda item: item.location[1] or 0)
        for place, item in zip(found, written, strict=True):
            items[place] = item
