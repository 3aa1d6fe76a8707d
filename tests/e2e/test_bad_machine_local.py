"""Bad hours of the machine under a local cloud: its clock jumps and its disks are full.

The cloud is the one of `test_bad_hours_local.py`, and the same is asked after every test.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from buildgate_cli.demo import decide_by_page
from buildgate_cli.local.agent.users import builds_folder
from buildgate_cli.local.clock import CLOCK_FILE
from e2e.harness import RunningCloud
from e2e.hours import (
    MOMENT,
    asked,
    counted,
    emulator_of,
    no_file_may_grow,
    pushed,
    released,
    shift,
    shop_in,
    wait_for_its_build,
)
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad hours"), pytest.mark.timeout(240)]
HOUR = 3600
TICKS_SECONDS = 3
"""Time for the reconciler, which looks once a second in this cloud, to do harm."""


def test_a_clock_put_back_in_mid_build_leaves_no_negative_duration_and_no_run_waiting(cloud, shop):
    before = counted(cloud)
    run_id = pushed(shop, MOMENT)
    wait_for_its_build(cloud, run_id)
    shift(cloud, -7200)

    run = cloud.run(run_id)

    assert run["status"] == "SUCCEEDED"
    assert run["stages"][0]["builds"][0]["duration_seconds"] >= 0
    assert counted(cloud) == before + 1


def test_a_clock_put_forward_in_mid_build_ends_the_run_and_counts_it(cloud, shop):
    run_id = pushed(shop, MOMENT)
    wait_for_its_build(cloud, run_id)
    shift(cloud, 7200)

    assert cloud.run(run_id)["status"] == "SUCCEEDED"


@dataclass
class Waited:
    """An approval that waited: what its run was while it did, the same after the clock was put forward, and the end."""

    run_id: str
    link: str
    put_back: str = ""
    put_forward: str = ""

    def decide(self) -> None:
        decide_by_page(self.link, name="Alice", comment="after the jump", say=lambda _: None)


@pytest.fixture(scope="module")
def waited(cloud, tmp_path_factory):
    """Return three approvals through whose waiting the clock was put an hour back and then two hours forward.

    One was decided after each jump; the third, of two days (48 minutes here), was left alone.
    """
    shop = shop_in(cloud, tmp_path_factory)
    early, late, left = (Waited(*asked(shop, timeout)) for timeout in ("7d", "6d", "2d"))
    shift(cloud, -HOUR)
    time.sleep(TICKS_SECONDS)
    for one in (early, late, left):
        one.put_back = cloud.api.get("runs", one.run_id)["run"]["status"]
    early.decide()
    shift(cloud, 2 * HOUR)
    time.sleep(TICKS_SECONDS)
    late.put_forward = cloud.api.get("runs", late.run_id)["run"]["status"]
    late.decide()
    return early, late, left


@pytest.mark.parametrize("which", [0, 1], ids=["one hour back", "two hours forward"])
def test_an_approval_that_waits_while_the_clock_jumps_is_decided_afterwards(cloud, waited, shop, which):
    one = waited[which]
    run = cloud.run(one.run_id)

    assert (one.put_back, one.put_forward)[which] == "RUNNING"
    assert (run["status"], run["stages"][0]["approval"]["status"]) == ("SUCCEEDED", "APPROVED")


def test_an_approval_whose_time_a_jump_uses_up_expires_and_nothing_earlier(cloud, waited, shop):
    left = waited[2]

    assert left.put_back == "RUNNING"
    assert cloud.run(left.run_id)["status"] == "EXPIRED"
    assert cloud.ask("GET", left.link).status == 410


def test_a_clock_put_back_hides_no_push_and_silences_no_reconciler(cloud, shop):
    released(cloud, shop)
    shift(cloud, -HOUR)
    cloud.lose_events("aws.codebuild", times=50)

    run = released(cloud, shop)

    assert run["status"] == "SUCCEEDED"


def test_state_that_could_not_be_saved_on_a_full_disk_is_saved_when_there_is_room(cloud, shop):
    state = cloud.home.path / "emulator" / "state"

    with no_file_may_grow(emulator_of(cloud)):
        run = released(cloud, shop)
        until(lambda: (state / "dynamodb.json.new").exists() or None, within=60)
        was_saved = run["run_id"] in (state / "dynamodb.json").read_text()

    assert run["status"] == "SUCCEEDED"
    assert not was_saved
    until(lambda: run["run_id"] in (state / "dynamodb.json").read_text() or None, within=60)


def test_a_build_whose_end_cannot_be_written_ends_when_there_is_room(cloud, shop):
    run_id = pushed(shop, MOMENT)
    wait_for_its_build(cloud, run_id)

    with no_file_may_grow(cloud.description["pid"]):
        time.sleep(2)
        meanwhile = cloud.api.get("runs", run_id)["run"]["status"]

    assert meanwhile == "RUNNING"
    assert cloud.run(run_id)["stages"][0]["builds"][0]["status"] in {"SUCCEEDED", "FAULT"}


@contextmanager
def small_disk_of_builds(cloud: RunningCloud) -> Iterator[None]:
    """Give builds a disk of 16 MB. Where this machine lets nobody mount one, no file of theirs may grow beyond 8 MB."""
    folder = builds_folder(cloud.home.path)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0711", "buildgate-small", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        with no_file_may_grow(cloud.description["pid"], beyond=8 << 20):
            yield
        return
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_build_that_fills_the_disk_ends_with_that_reason_and_the_next_one_succeeds(cloud, shop):
    with small_disk_of_builds(cloud):
        full = released(cloud, shop, "head -c 64000000 /dev/zero > filling && echo fit")
        (build,) = full["stages"][0]["builds"]
        (found,) = cloud.client("codebuild").batch_get_builds(ids=[build["build_id"]])["builds"]

        after = released(cloud, shop)

    (phase,) = [phase for phase in found["phases"] if phase["phaseType"] == "BUILD"]
    said = phase["contexts"][0]["message"]
    assert (full["status"], build["status"], after["status"]) == ("FAILED", "FAILED", "SUCCEEDED")
    assert "disk of the build is nearly full" in said or "head -c" in said


def test_events_that_come_again_nine_days_later_change_nothing(cloud, shop):
    run = cloud.run(shop.runs()[0]["run_id"]) if shop.runs() else released(cloud, shop)
    (build,) = cloud.client("codebuild").batch_get_builds(ids=[run["stages"][0]["builds"][0]["build_id"]])["builds"]
    before, runs = counted(cloud), len(shop.runs())
    table = cloud.item(f"BUILD#{build['id']}", "HEAD")

    shift(cloud, 9 * 24 * HOUR)
    for status in ("IN_PROGRESS", "SUCCEEDED"):
        detail = {"build-status": status, "project-name": build["projectName"], "build-id": build["arn"]}
        entry = {"Source": "aws.codebuild", "DetailType": "CodeBuild Build State Change", "Detail": json.dumps(detail)}
        assert cloud.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    time.sleep(TICKS_SECONDS)

    assert cloud.item(f"BUILD#{build['id']}", "HEAD") == table
    assert (len(shop.runs()), cloud.run(run["run_id"])["status"]) == (runs, "SUCCEEDED")
    (cloud.home.path / CLOCK_FILE).unlink()
    assert until(lambda: counted(cloud) == before or None)  # processes look at the file every now and then


def test_an_execution_aborted_in_mid_build_leaves_no_build_running(cloud, shop):
    run_id = pushed(shop, "sleep 60")
    build_id = cloud.building(run_id)
    states, machine = cloud.client("stepfunctions"), cloud.description["outputs"]["RunMachineArn"]
    (execution,) = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]

    states.stop_execution(executionArn=execution["executionArn"])

    ended = cloud.run(run_id)
    codebuild = cloud.client("codebuild")
    build = until(
        lambda: next((b for b in codebuild.batch_get_builds(ids=[build_id])["builds"] if b["buildComplete"]), None)
    )
    assert (ended["status"], build["buildStatus"]) == ("STOPPED", "STOPPED")
