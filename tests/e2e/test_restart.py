"""The cloud is killed in the middle of a run and started again: nothing is lost, counted twice or left waiting."""

import pytest

from buildgate_cli.demo import decide_by_page
from e2e.harness import running_cloud
from e2e.shop import Shop
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("restart"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("restart"), speed=20) as running:
        yield running


def builds_of(cloud, run_id):
    return [build for stage in cloud.api.get("runs", run_id)["run"]["stages"] for build in stage["builds"]]


def test_a_waiting_approval_keeps_its_link_and_its_run_goes_on_after_a_kill(cloud, tmp_path):
    shop = Shop.make(cloud, "shop-link", tmp_path, stages=["release"])
    run_id = shop.run_of(shop.push())
    link = shop.link(shop.waiting_approval(run_id))
    cloud.client("dynamodb").describe_table(TableName=cloud.description["outputs"]["TableName"])

    cloud.kill()
    cloud.start()

    decide_by_page(link, name="Alice", comment="Still good.", say=lambda _: None)
    run = cloud.run(run_id)
    assert run["status"] == "SUCCEEDED"
    assert [build["status"] for build in builds_of(cloud, run_id)] == ["SUCCEEDED"]


def test_a_build_that_dies_with_the_cloud_is_a_fault_and_ends_its_run(cloud, tmp_path):
    shop = Shop.make(cloud, "shop-build", tmp_path, stages=["release"], approval={})
    shop.write("buildspec-release.yml", "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 300\n")
    run_id = shop.run_of(shop.push())
    until(lambda: "BUILD" in [build["phase"] for build in builds_of(cloud, run_id)] or None, within=60)

    cloud.kill()
    cloud.start()

    run = cloud.run(run_id)
    assert (run["status"], [build["status"] for build in builds_of(cloud, run_id)]) == ("FAILED", ["FAULT"])
    metrics = cloud.api.get("metrics", "projects", "shop-build-release", days=1)["summary"]
    assert (metrics["builds"], metrics["by_status"]["FAULT"]) == (1, 1)
