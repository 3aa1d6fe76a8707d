"""Many things at once in a local cloud: nothing is lost, and totals are exact. `make bench ARGS=load` does it in the large."""

from __future__ import annotations

import pytest

from e2e.shop import Shop
from load_on_cloud import Load

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad hours"), pytest.mark.timeout(240)]
PAGE = "/approvals/none?k=none"
BUILDS, RUNS, PEOPLE = 60, 6, 10


@pytest.fixture(scope="module")
def load(cloud, tmp_path_factory):
    shop = Shop.make(cloud, "shop-load", tmp_path_factory.mktemp("shop"), stages=["release"], approval={})
    shop.write("buildspec-release.yml", "version: 0.2\nphases:\n  build:\n    commands:\n      - 'true'\n")
    cloud.run(shop.run_of(shop.push()))
    return Load(cloud, shop)


def test_builds_that_finish_at_once_are_each_counted_once(load):
    load.finish(BUILDS)

    assert (load.counted(), load.given_up()) == (1 + BUILDS, 0)


def test_runs_opened_at_once_all_end_while_people_look(load):
    before = load.counted()

    ended = load.run_all(RUNS, meanwhile=lambda: load.look(PEOPLE, PAGE, word="Buildgate", status=403))

    assert ended == {"SUCCEEDED": RUNS}
    assert (load.counted(), load.given_up()) == (before + RUNS, 0)
