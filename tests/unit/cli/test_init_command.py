import json
import subprocess
from pathlib import Path

import pytest
import yaml
from botocore.session import Session

from buildgate.inbound import pipeline_file
from buildgate_cli import buildspecs, starters
from buildgate_cli.kinds import kind_of
from buildgate_cli.project_file import read_project
from cli_harness import Cli

MODEL = Session().get_service_model("codebuild")
MARKS = {
    "python": {"pyproject.toml": "[build-system]\n"},
    "python-requirements": {"requirements.txt": "flask\n"},
    "python-tests": {"tests/test_shop.py": ""},
    "node": {"package.json": "{}"},
    "make": {"Makefile": "test:\n\ttrue\n"},
    "plain": {},
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Web Shop"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "trunk"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def test_starter_files_are_written_for_the_repository_one_stands_in(cli: Cli, repository: Path) -> None:
    answer = cli("init")

    assert answer.exit_code == 0
    assert sorted(str(p.relative_to(repository)) for p in repository.rglob("*.y*ml")) == [
        "buildspec-release.yml",
        "buildspec.yml",
        "pipeline.yaml",
        "projects/release.yaml",
        "projects/test.yaml",
    ]
    pipeline = pipeline_file.parse(yaml.safe_load((repository / "pipeline.yaml").read_text()))
    assert (pipeline.name, pipeline.triggers[0].branches) == ("web-shop", ("trunk",))
    assert "buildgate repo create web-shop" in answer.stdout


def test_what_exists_is_never_touched(cli: Cli, repository: Path) -> None:
    (repository / "buildspec.yml").write_text("mine")
    (repository / "pipeline.yaml").symlink_to(repository / "elsewhere.yaml")

    answer = cli("init")

    assert (repository / "buildspec.yml").read_text() == "mine"
    assert not (repository / "elsewhere.yaml").exists()
    assert "kept buildspec.yml, which exists" in answer.stderr
    assert cli("init").stdout == ""


def test_a_dry_run_writes_nothing(cli: Cli, repository: Path) -> None:
    answer = cli("init", "--dry-run", "--json")

    assert len(json.loads(answer.stdout)["written"]) == 5
    assert not list(repository.glob("*.y*ml"))


def test_it_stands_in_the_root_wherever_in_the_repository_it_is_run(
    cli: Cli, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "src").mkdir()
    monkeypatch.chdir(repository / "src")

    cli("init")

    assert (repository / "pipeline.yaml").is_file()


def test_a_name_that_cannot_name_projects_is_refused_with_one_that_can(cli: Cli, repository: Path) -> None:
    answer = cli("init", "--name", "Web Shop!")

    assert answer.exit_code == 2
    assert "Try --name web-shop." in answer.stderr


@pytest.mark.parametrize("mark", MARKS)
def test_each_kind_of_repository_gets_files_that_are_valid(tmp_path: Path, mark: str) -> None:
    for name, text in MARKS[mark].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    kind = kind_of(tmp_path)

    files = starters.files("shop", "main", kind)

    assert kind.name == mark.split("-", maxsplit=1)[0]
    pipeline = pipeline_file.parse(yaml.safe_load(files["pipeline.yaml"]))
    projects = []
    for path in ("projects/test.yaml", "projects/release.yaml"):
        (tmp_path / Path(path).name).write_text(files[path])
        projects.append(read_project(tmp_path / Path(path).name, MODEL))
    assert {project.name for project in projects} == set(pipeline.projects)
    for name in ("buildspec.yml", "buildspec-release.yml"):
        buildspecs.load(files[name], name=name)
    reported = set(yaml.safe_load(files["buildspec.yml"]).get("reports", {}))
    assert reported == {group.name for group in projects[0].project.report_groups or ()}


@pytest.mark.parametrize(
    ("folder", "name"), [("My_Shop", "my-shop"), ("x", "app-x"), ("--", "app"), ("ä", "app"), ("a" * 90, "a" * 48)]
)
def test_any_folders_name_becomes_a_valid_name(folder: str, name: str) -> None:
    assert starters.name_of(folder) == name
