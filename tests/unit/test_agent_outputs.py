"""Artifacts, reports, caches and sources: what goes into a build and what comes out."""

import hashlib
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_harness import FakeOutside, run_buildspec
from buildgate_cli.local.agent.build import CollectedFile
from buildgate_cli.local.agent.globs import compile_glob, matching_files
from buildgate_cli.local.agent.lines import Log
from buildgate_cli.local.agent.pack import unzip, zipped
from buildgate_cli.local.agent.source import FolderSource, GitSource, ObjectSource
from local_harness import commit, git, new_work_tree

FILES = {
    "my-build-1/my-file-1.txt": "1",
    "my-build-2/my-file-2.txt": "2",
    "my-build-2/my-subdirectory/my-file-3.txt": "3",
}


def artifacts(text: str, **more: str) -> str:
    return f"version: 0.2\nphases: {{build: {{commands: ['true']}}}}\nartifacts:\n  {text}\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("files: ['*/my-file-3.txt']\n  base-directory: my-build-2", ["my-subdirectory/my-file-3.txt"]),
        (
            "files: ['**/*']\n  base-directory: 'my-build*'\n  discard-paths: yes",
            ["my-file-1.txt", "my-file-2.txt", "my-file-3.txt"],
        ),
        ("files: ['my-build-2/*']", ["my-build-2/my-file-2.txt"]),
        ("files: ['my-build-2/**/*']", ["my-build-2/my-file-2.txt", "my-build-2/my-subdirectory/my-file-3.txt"]),
        ("files: ['**/*.txt']\n  exclude-paths: ['**/my-file-[12].txt']", ["my-build-2/my-subdirectory/my-file-3.txt"]),
        ("files: ['$CODEBUILD_SRC_DIR/my-build-1/**/*']", ["my-build-1/my-file-1.txt"]),
        ("files: ['./my-build-1/my-file-1.txt']", ["my-build-1/my-file-1.txt"]),
    ],
)
def test_artifact_patterns_mean_what_the_user_guide_says(tmp_path: Path, text: str, names: list[str]) -> None:
    done = run_buildspec(tmp_path, artifacts(text), files=FILES, has_artifacts=True)

    assert done.outcome.status == "SUCCEEDED"
    assert sorted(done.outside.artifacts[None]) == names


def test_an_artifacts_name_is_expanded_by_the_shell(tmp_path: Path) -> None:
    text = artifacts("files: ['**/*']\n  name: app-$(echo 1.2)-$CODEBUILD_BUILD_SUCCEEDING")

    assert run_buildspec(tmp_path, text, files=FILES, has_artifacts=True).outside.names == {None: "app-1.2-1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("files: [nothing]", "no matching artifact paths found"),
        ("files: ['*']\n  base-directory: nowhere", "no matching base directory path found for nowhere"),
    ],
)
def test_artifacts_that_are_not_there_fail_the_upload(tmp_path: Path, text: str, message: str) -> None:
    done = run_buildspec(tmp_path, artifacts(text), has_artifacts=True)

    assert done.context("UPLOAD_ARTIFACTS") == ("CLIENT_ERROR", message)
    assert done.outcome.status == "FAILED"


def test_secondary_artifacts_are_those_the_project_names(tmp_path: Path) -> None:
    text = artifacts(
        "files: ['my-build-1/*']\n  secondary-artifacts:\n    two: {files: ['my-build-2/*']}\n    three: {files: ['x']}"
    )

    done = run_buildspec(tmp_path, text, files=FILES, has_artifacts=True, artifact_ids=["two"])

    assert {key: list(files) for key, files in done.outside.artifacts.items()} == {
        None: ["my-build-1/my-file-1.txt"],
        "two": ["my-build-2/my-file-2.txt"],
    }


def test_a_report_without_files_is_remarked_and_fails_nothing(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        phases: {build: {commands: ['true']}}
        reports:
          absent: {files: ['junit.xml']}
          there: {files: ['**/*.txt'], base-directory: my-build-2, discard-paths: yes}
        """,
        files=FILES,
    )

    assert done.outcome.status == "SUCCEEDED"
    code, message = done.context("UPLOAD_ARTIFACTS")
    assert (code, "[absent: [report files not found in build]]" in message) == ("CLIENT_ERROR", True)
    assert sorted(done.outside.reports["there"]) == ["my-file-2.txt", "my-file-3.txt"]


def test_reports_are_kept_of_a_build_that_failed(tmp_path: Path) -> None:
    text = "version: 0.2\nphases: {build: {commands: ['exit 1']}}\nreports: {unit: {files: ['**/*']}}\n"

    assert "unit" in run_buildspec(tmp_path, text, files=FILES).outside.reports


CACHED = """\
version: 0.2
phases:
  build:
    commands:
      - cat deps/lib.txt 2>/dev/null || echo nothing
      - mkdir -p deps/sub "$HOME/.tool" && echo kept > deps/lib.txt && echo home > "$HOME/.tool/x"
cache:
  key: deps-$(cat lock)
  fallback-keys: [deps-]
  paths: ['deps/**/*', '/root/.tool/**/*', '/etc/hostname']
"""


def test_a_cache_comes_back_and_says_whether_it_was_a_hit(tmp_path: Path) -> None:
    outside = FakeOutside()

    def build(name: str, lock: str) -> tuple[str, str]:
        home = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / name / "home")}
        done = run_buildspec(
            tmp_path / name, CACHED, files={"lock": lock}, outside=outside, has_cache=True, base_variables=home
        )
        assert done.outcome.cache is not None
        return done.outcome.cache.outcome, done.heard.output[0]

    assert build("first", "1") == ("miss", "nothing")
    assert build("again", "1") == ("hit", "kept")
    assert build("changed", "2") == ("partial", "kept")
    assert sorted(outside.caches) == ["deps-1", "deps-2"]
    with tarfile.open(fileobj=io.BytesIO(outside.caches["deps-1"])) as tar:
        assert sorted(tar.getnames()) == ["home/.tool/x", "src/deps/lib.txt"]


def test_a_failed_build_keeps_no_cache(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        "version: 0.2\nphases: {build: {commands: ['exit 1']}}\ncache: {paths: ['**/*']}\n",
        files=FILES,
        has_cache=True,
    )

    assert done.outside.caches == {}


def test_a_damaged_cache_is_a_miss(tmp_path: Path) -> None:
    outside = FakeOutside(caches={"default": b"not a tar"})

    done = run_buildspec(
        tmp_path,
        "version: 0.2\nphases: {build: {commands: ['true']}}\ncache: {paths: ['**/*']}\n",
        outside=outside,
        has_cache=True,
    )

    assert done.outcome.status == "SUCCEEDED"
    assert done.outcome.cache is not None
    assert done.outcome.cache.outcome == "miss"


def test_a_cache_cannot_write_outside_of_the_builds_folder(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())

    run_buildspec(
        tmp_path / "a" / "b",
        "version: 0.2\nphases: {build: {commands: ['true']}}\ncache: {paths: ['**/*']}\n",
        outside=FakeOutside(caches={"default": buffer.getvalue()}),
        has_cache=True,
    )

    assert not list(tmp_path.rglob("escaped"))


def test_the_hash_tool_hashes_contents_and_expands_patterns(tmp_path: Path) -> None:
    import sys

    from buildgate_cli.local.agent.tools import install_tools

    tools = install_tools(tmp_path / "tools", sys.executable)
    done = run_buildspec(
        tmp_path,
        """
        version: 0.2
        phases:
          build:
            commands:
              - codebuild-hash-files a.lock
              - codebuild-hash-files '**/*.lock'
              - codebuild-hash-files absent || echo refused
        """,
        files={"a.lock": "one", "sub/b.lock": "two"},
        base_variables={"PATH": f"/usr/bin:/bin:{tools}"},
    )

    assert done.heard.output == [
        hashlib.sha256(b"one").hexdigest(),
        hashlib.sha256(b"onetwo").hexdigest(),
        "codebuild-hash-files: no file matches absent",
        "refused",
    ]


def test_secondary_sources_have_folders_of_their_own(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("from the other source\n")

    done = run_buildspec(
        tmp_path,
        "version: 0.2\nphases: {build: {commands: ['cat \"$CODEBUILD_SRC_DIR_lib/x\"']}}\n",
        secondary={"lib": FolderSource(other)},
    )

    assert done.heard.output == ["from the other source"]


def test_a_zip_in_s3_is_a_source_with_its_modes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("buildspec.yml", "version: 0.2\nphases: {build: {commands: ['./run.sh']}}\n")
        entry = zipfile.ZipInfo("run.sh")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\necho ran\n")

    done = run_buildspec(
        tmp_path,
        None,
        source=ObjectSource("bucket/src.zip"),
        outside=FakeOutside(objects={"bucket/src.zip": buffer.getvalue()}),
    )

    assert done.heard.output == ["ran"]


@pytest.mark.parametrize("depth", [0, 1])
def test_git_sources_bring_the_asked_version(tmp_path: Path, depth: int) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    work = new_work_tree(tmp_path / "work", str(bare))
    spec = "version: 0.2\nphases: {build: {commands: ['git rev-list --count HEAD; echo %s']}}\n"
    first = commit(work, {"buildspec.yml": spec % "first"})
    commit(work, {"buildspec.yml": spec % "second"})
    git(work, "push", "-q", "origin", "main")

    old = run_buildspec(tmp_path / "old", None, source=GitSource(str(bare), first, depth))
    new = run_buildspec(tmp_path / "new", None, source=GitSource(str(bare), "main", depth))

    assert old.heard.output == ["1", "first"]
    assert old.outcome.resolved_version == first
    assert new.heard.output == [str(1 if depth else 2), "second"]


def test_globs_cross_folders_only_with_two_stars(tmp_path: Path) -> None:
    assert compile_glob("a/*/c").fullmatch("a/b/c")
    assert not compile_glob("a/*").fullmatch("a/b/c")
    assert compile_glob("a/**").fullmatch("a/b/c")
    assert compile_glob("**/c").fullmatch("c")
    assert compile_glob("{a,b}/[!x]?").fullmatch("b/yz")
    assert not compile_glob("[!x]").fullmatch("x")
    (tmp_path / "[odd").write_text("")
    assert matching_files(tmp_path, ["[odd", "*"]) == [tmp_path / "[odd"]


def test_short_lines_count_with_what_the_log_service_adds_to_each():
    written, full = [], []
    log = Log(
        written.extend, now=lambda: datetime(2026, 11, 22, tzinfo=UTC), max_bytes=100, on_full=lambda: full.append(1)
    )

    log.feed(b"y\n" * 4)
    log.feed(b"y\n" * 1000)

    assert full == [1]
    assert len(written) == 5


def test_links_stay_links_in_an_archive_only_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("text")
    (folder / "near").symlink_to("file")
    (folder / "far").symlink_to("/etc")
    found = [CollectedFile(path, path.name) for path in matching_files(folder, ["*"], has_links=True)]

    packed = zipped(found, tmp_path / "kept.zip", keeps_links=True)
    unzip(packed.path, tmp_path / "out")

    assert [file.name for file in found] == ["far", "file", "near"]
    assert [path.name for path in matching_files(folder, ["*"])] == ["file", "near"]
    assert (tmp_path / "out/near").readlink() == Path("file")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["file", "near"]


def test_no_link_of_an_archive_leads_outside_not_even_by_way_of_others(tmp_path: Path) -> None:
    links = {"a/b/x": "y/../..", "a/b/y": "../..", "round": "round", "good": "a/file"}
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for name, target in links.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o120777 << 16
            archive.writestr(entry, target)
        archive.writestr("a/file", "inside")

    unzip(tmp_path / "made.zip", tmp_path / "out")

    assert (tmp_path / "out/good").read_text() == "inside"
    left = {path.name for path in (tmp_path / "out").rglob("*") if path.is_symlink()}
    assert left - {"round"} == {"good", "y"}  # what a circle resolves to differs between versions of Python


def test_a_pattern_with_a_nul_means_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")

    assert matching_files(tmp_path, ["\0", "\0/**/*", "*"]) == [tmp_path / "a"]
