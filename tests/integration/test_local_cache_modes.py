"""Local caches between builds of one machine: sources that are kept, and Docker layers that are not."""

from __future__ import annotations

import getpass
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.users import may_switch
from buildgate_cli.local.codebuild import Settings
from buildgate_cli.local.codebuild.build_cache import docker_remark
from buildgate_cli.local.codebuild.mirrors import Mirrors
from local_builds import REMOTE, build_cloud
from local_harness import commit, git, new_work_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_builds import BuildCloud

SOURCES: dict[str, Any] = {"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]}
SPEC = "version: 0.2\nphases: {build: {commands: ['cat text', 'git rev-list --count HEAD']}}\n"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[BuildCloud]:
    with build_cloud(tmp_path, Settings(grace_seconds=0.3, concurrent_builds=3)) as opened:
        yield opened


def ended(cloud: BuildCloud, *build_ids: str) -> list[tuple[str, list[str]]]:
    """Return what the source cache of each build did, and what its commands printed."""
    found = []
    for build_id in build_ids:
        assert cloud.wait(build_id)["buildStatus"] == "SUCCEEDED", cloud.log(build_id)
        lines = cloud.log(build_id)
        said = [line.partition("Source cache ")[2] for line in lines if "Source cache " in line]
        found.append((said[0].partition(":")[0], [line for line in lines if not line.startswith("[Container]")]))
    return found


def told(cloud: BuildCloud, build_id: str) -> dict[str, str]:
    """Return what a build's cache did as the API tells it: under the names of a generated buildspec's probe."""
    exported = cloud.wait(build_id).get("exportedEnvironmentVariables", ())
    return {one["name"].removeprefix("BUILDGATE_CACHE_"): one["value"] for one in exported}


def test_sources_are_kept_and_later_builds_bring_in_only_what_is_new(cloud: BuildCloud) -> None:
    user = "nobody" if may_switch() else getpass.getuser()
    spec = SPEC.replace("phases:", f"run-as: {user}\nphases:")
    cloud.push(buildspec_yml=spec, large=os.urandom(300_000).hex())
    cloud.push(text="one")
    cloud.project(cache=SOURCES)

    first = ended(cloud, cloud.start("shop"))
    again = ended(cloud, cloud.start("shop"))
    (cloud.work / "text").write_text("rewritten")
    git(cloud.work, "commit", "-qa", "--amend", "-m", "Rewrite")
    git(cloud.work, "push", "-qf", "origin", "main")
    changed = ended(cloud, build_id := cloud.start("shop"))
    cloud.api.invalidate_project_cache(projectName="shop")

    assert first == [("miss", ["one", "2"])]
    assert again == [("hit", ["one", "2"])]
    assert changed == [("partial", ["rewritten", "2"])]
    assert (done := told(cloud, build_id))["RESULT"] == "partial"
    assert done["KEY"] == done["MATCHED_KEY"] == "LOCAL_SOURCE_CACHE"
    assert 0 < int(done["BYTES"]) < 5_000
    (told_of,) = [line.partition("primary source, ")[2] for line in cloud.log(build_id) if "Source cache " in line]
    assert told_of.endswith(" bytes were brought in and are kept")
    assert int(told_of.split()[0]) < 5_000
    assert not list((cloud.home / "cache" / "shop").iterdir())


def test_what_a_local_cache_did_is_told_as_a_probe_tells_it_and_a_probes_own_word_stands(cloud: BuildCloud) -> None:
    archive = "version: 0.2\nphases: {build: {commands: [mkdir -p kept, touch kept/it]}}\n"
    archive += "cache: {key: deps-1, paths: ['kept/**/*']}\n"
    probe = archive.replace("phases:", "env: {exported-variables: [BUILDGATE_CACHE_RESULT]}\nphases:")
    cloud.push(
        buildspec_yml=archive, probe_yml=probe.replace("touch", "'export BUILDGATE_CACHE_RESULT=partial', touch")
    )
    cloud.project(cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE", "LOCAL_SOURCE_CACHE"]})

    first, hit = told(cloud, cloud.start("shop")), told(cloud, cloud.start("shop"))
    probed = told(cloud, cloud.start("shop", buildspecOverride="probe.yml"))

    assert (first["RESULT"], first["KEY"], first["MATCHED_KEY"]) == ("miss", "deps-1", "")
    assert (hit["RESULT"], hit["MATCHED_KEY"]) == ("hit", "deps-1")
    assert int(hit["BYTES"]) > 0
    assert float(hit["SECONDS"]) >= 0
    assert probed == {"RESULT": "partial"}


def new_repository(cloud: BuildCloud, name: str) -> Path:
    """Make a repository beside the cloud's own, with one commit, and return a work tree of it."""
    bare = cloud.home / "repositories" / f"{name}.git"
    git(cloud.home, "init", "-q", "--bare", "-b", "main", str(bare))
    work = new_work_tree(cloud.home / f"work-{name}", str(bare))
    commit(work, {"text": name})
    git(work, "push", "-q", "origin", "main")
    return work


def add_submodule(work: Path, path: str, address: str, files: Path) -> None:
    """Add a submodule under the address that its users see; `files` is where it is."""
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", path, str(files), path)
    git(work, "config", "-f", ".gitmodules", f"submodule.{path}.url", address)
    git(work, "commit", "-qam", "Add a submodule")
    git(work, "push", "-q", "origin", "main")


def test_submodules_come_from_repositories_beside_and_have_mirrors_of_their_own(cloud: BuildCloud) -> None:
    cloud.push(buildspec_yml="version: 0.2\nphases: {build: {commands: [cat lib/text, cat lib/deep/text]}}\n")
    lib, deep = new_repository(cloud, "lib"), new_repository(cloud, "deep")
    add_submodule(lib, "deep", "../deep.git", deep)
    add_submodule(cloud.work, "lib", REMOTE.replace("shop", "lib"), lib)
    source = {"type": "CODECOMMIT", "location": REMOTE, "gitSubmodulesConfig": {"fetchSubmodules": True}}
    cloud.project(cache=SOURCES, source=source)

    cold = told(cloud, cloud.start("shop"))
    warm = told(cloud, again := cloud.start("shop"))

    assert [(cold["RESULT"], warm["RESULT"], warm["BYTES"])] == [("miss", "hit", "0")]
    assert ended(cloud, again) == [("hit", ["lib", "deep"])]
    lines = [
        line.partition("Source cache ")[2].partition(",")[0] for line in cloud.log(again) if "Source cache" in line
    ]
    told_of = ["primary source", "submodule lib of primary source", "submodule deep of primary source"]
    assert lines == [f"hit: {name}" for name in told_of]


def test_builds_at_once_each_get_their_own_commit(cloud: BuildCloud) -> None:
    old = cloud.push(buildspec_yml=SPEC, text="old")
    new = cloud.push(text="new")
    cloud.project(cache=SOURCES)

    builds = [cloud.start("shop", sourceVersion=version) for version in (old, new)]

    assert [printed for _, printed in ended(cloud, *builds)] == [["old", "1"], ["new", "2"]]


def test_modes_that_do_nothing_say_so_once(cloud: BuildCloud) -> None:
    modes = ["LOCAL_SOURCE_CACHE", "LOCAL_DOCKER_LAYER_CACHE"]
    cloud.project(
        "inline", SPEC.replace("'cat text', 'git rev-list --count HEAD'", "'true'"), cache={**SOURCES, "modes": modes}
    )
    cloud.push(buildspec_yml=SPEC, text="one")
    cloud.project("shallow", cache=SOURCES, source={"type": "CODECOMMIT", "location": REMOTE, "gitCloneDepth": 1})

    plain, shallow = cloud.start("inline"), cloud.start("shallow")
    cloud.wait(plain)
    cloud.wait(shallow)

    assert (
        sum("LOCAL_SOURCE_CACHE is ignored for the source: it is not a git" in line for line in cloud.log(plain)) == 1
    )
    assert sum("LOCAL_DOCKER_LAYER_CACHE" in line for line in cloud.log(plain)) == 1
    assert sum("a clone of depth 1 is brought in anew" in line for line in cloud.log(shallow)) == 1


def test_docker_layers_are_the_daemons_own_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert docker_remark() == "LOCAL_DOCKER_LAYER_CACHE does nothing here: this machine has no Docker"

    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)

    assert "this machine's Docker daemon keeps" in docker_remark()


def test_a_mirror_is_whole_or_not_there(tmp_path: Path) -> None:
    kept = Mirrors(tmp_path)
    folder = kept.folder("shop", 0)
    (tmp_path / "no-clone").mkdir()

    with pytest.raises(Failure, match="could not be kept"):
        kept.take_in(tmp_path / "no-clone", folder / "a.git")

    assert not list(folder.iterdir())


def test_a_mirror_that_took_in_often_is_packed_and_loses_nothing(tmp_path: Path) -> None:
    origin, kept = tmp_path / "origin.git", Mirrors(tmp_path, most_packs=3)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    work, mirror = new_work_tree(tmp_path / "work", str(origin)), kept.folder("shop", 0) / "a.git"
    ids = []
    for number in range(5):
        ids.append(commit(work, {"text": str(number)}))
        git(work, "push", "-q", "origin", "main")
        kept.take_in(work, mirror)

    assert len(list((mirror / "objects" / "pack").glob("*.pack"))) < 4
    done = subprocess.run(
        ["git", "rev-list", "--count", ids[-1]], cwd=mirror, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "5"


def test_a_broken_mirror_is_used_no_more_and_made_anew_from_a_whole_clone(tmp_path: Path) -> None:
    kept, origin = Mirrors(tmp_path), tmp_path / "origin.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    work, mirror = new_work_tree(tmp_path / "work", str(origin)), kept.folder("shop", 0) / "a.git"
    commit(work, {"text": "one"})
    git(work, "push", "-q", "origin", "main")
    kept.take_in(work, mirror)
    for path in (mirror / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"broken")
    commit(work, {"text": "two"})
    git(work, "push", "-q", "origin", "main")
    borrowed = work / ".git" / "objects" / "info" / "alternates"
    borrowed.write_text(f"{mirror}/objects\n")

    with pytest.raises(Failure):
        kept.take_in(work, mirror)
    assert not (mirror / "HEAD").exists()
    borrowed.unlink()
    kept.take_in(work, mirror)

    done = subprocess.run(["git", "fsck", "--full"], cwd=mirror, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
