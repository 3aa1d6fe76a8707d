"""Report groups of projects: whose they are, how they drift, and what applying does about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from buildgate_cli.projects.beside import SourceCredentials
from buildgate_cli.projects.extras import foreign_credentials
from buildgate_cli.projects.groups import managed
from cli_harness import Cli, write_cloud
from fake_services import FakeCodeBuild, FakeCodeCommit
from local_harness import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANAGED = {"key": "buildgate", "value": "managed"}
FILE: dict[str, Any] = {
    "source": {"type": "CODECOMMIT", "location": "shop", "buildspec": "buildspec.yml"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    },
}


@pytest.fixture
def codebuild() -> FakeCodeBuild:
    return FakeCodeBuild()


@pytest.fixture
def cloud(tmp_path: Path, codebuild: FakeCodeBuild) -> Iterator[Cli]:
    with serving(codebuild, FakeCodeCommit()) as services:
        write_cloud(tmp_path / "home", front="http://127.0.0.1:9", services=services.url)
        yield Cli(tmp_path / "home")


def write(folder: Path, name: str, **groups: str) -> str:
    path = folder / f"{name}.yaml"
    named = [{"name": group, "type": kind} for group, kind in groups.items()]
    path.write_text(yaml.safe_dump({"name": name, **FILE, "reportGroups": named}))
    return str(path)


def drift(cloud: Cli, path: str) -> dict[str, Any]:
    (answer,) = json.loads(cloud("project", "diff", path, "--json").stdout)["projects"]
    return dict(answer)


def test_an_export_changed_by_hand_is_drift_and_applying_brings_it_back(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    path = write(tmp_path, "shop", tests="TEST")
    cloud("project", "apply", path)
    (group,) = codebuild.groups.values()
    group["exportConfig"] = {"exportConfigType": "NO_EXPORT"}

    shown = cloud("project", "diff", path)
    wish = cloud("project", "apply", "--dry-run", path)
    applied = cloud("project", "apply", path)

    what = "report group shop-tests {}updated: exports to s3://buildgate-reports/reports/shop, not to nowhere"
    assert shown.exit_code == 1
    assert what.format("") in " ".join(shown.stdout.split())
    assert what.format("would be ") in " ".join(wish.stderr.split())
    assert what.format("") in " ".join(applied.stderr.split())
    assert group["exportConfig"]["s3Destination"]["path"] == "reports/shop"
    assert drift(cloud, path)["drifted"] is False


def test_what_applying_leaves_as_it_is_is_drift_too_and_says_so(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    cloud("project", "apply", write(tmp_path, "shop", tests="TEST", old="TEST"))
    codebuild.CreateReportGroup({"name": "shop-own", "type": "TEST", "exportConfig": {"exportConfigType": "NO_EXPORT"}})

    said = drift(cloud, write(tmp_path, "shop", tests="CODE_COVERAGE", own="TEST", new="TEST"))

    assert (said["drifted"], said["beside"]) == (True, ["report group shop-new created"])
    assert said["remarks"] == [
        "report group shop-tests has the type TEST, the file says CODE_COVERAGE: delete it to change it",
        "report group shop-own was not made by Buildgate: it stays as it is",
        "report group shop-old is not in the file: it stays until it is deleted",
    ]


def test_a_group_of_a_project_with_a_longer_name_is_not_the_shorter_ones(
    cloud: Cli, codebuild: FakeCodeBuild, tmp_path: Path
) -> None:
    shop = write(tmp_path, "shop", tests="TEST")
    cloud("project", "apply", shop, write(tmp_path, "shop-unit", tests="TEST"))
    older = next(one for one in codebuild.groups.values() if one["name"] == "shop-unit-tests")
    codebuild.CreateReportGroup({**older, "name": "shop-unit-old", "tags": [MANAGED]})

    assert drift(cloud, shop)["drifted"] is False
    imported = yaml.safe_load(cloud("project", "import", "shop").stdout)
    assert imported["reportGroups"] == [{"name": "tests", "type": "TEST"}]
    deleted = cloud("project", "delete", "shop", "--yes", "--with-reports")
    assert "deleted shop and 1 report group\n" in deleted.stdout
    assert sorted(one["name"] for one in codebuild.groups.values()) == ["shop-unit-old", "shop-unit-tests"]


@pytest.mark.parametrize(
    "words",
    [("project", "diff"), ("project", "apply"), ("build", "start", "shop", "--overrides"), ("pipeline", "diff")],
)
def test_a_file_that_is_refused_is_shown_with_every_problem_once(
    cloud: Cli, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file.yaml").write_text("name: shop\n  sources: [\n")

    answer = cloud(*words, str(tmp_path / "file.yaml"))

    assert answer.stderr.count("file.yaml:2:") == 1
    assert "file.yaml has 1 problem." in answer.stderr


def test_a_policy_that_is_refused_is_shown_with_its_problems(cloud: Cli, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("imagess: {allowed: []}\n")

    answer = cloud("project", "validate", write(tmp_path, "shop"), "--policy", str(tmp_path / "policy.yaml"))

    assert "policy.yaml:1:1: imagess: unknown key 'imagess'" in answer.stderr
    assert "nearest: images" in answer.stderr


def test_credentials_that_take_their_token_elsewhere_are_said_and_left() -> None:
    class Aws:
        def client(self, _: str) -> Aws:
            return self

        def list_source_credentials(self) -> dict[str, Any]:
            kept = {"arn": "a", "serverType": "GITHUB", "authType": "SECRETS_MANAGER", "resource": "secret:b"}
            return {"sourceCredentialsInfos": [kept]}

    def said(arn: str) -> list[str]:
        wanted = SourceCredentials(server_type="GITHUB", auth_type="SECRETS_MANAGER", arn=arn)
        return foreign_credentials(Aws(), wanted)  # type: ignore[arg-type]

    assert said("secret:b") == []
    assert "take their token from secret:b, the file says secret:a" in said("secret:a")[0]


def test_groups_without_a_tag_of_theirs_are_told_apart_by_where_they_export() -> None:
    groups: list[dict[str, Any]] = [
        {"name": "shop-a", "arn": "x/shop-a", "tags": [MANAGED]},
        {"name": "shop-b", "arn": "x/shop-b", "tags": []},
        {
            "name": "shop-unit-a",
            "arn": "x/shop-unit-a",
            "tags": [MANAGED],
            "exportConfig": {"s3Destination": {"path": "reports/shop-unit"}},
        },
    ]

    class CodeBuild:
        def list_report_groups(self) -> dict[str, Any]:
            return {"reportGroups": [one["arn"] for one in groups]}

        def batch_get_report_groups(self, **_: Any) -> dict[str, Any]:
            return {"reportGroups": groups}

    assert [one["name"] for one in managed(CodeBuild(), "shop")] == ["shop-a"]
