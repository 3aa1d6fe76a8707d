"""End-to-end modules write the history of a cloud: within a module they keep their order, and a group shares a cloud.

A cloud takes some seconds to start and as long again until each function has run once. Modules of one group therefore
use one, under names of their own; a module that kills its cloud or needs another speed has one to itself.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from access_records import hold_to_the_policies
from buildgate_cli.local.call_faults import SWITCH as CALLS
from buildgate_cli.local.clock import SWITCH as CLOCK
from buildgate_cli.local.seams.access import SWITCH as ACCESS
from e2e.harness import RunningCloud, running_cloud
from e2e.hours import expect_calm, shop_in
from e2e.shop import Shop
from e2e.whole_groups import is_whole, leave_out

HERE = Path(__file__).parent
SPEED = 60
VARIABLES = {"bad hours": {CLOCK: "1", CALLS: "1"}}
"""What a group's cloud finds in its environment: these hours set its clock, and let calls go wrong."""
FOLLOWING = pytest.StashKey[pytest.Item | None]()


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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Remember which test follows, so that a cloud is ended with the last module of its group."""
    item.config.stash[FOLLOWING] = nextitem


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember which groups do not run whole."""
    for item in items:
        leave_out(item.config, group_of(item))


def group_of(node: pytest.Item | pytest.Module | None) -> str:
    marker = node.get_closest_marker("xdist_group") if node else None
    return str(marker.args[0]) if marker else ""


@pytest.fixture(scope="session")
def clouds() -> Iterator[dict[str, tuple[RunningCloud, ExitStack]]]:
    """The clouds that run now, by the group that shares them."""
    running: dict[str, tuple[RunningCloud, ExitStack]] = {}
    yield running
    for _, stack in running.values():
        stack.close()


@pytest.fixture(scope="module")
def cloud(clouds, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The cloud of the module's group."""
    name = group_of(request.node)
    if name not in clouds:
        stack = ExitStack()
        home = tmp_path_factory.mktemp(name.replace(" ", "-"))
        running = running_cloud(home, speed=SPEED, variables={ACCESS: "1", **VARIABLES.get(name, {})})
        clouds[name] = stack.enter_context(running), stack
    yield clouds[name][0]
    if group_of(request.config.stash[FOLLOWING]) != name:
        running, stack = clouds.pop(name)
        with stack:
            hold_to_the_policies(running, name, is_whole=is_whole(request.session, name))


@pytest.fixture
def shop(cloud, tmp_path_factory) -> Iterator[Shop]:
    """The shop of a cloud's bad hours. After each nothing is given up, and its totals equal a recount of its builds."""
    yield shop_in(cloud, tmp_path_factory)
    expect_calm(cloud)
