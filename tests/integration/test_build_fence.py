"""What builds of the local cloud see and reach of it, of other builds, and of this machine's processes.

Where this machine lets nobody fence builds in, the cloud says so: what is expected follows what it says.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.users import builds_folder
from buildgate_cli.local.codebuild import Settings
from buildgate_cli.local.codebuild.fencing import fence_for, isolation, refuse_beyond, why_not
from local_builds import build_cloud
from local_harness import git

IS_FENCED = not why_not(sys.executable)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with build_cloud(tmp_path_factory.mktemp("fence"), Settings(grace_seconds=0.3)) as opened:
        (opened.home / "keys.json").write_text("the cloud's key", encoding="utf-8")
        opened.push(readme_md="shop")
        yield opened


@pytest.fixture
def said(cloud):
    """Run commands as a build with the repository as its source and return what they printed."""

    def run(*commands: str) -> list[str]:
        lines = "".join(f"      - {command}\n" for command in commands)
        spec = f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}"
        name = f"fenced-{len(cloud.api.list_projects()['projects'])}"
        source = {"type": "CODECOMMIT", "location": "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop"}
        cloud.project(name, None, source={**source, "buildspec": spec})
        build_id = cloud.start(name)
        assert cloud.wait(build_id)["buildStatus"] == "SUCCEEDED", cloud.log(build_id)
        return cloud.log(build_id)

    return run


def test_the_machine_says_whether_builds_are_fenced_in():
    told = isolation()

    assert told["is_fenced"] is IS_FENCED
    assert ("without the cloud's files" in told["says"]) is IS_FENCED


def test_a_build_sees_the_clouds_folder_only_where_it_is_not_fenced_in(cloud, said):
    printed = said(
        f"cat {cloud.home}/keys.json || true", f"cat {cloud.home}/codebuild.sqlite3 > /dev/null || echo gone"
    )

    assert ("the cloud's key" in printed) is not IS_FENCED
    assert ("gone" in printed) is IS_FENCED


def test_a_build_sees_no_other_builds_folder(cloud, said):
    other = builds_folder(cloud.home) / "other"
    other.mkdir(parents=True, exist_ok=True)
    (other / "secret.txt").write_text("of another build", encoding="utf-8")

    printed = said(f"cat {other}/secret.txt || true", f"ls {other.parent}", "cat ../../*/secret.txt || true")

    assert ("of another build" in printed) is not IS_FENCED


def test_a_build_sees_and_ends_no_process_but_its_own(said):
    with subprocess.Popen(["sleep", "60"]) as other:
        printed = said(f"test -d /proc/{other.pid} || echo unseen", f"kill -9 {other.pid} || echo alive")

        assert ({"unseen", "alive"} <= set(printed), other.poll() is None) == (IS_FENCED, IS_FENCED)
        other.kill()


def test_a_build_that_kills_its_parent_is_not_heard_behind_a_fence(said):
    printed = said("kill -9 $PPID; echo alive") if IS_FENCED else ["alive"]

    assert "alive" in printed


def test_a_build_cannot_take_the_fence_down(cloud, said):
    if not IS_FENCED:
        assert "in reach" in isolation()["says"]
        return
    look = f"cat {cloud.home}/keys.json || true"

    printed = said(
        f"umount -l {cloud.home} || true", look, f'unshare -rm sh -c "umount -l {cloud.home}; {look}" || true'
    )

    assert "the cloud's key" not in printed


def test_a_build_reads_repositories_and_changes_none(cloud, said):
    before = git(cloud.home / "repositories" / "shop.git", "rev-parse", "main")

    printed = said("git log --oneline | wc -l", f"rm -rf {cloud.home}/repositories/shop.git/refs || echo refused")

    assert ("refused" in printed) is IS_FENCED
    assert not IS_FENCED or git(cloud.home / "repositories" / "shop.git", "rev-parse", "main") == before


@pytest.mark.parametrize(
    "message",
    [
        {"what": "artifact", "files": [["HOME/keys.json", "keys.json"]]},
        {"what": "report", "files": [["HOME/builds/other/report.xml", "report.xml"]]},
        {"what": "artifact", "zip": "HOME/builds/one/../../keys.json"},
        {"what": "keep-cache", "archive": "HOME/builds/one/link"},
        {"what": "object", "into": "HOME/keys.json"},
        {"what": "fetch-cache", "into": "/etc/passwd"},
    ],
)
def test_the_cloud_touches_nothing_of_its_own_for_an_agent_that_a_build_speaks_for(tmp_path, message):
    folder = tmp_path / "builds" / "one"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "keys.json")
    named = {
        name: [[path.replace("HOME", str(tmp_path)), as_what] for path, as_what in value]
        if isinstance(value, list)
        else value.replace("HOME", str(tmp_path))
        for name, value in message.items()
    }

    with pytest.raises(Failure, match=r"belongs to the local cloud|is not in the folder"):
        refuse_beyond(named, folder, tmp_path)


def test_what_a_build_may_keep_is_taken_wherever_it_lies(tmp_path):
    folder = tmp_path / "home" / "builds" / "one"
    folder.mkdir(parents=True)

    refuse_beyond({"files": [[str(folder / "a"), "a"], ["/usr/bin/env", "env"]]}, folder, tmp_path / "home")
    refuse_beyond({"into": str(folder / "src")}, folder, tmp_path / "home")


def test_a_fence_around_builds_outside_the_home_hides_both(tmp_path):
    home, builds = tmp_path / "home", tmp_path / "elsewhere"
    for each in (home / "repositories", builds / "one"):
        each.mkdir(parents=True)

    fence = fence_for(builds / "one", home, [home / "repositories", Path("/usr")])

    assert set(fence.hidden) == {str(home), str(builds)}
    assert (fence.shown, fence.read_only) == ((str(builds / "one"),), (str(home / "repositories"),))


def test_a_machine_that_cannot_says_why():
    assert why_not("/bin/false") == "it failed"
    assert "No such file" in why_not("/nowhere/python")
