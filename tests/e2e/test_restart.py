"""The cloud is killed in the middle of its runs and started again: nothing is lost, counted twice or left waiting."""

import os
import signal
from pathlib import Path

import pytest

from access_records import hold_to_the_policies
from buildgate_cli.demo import decide_by_page
from buildgate_cli.local.background import running
from buildgate_cli.local.seams.access import SWITCH as ACCESS
from e2e.harness import running_cloud
from e2e.shop import Shop
from e2e.whole_groups import is_whole
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("restart"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, request):
    with running_cloud(tmp_path_factory.mktemp("restart"), speed=100, variables={ACCESS: "1"}) as running:
        yield running
        hold_to_the_policies(running, "restart", is_whole=is_whole(request.session, "restart"))


@pytest.fixture(scope="module")
def shop(cloud, tmp_path_factory):
    """Return a shop whose releases wait for an approval."""
    return Shop.make(cloud, "shop-link", tmp_path_factory.mktemp("link"), stages=["release"])


@pytest.fixture(scope="module")
def long_shop(cloud, tmp_path_factory):
    """Return a shop whose builds take longer than any test."""
    made = Shop.make(cloud, "shop-build", tmp_path_factory.mktemp("build"), stages=["release"], approval={})
    made.write("buildspec-release.yml", "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 300\n")
    return made


@pytest.fixture(scope="module")
def killed(cloud, shop, long_shop):
    """Kill the supervisor while one run waits for an approval and another for its build; return their ids and a link."""
    waiting, building = pushed(shop), pushed_and_building(cloud, long_shop)
    link = shop.link(shop.waiting_approval(waiting))
    cloud.kill()
    cloud.start()
    return waiting, building, link


def pushed(shop):
    return shop.run_of(shop.push())


def pushed_and_building(cloud, shop):
    shop.write("change.txt", os.urandom(8).hex())
    run_id = pushed(shop)
    cloud.building(run_id)
    return run_id


def builds_of(cloud, run_id):
    return [build for stage in cloud.api.get("runs", run_id)["run"]["stages"] for build in stage["builds"]]


def emulator_of(cloud):
    """Return the emulator's process."""
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes()
            folder = (process / "cwd").readlink()
        except OSError:
            continue
        if b"buildgate_cli.local.emulator_main" in line and folder == cloud.home.path / "emulator":
            return int(process.name)
    raise AssertionError("no emulator runs")


def is_saved(cloud, run_id):
    """Say whether the emulator's disk knows the run's build and execution: it writes moments later, a kill takes those."""
    state = cloud.home.path / "emulator/state"
    (build,) = builds_of(cloud, run_id)
    known = {"dynamodb": build["build_id"], "stepfunctions": run_id}
    return all(one in (state / f"{service}.json").read_text() for service, one in known.items())


def executions_of(cloud, run_id):
    """Return how many executions a run has had, and how many of them count as resumed."""
    item = cloud.item(f"RUN#{run_id}", "RUN")
    return int(item["executions"]["N"]), int(item["resumes"]["N"])


def faulted(cloud, run_id):
    """Wait for the end of a run whose build died with the cloud, and say how both ended."""
    run = cloud.run(run_id)
    return run["status"], [build["status"] for build in builds_of(cloud, run_id)]


def test_a_waiting_approval_keeps_its_link_and_its_run_goes_on_after_a_kill(cloud, killed):
    waiting, _, link = killed
    restarted = until(lambda: two if (two := executions_of(cloud, waiting))[0] > 1 else None, within=60)

    assert restarted == (2, 0), "a restart takes nothing from the times that a run is resumed"
    decide_by_page(link, name="Alice", comment="Still good.", say=lambda _: None)

    assert cloud.run(waiting)["status"] == "SUCCEEDED"
    assert [build["status"] for build in builds_of(cloud, waiting)] == ["SUCCEEDED"]


def test_a_build_that_dies_with_the_cloud_is_a_fault_and_ends_its_run(cloud, killed):
    assert faulted(cloud, killed[1]) == ("FAILED", ["FAULT"])


def test_a_killed_emulator_takes_its_cloud_down_and_the_next_start_ends_what_was_open(cloud, long_shop):
    run_id = pushed_and_building(cloud, long_shop)
    until(lambda: True if is_saved(cloud, run_id) else None, within=60)
    os.kill(emulator_of(cloud), signal.SIGKILL)
    until(lambda: None if cloud.home.is_locked() else True)

    assert running(cloud.home) is None
    assert "ended unexpectedly" in cloud.home.log.read_text()
    cloud.restart()
    assert faulted(cloud, run_id) == ("FAILED", ["FAULT"])
    metrics = cloud.api.get("metrics", "projects", "shop-build-release", days=1)["summary"]
    assert (metrics["builds"], metrics["by_status"]["FAULT"]) == (2, 2)
