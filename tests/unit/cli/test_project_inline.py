"""Which buildspec a project gets whose file names none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_harness import run_buildspec
from buildgate_cli.buildspecs.starters import starter
from buildgate_cli.projects.inline import BUILT_BY, by_make, of_no_source
from cli_harness import Cli, write_cloud
from fake_services import FakeCodeBuild, FakeCodeCommit
from local_harness import serving

ENVIRONMENT = {
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/standard:7.0",
    "computeType": "BUILD_GENERAL1_SMALL",
}
SHOP = {"type": "CODECOMMIT", "location": "shop"}


@pytest.fixture
def codebuild() -> FakeCodeBuild:
    return FakeCodeBuild()


@pytest.fixture
def codecommit() -> FakeCodeCommit:
    return FakeCodeCommit()


@pytest.fixture
def cloud(tmp_path: Path, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit) -> Iterator[Cli]:
    with serving(codebuild, codecommit) as services:
        write_cloud(tmp_path / "home", front="http://127.0.0.1:9", services=services.url)
        yield Cli(tmp_path / "home")


def write(folder: Path, source: dict[str, Any] | None = None, **more: Any) -> str:
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump({"name": "shop", "source": source or SHOP, "environment": ENVIRONMENT, **more}))
    return str(path)


@pytest.mark.parametrize("kind", BUILT_BY)
def test_a_repository_without_a_buildspec_gets_the_generated_one_inline(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path, kind: str
) -> None:
    codecommit.files["shop"] = ["README.md", BUILT_BY[kind][0]]

    answer = cloud("project", "apply", write(tmp_path))

    assert answer.exit_code == 0
    assert codebuild.projects["shop"]["source"]["buildspec"] == starter(kind)
    assert f"shop has no buildspec.yml: the generated one for {kind} is inline" in answer.stderr


def test_applying_twice_changes_nothing_about_a_generated_buildspec(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    codecommit.files["shop"] = ["go.mod"]
    path = write(tmp_path)
    cloud("project", "apply", path)
    codebuild.writes.clear()

    assert cloud("project", "apply", path).stdout == "shop: unchanged\n"
    assert codebuild.writes == []


def test_a_repositorys_own_buildspec_is_left_alone(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    codecommit.files["shop"] = ["go.mod", "buildspec.yml"]

    answer = cloud("project", "apply", write(tmp_path))

    assert "buildspec" not in codebuild.projects["shop"]["source"]
    assert "buildspec" not in answer.stderr


def test_a_generated_buildspec_goes_when_the_repository_has_its_own(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    codecommit.files["shop"] = ["go.mod"]
    path = write(tmp_path)
    cloud("project", "apply", path)
    codecommit.files["shop"] = ["go.mod", "buildspec.yml"]

    answer = cloud("project", "apply", path)

    assert answer.stdout.startswith("shop: updated\n  source.buildspec: ")
    assert codebuild.projects["shop"]["source"]["buildspec"] == ""
    assert cloud("project", "apply", path).stdout == "shop: unchanged\n"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (["README.md"], "its files do not say how it is built"),
        (["go.mod", "pyproject.toml"], "its files fit go and python"),
    ],
)
def test_files_that_do_not_say_how_get_make_and_it_is_said(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path, files: list[str], why: str
) -> None:
    codecommit.files["shop"] = files
    path = write(tmp_path)

    answer = cloud("project", "apply", path)

    assert codebuild.projects["shop"]["source"]["buildspec"] == by_make()
    assert why in " ".join(answer.stderr.split())
    assert cloud("project", "apply", path).stdout == "shop: unchanged\n"


def test_make_is_run_where_there_is_a_makefile_and_fails_where_there_is_none(tmp_path: Path) -> None:
    with_one = run_buildspec(tmp_path / "1", by_make(), files={"Makefile": "all:\n\t@echo made\n"})
    without = run_buildspec(tmp_path / "2", by_make())

    assert (with_one.outcome.status, with_one.heard.output) == ("SUCCEEDED", ["made"])
    assert without.outcome.status == "FAILED"
    assert without.heard.output == [
        "No buildspec.yml, no Makefile: push one of them, or declare buildspec: in the project's file"
    ]


def test_a_project_without_source_gets_the_generated_one_inline(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    path = write(tmp_path, {"type": "NO_SOURCE"})

    answer = cloud("project", "apply", path)

    assert codebuild.projects["shop"]["source"]["buildspec"] == of_no_source()
    assert "PR904" in cloud("project", "validate", path).stdout
    assert "runs no command of yours" in " ".join(answer.stderr.split())
    assert cloud("project", "apply", path).stdout == "shop: unchanged\n"


def test_what_cannot_be_known_is_left_and_said(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    answer = cloud("project", "apply", write(tmp_path))

    assert answer.exit_code == 0
    assert "buildspec" not in codebuild.projects["shop"]["source"]
    assert "is not known: there is no such version in it, or no commit" in " ".join(answer.stderr.split())


def test_a_source_of_another_host_is_left_and_said(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    path = write(tmp_path, {"type": "GITHUB", "location": "https://github.com/example/shop.git"})

    answer = json.loads(cloud("project", "apply", path, "--json").stdout)["projects"][0]

    assert answer["buildspec"] == "uses the source's buildspec.yml; whether it has one cannot be seen from here"
    assert codecommit.looked_at == []


def test_a_buildspec_that_somebody_gave_the_project_stays(
    cloud: Cli, codebuild: FakeCodeBuild, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    codecommit.files["shop"] = ["go.mod"]
    cloud("project", "apply", write(tmp_path, {**SHOP, "buildspec": "ci/buildspec.yml"}))

    answer = cloud("project", "apply", write(tmp_path, {**SHOP, "gitCloneDepth": 1}))

    assert answer.stdout.splitlines() == ["shop: updated", "  source.gitCloneDepth: (absent) -> 1"]
    assert codebuild.projects["shop"]["source"]["buildspec"] == "ci/buildspec.yml"
    assert codecommit.looked_at == []


def test_the_version_that_the_project_builds_is_looked_at(
    cloud: Cli, codecommit: FakeCodeCommit, tmp_path: Path
) -> None:
    codecommit.files["shop"] = ["buildspec.yml"]

    cloud("project", "apply", write(tmp_path, sourceVersion="release"))

    assert codecommit.looked_at == [
        {"repositoryName": "shop", "folderPath": "/", "commitSpecifier": "release"},
    ]
