"""What holds a build of the local cloud to its memory and its processes: the kernel where it may, else a look a second.

What is expected follows what the cloud says of this machine; both worlds are lived through wherever the kernel helps.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from buildgate_cli.local.agent import cgroups
from buildgate_cli.local.codebuild import Settings, grouping
from buildgate_cli.local.codebuild.fencing import isolation
from local_builds import build_cloud

BOMB = "for n in $(seq 400); do sleep 20 & done; echo all started; wait"
HOG = 'python -c \'import time; held = b"x" * (100 << 20); print("all held", flush=True); time.sleep(20)\''
HAS_GROUPS = not grouping.why_no_groups()


@pytest.fixture(scope="module", params=[True, False], ids=["as the machine allows", "by looks alone"])
def cloud(request, tmp_path_factory):
    settings = Settings(grace_seconds=0.2, processes=25, memory_bytes=64 << 20, is_grouped=request.param)
    with build_cloud(tmp_path_factory.mktemp("groups"), settings) as opened:
        yield opened


def groups() -> list[str]:
    """Return the control groups of builds that this process has made."""
    found = grouping._found()
    folder = Path(found.pids) if isinstance(found, cgroups.Place) else Path("/nowhere")
    return [path.name for path in folder.glob(f"buildgate-{os.getpid()}-*")]


def is_held(cloud) -> bool:
    return cloud.service._around.settings.is_grouped and HAS_GROUPS


def context(build: dict, phase: str = "BUILD") -> str:
    (found,) = [each for each in build["phases"] if each["phaseType"] == phase]
    return found["contexts"][0]["message"]


@pytest.fixture(scope="module")
def greedy(cloud):
    """Two builds that take too much at the same time, and what became of them and of the one after them."""
    ids = {"bomb": cloud.inline(BOMB, name="bomb"), "hog": cloud.inline(HOG, name="hog")}
    ended = {name: (cloud.wait(build_id), cloud.log(build_id)) for name, build_id in ids.items()}
    after = cloud.inline("echo fine", name="after")
    return {**ended, "after": (cloud.wait(after), cloud.log(after))}


def test_a_fork_bomb_ends_its_build_and_not_the_cloud(cloud, greedy):
    build, log = greedy["bomb"]

    assert (build["buildStatus"], greedy["after"][0]["buildStatus"]) == ("FAILED", "SUCCEEDED")
    assert "more processes at once" in context(build)
    assert not (is_held(cloud) and "all started" in log)
    assert groups() == []


def test_a_build_that_takes_more_memory_than_it_has_is_ended_and_not_the_cloud(cloud, greedy):
    build, log = greedy["hog"]

    assert (build["buildStatus"], greedy["after"][0]["buildStatus"]) == ("FAILED", "SUCCEEDED")
    assert "more memory than its compute type has" in context(build)
    assert not (is_held(cloud) and "all held" in log)
    assert groups() == []


def test_a_build_cannot_lift_its_limits(cloud):
    found = grouping._found()
    top = found.pids if isinstance(found, cgroups.Place) else "/sys/fs/cgroup"
    reach = f"for f in {top}/cgroup.procs {top}/buildgate-*/pids.max; do echo max > $f && echo lifted; done; true"
    away = f"unshare -rmC sh -c 'mount -t cgroup -o pids none /mnt; echo 0 > /mnt/../cgroup.procs; {reach}' || true"

    build = cloud.wait(build_id := cloud.inline(f"({reach}) 2>&1", f"({away}) 2>&1", name="lifter"))

    assert build["buildStatus"] == "SUCCEEDED"
    assert not (isolation(cloud.service._around.settings)["is_fenced"] and "lifted" in cloud.log(build_id))


def test_a_build_says_in_its_log_what_keeps_it_apart_and_what_does_not(cloud, greedy):
    told = isolation(cloud.service._around.settings)

    assert any(line.endswith(f"Isolation: {told['says']}") for line in greedy["after"][1])
    assert ("held by the kernel" in told["says"]) is is_held(cloud)
    assert ("looked at once a second" in told["says"]) is not is_held(cloud)


def test_a_machine_without_control_groups_says_why(tmp_path, monkeypatch):
    nowhere = cgroups.Place(2, str(tmp_path / "none"), str(tmp_path / "none"))
    monkeypatch.setattr(cgroups, "_candidates", lambda: iter([nowhere]))

    with pytest.raises(OSError, match="No such file or directory"):
        cgroups.place()


def test_what_a_killed_cloud_left_is_taken_away_and_what_a_living_one_has_stays():
    with subprocess.Popen(["true"]) as gone:
        pass

    assert grouping._is_left(f"buildgate-{gone.pid}-5f1c")
    assert not grouping._is_left(f"buildgate-{os.getpid()}-5f1c")
    assert not grouping._is_left("user.slice")
