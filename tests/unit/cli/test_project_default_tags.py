"""Tags that a policy gives to projects whose files do not name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from botocore.session import Session

from buildgate_cli.projects.policy import Policy, read_policy
from buildgate_cli.source_files import FileRefusedError
from cli_harness import Cli, write_cloud
from fake_services import FakeCodeBuild, FakeCodeCommit
from local_harness import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE: dict[str, Any] = {
    "name": "shop-unit",
    "source": {"type": "CODECOMMIT", "location": "shop", "buildspec": "buildspec.yml"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    },
    "tags": [{"key": "team", "value": "shop"}],
}
POLICY = """\
required-tags: {tags: {team: "[a-z-]+", cost-centre: "cc-[0-9]+"}}
default-tags: {tags: {team: platform, cost-centre: cc-42}}
"""


@pytest.fixture
def codebuild() -> FakeCodeBuild:
    return FakeCodeBuild()


@pytest.fixture
def project(tmp_path: Path, codebuild: FakeCodeBuild) -> Iterator[Any]:
    """Run a `buildgate project` verb on a file with these changes, under the policy."""
    (tmp_path / "policy.yaml").write_text(POLICY)

    def run(verb: str, *words: str, policy: str = POLICY, **changes: Any) -> Any:
        (tmp_path / "policy.yaml").write_text(policy)
        (tmp_path / "project.yaml").write_text(yaml.safe_dump(FILE | changes))
        return cli("project", verb, str(tmp_path / "project.yaml"), "--policy", str(tmp_path / "policy.yaml"), *words)

    with serving(codebuild, FakeCodeCommit()) as services:
        write_cloud(tmp_path / "home", front="http://127.0.0.1:9", services=services.url)
        cli = Cli(tmp_path / "home")
        yield run


def tags(codebuild: FakeCodeBuild) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in codebuild.projects["shop-unit"]["tags"]}


def test_a_file_has_the_last_word_and_the_policy_fills_in_the_rest(project: Any, codebuild: FakeCodeBuild) -> None:
    created = project("apply")
    again = project("apply")

    assert tags(codebuild) == {"team": "shop", "cost-centre": "cc-42", "buildgate": "managed"}
    assert "tag cost-centre=cc-42 given by the policy" in created.stderr
    assert "team=" not in created.stderr
    assert (again.stdout, again.stderr) == ("shop-unit: unchanged\n", "")
    assert codebuild.writes == ["CreateProject"]


def test_the_diff_says_which_tags_the_policy_asks_for(project: Any, codebuild: FakeCodeBuild) -> None:
    project("apply")
    moved = POLICY.replace("cc-42", "cc-7")

    would = project("apply", "--dry-run", policy=moved, timeoutInMinutes=9)
    drifted = project("diff", policy=moved)
    data = json.loads(project("apply", "--json", policy=moved).stdout)["projects"][0]

    assert "  tags[cost-centre]: cc-42 -> cc-7 (by the policy)\n" in would.stdout
    assert "  timeoutInMinutes: (absent) -> 9\n" in would.stdout
    assert "tags[cost-centre]: AWS has cc-42, the policy cc-7" in drifted.stdout
    assert data["changes"] == [{"field": "tags[cost-centre]", "before": "cc-42", "after": "cc-7", "by": "policy"}]
    assert data["tags_by_policy"] == ["cost-centre=cc-7"]
    assert tags(codebuild)["cost-centre"] == "cc-7"


def test_a_default_is_enough_for_a_required_tag_of_a_file_but_not_of_a_project_on_aws(
    project: Any, codebuild: FakeCodeBuild
) -> None:
    valid = project("validate")
    project("apply")
    codebuild.projects["shop-unit"]["tags"] = []

    there = project("validate", "--project", "shop-unit")

    assert (valid.exit_code, there.exit_code) == (0, 1)
    assert "shop-unit: error policy.required-tags the tag cost-centre is required" in there.stdout.replace("\n", " ")


def test_what_a_file_says_is_judged_though_the_policy_has_a_default(project: Any) -> None:
    refused = project("apply", tags=[{"key": "cost-centre", "value": "none"}])

    assert refused.exit_code == 1
    assert "'none' is no cost-centre" in refused.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default-tags: [team]\n", "does not say 'tags' alone"),
        ("default-tags: {tags: {team: a}, effect: warn}\n", "does not say 'tags' alone"),
        ("default-tags: {tags: {team: 7}}\n", "7"),
        (f"default-tags: {{tags: {{{'k' * 128}: a}}}}\n", "128"),
        ('required-tags: {tags: {team: "[a-z]+"}}\ndefault-tags: {tags: {team: "7"}}\n', "'7' is no team"),
    ],
)
def test_default_tags_that_aws_or_the_policy_itself_would_refuse_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "policy.yaml").write_text(text)

    with pytest.raises(FileRefusedError) as refused:
        read_policy(tmp_path / "policy.yaml", set(), Session().get_service_model("codebuild"))

    assert message in refused.value.problems[0].message
    assert refused.value.problems[0].line == text.count("\n")


def test_a_policy_without_defaults_gives_nothing() -> None:
    assert Policy().default_tags == ()
