import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli_harness import Cli, write_cloud
from fake_services import FakeCodeBuild, FakeCodeCommit
from local_harness import serving

FILE: dict[str, Any] = {
    "name": "shop-unit",
    "source": {"type": "CODECOMMIT", "location": "shop", "buildspec": "buildspec.yml"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": [{"name": "MODE", "value": "ci"}, {"name": "A", "value": "1"}],
    },
    "reportGroups": [{"name": "tests", "type": "TEST"}, {"name": "coverage", "type": "CODE_COVERAGE"}],
}


@pytest.fixture
def codebuild() -> FakeCodeBuild:
    return FakeCodeBuild()


@pytest.fixture
def cloud(tmp_path: Path, codebuild: FakeCodeBuild) -> Iterator[Cli]:
    with serving(codebuild, FakeCodeCommit()) as services:
        write_cloud(tmp_path / "home", front="http://127.0.0.1:9", services=services.url)
        yield Cli(tmp_path / "home")


def write(folder: Path, file: str = "project.yaml", **changes: Any) -> str:
    data = {key: value for key, value in {**FILE, **changes}.items() if value is not None}
    (folder / file).write_text(yaml.safe_dump(data, sort_keys=False))
    return str(folder / file)


def test_a_new_project_is_created_with_its_report_groups(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    answer = cloud("project", "apply", write(tmp_path))

    assert (answer.exit_code, answer.stdout) == (0, "shop-unit: created\n")
    made = codebuild.projects["shop-unit"]
    assert made["source"]["location"] == "/repositories/shop.git"
    assert made["artifacts"] == {"type": "NO_ARTIFACTS"}
    assert made["tags"] == [{"key": "buildgate", "value": "managed"}]
    export = {"bucket": "buildgate-reports", "path": "reports/shop-unit", "packaging": "NONE"}
    assert [(group["name"], group["type"]) for group in codebuild.groups.values()] == [
        ("shop-unit-tests", "TEST"),
        ("shop-unit-coverage", "CODE_COVERAGE"),
    ]
    assert all(group["exportConfig"]["s3Destination"] == export for group in codebuild.groups.values())


def test_applying_twice_changes_nothing(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    path = write(tmp_path)
    cloud("project", "apply", path)
    codebuild.projects["shop-unit"]["environment"]["environmentVariables"].reverse()
    codebuild.writes.clear()

    answer = cloud("project", "apply", path)

    assert answer.stdout == "shop-unit: unchanged\n"
    assert codebuild.writes == []


def finished(number: int) -> dict[str, Any]:
    """Return a build of a minute, as AWS describes it; times in seconds."""
    started, name = 1_790_000_000 + 600 * number, f"shop-unit:{number:032d}"
    machine = {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
    times = {"startTime": started, "endTime": started + 60, "buildComplete": True}
    return {"id": name, "projectName": "shop-unit", "buildStatus": "SUCCEEDED", "environment": machine, **times}


def test_applying_says_what_recent_builds_suggest(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    path = write(tmp_path, timeoutInMinutes=45)
    first = cloud("project", "apply", path)
    codebuild.builds = {build["id"]: build for build in map(finished, range(6))}

    answer = cloud("project", "apply", path)

    assert "advice" not in first.stderr
    assert "advice: set timeoutInMinutes to 5 (it is 45); the longest of 6 builds took 1m" in answer.stderr


def test_an_update_shows_each_field_and_calls_once(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    cloud("project", "apply", write(tmp_path))
    codebuild.writes.clear()

    answer = cloud("project", "apply", write(tmp_path, timeoutInMinutes=45, description="Unit tests"))

    assert answer.stdout.splitlines() == [
        "shop-unit: updated",
        "  description: (absent) -> Unit tests",
        "  timeoutInMinutes: (absent) -> 45",
    ]
    assert codebuild.writes == ["UpdateProject"]


def test_a_dry_run_writes_nothing(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    answer = cloud("project", "apply", "--dry-run", write(tmp_path))

    assert answer.stdout == "shop-unit: would be created\n"
    assert "report group shop-unit-tests would be created" in answer.stderr
    assert codebuild.writes == []


def test_a_file_that_does_not_fit_the_model_is_refused_at_line_and_column_before_any_call(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    good = write(tmp_path, "good.yaml")
    bad = write(tmp_path, "bad.yaml", name="other", sorce={}, reportGroups=[{"name": "t", "type": "LINT"}])

    answer = cloud("project", "apply", good, bad)

    assert answer.exit_code == 1
    assert f"{bad}:18:1: sorce: unknown key 'sorce'" in answer.stderr
    assert "reportGroups[0].type: 'LINT' is not allowed" in answer.stderr
    assert codebuild.writes == []


def test_two_files_may_not_describe_one_project(cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path) -> None:
    answer = cloud("project", "apply", write(tmp_path, "a.yaml"), write(tmp_path, "b.yaml"))

    assert answer.exit_code == 1
    assert codebuild.writes == []


def test_a_repository_that_does_not_exist_is_refused_in_awss_words(cloud: Cli, tmp_path: Path) -> None:
    answer = cloud("project", "apply", write(tmp_path, source={"type": "CODECOMMIT", "location": "nope"}))

    assert answer.exit_code == 1
    assert "nope does not exist" in answer.stderr


def test_projects_are_listed_and_shown(cloud: Cli, tmp_path: Path) -> None:
    kept = {"type": "S3", "location": "kept", "path": "out", "name": "shop"}
    cache = {"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]}
    cloud("project", "apply", write(tmp_path, artifacts=kept, cache=cache, concurrentBuildLimit=2))

    assert "shop-unit  CODECOMMIT shop  standard:7.0" in cloud("project", "list").stdout
    shown = cloud("project", "show", "shop-unit").stdout
    assert "buildspec  buildspec.yml" in shown
    assert "MODE=ci, A=1" in shown
    assert "artifacts  S3 kept/out/shop\ncache      LOCAL LOCAL_SOURCE_CACHE\n" in shown
    assert "at once    2\n" in shown
    assert json.loads(cloud("project", "show", "shop-unit", "--json").stdout)["name"] == "shop-unit"


def test_a_project_shown_as_yaml_can_be_applied_without_change(cloud: Cli, tmp_path: Path) -> None:
    cloud("project", "apply", write(tmp_path))
    (tmp_path / "again.yaml").write_text(cloud("project", "show", "shop-unit", "--yaml").stdout)

    assert cloud("project", "apply", str(tmp_path / "again.yaml")).stdout == "shop-unit: unchanged\n"


def test_deleting_asks_first_and_takes_the_report_groups_only_on_request(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    cloud("project", "apply", write(tmp_path))

    assert cloud("project", "delete", "shop-unit", stdin="n\n").exit_code == 1
    assert "shop-unit" in codebuild.projects
    assert cloud("project", "delete", "shop-unit", "--yes", "--with-reports").exit_code == 0
    assert (codebuild.projects, codebuild.groups) == ({}, {})


def test_an_unknown_project_is_refused(cloud: Cli) -> None:
    for verb in (["show", "nope"], ["delete", "nope", "--yes"]):
        answer = cloud("project", *verb)
        assert (answer.exit_code, answer.stderr.splitlines()[0]) == (1, "Error: There is no project nope.")


def test_apply_for_programs_lists_what_changed(cloud: Cli, tmp_path: Path) -> None:
    found = json.loads(cloud("project", "apply", "--json", write(tmp_path)).stdout)["projects"][0]

    assert (found["name"], found["outcome"], found["dry_run"]) == ("shop-unit", "created", False)
    assert found["report_groups"] == ["shop-unit-tests", "shop-unit-coverage"]


def test_a_repository_is_created_once_and_says_how_to_push(cloud: Cli) -> None:
    made = cloud("repo", "create", "web")

    assert made.stdout.splitlines() == [
        "repository web created",
        "  git remote add buildgate /repositories/web.git",
        "  git push buildgate main",
    ]
    assert "repository web exists already" in cloud("repo", "create", "web").stdout


def test_repositories_are_listed(cloud: Cli) -> None:
    assert "shop        main    /repositories/shop.git" in cloud("repo", "list").stdout
    assert json.loads(cloud("repo", "list", "--json").stdout)["repositories"][0]["name"] == "shop"
