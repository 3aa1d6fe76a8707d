"""Pushes that race for one stage, in a real cloud: in order where it is queued, the newest where it is superseded."""

import json

import pytest
import yaml

from buildgate_cli.demo import decide_by_page
from e2e.shop import Shop
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared cloud"), pytest.mark.timeout(300)]
BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 2\n"


def made(cloud, tmp_path, mode, **changes):
    shop = Shop.make(cloud, f"shop-{mode}", tmp_path, stages=["release"], **changes)
    shop.write("buildspec-release.yml", BUILDSPEC)
    path = shop.folder / "pipeline.yaml"
    data = yaml.safe_load(path.read_text())
    data["stages"][0]["mode"] = mode
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    shop.buildgate("pipeline", "apply", "pipeline.yaml")
    return shop


def pushed(shop, number):
    """Push a change of a file and return its run."""
    shop.write("notes.txt", f"{number}\n")
    return shop.run_of(shop.push(f"Change {number}"))


def lane_of(shop):
    (lane,) = json.loads(shop.buildgate("pipeline", "lanes", shop.name, "--json").stdout)["lanes"]
    return lane


def span(run):
    (build,) = run["stages"][0]["builds"]
    return build["started_at"], build["finished_at"]


def test_pushes_to_a_queued_stage_are_released_one_after_another(cloud, tmp_path):
    shop = made(cloud, tmp_path, "queued", approval={})
    first, second = (pushed(shop, number) for number in range(2))

    assert until(lambda: lane_of(shop)["waiting"] or None)[0]["run_id"] == second
    assert f"waits for stage {shop.name}/release behind run {first}" in shop.buildgate("run", "show", second).stdout

    runs = [cloud.run(one) for one in (first, second)]
    assert [run["status"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert span(runs[0])[1] <= span(runs[1])[0]
    assert (lane_of(shop)["holder"], lane_of(shop)["waiting"]) == (None, [])


def test_of_pushes_to_a_superseded_stage_the_newest_is_released_and_the_page_of_an_older_one_says_so(cloud, tmp_path):
    shop = made(cloud, tmp_path, "superseded")
    first = pushed(shop, 1)
    old_link = shop.link(shop.waiting_approval(first))
    second, third = (pushed(shop, number) for number in (2, 3))
    link = shop.link(shop.waiting_approval(third))

    assert [cloud.run(one)["status"] for one in (first, second)] == ["SUPERSEDED", "SUPERSEDED"]
    page = cloud.ask("GET", old_link)
    assert (page.status, second in page.data.decode()) == (409, True)

    decide_by_page(link, name="Alice", comment="", say=lambda _: None)
    assert cloud.run(third)["status"] == "SUCCEEDED"
    assert shop.buildgate("run", "watch", first, code=1).returncode == 1
