"""The pages about builds and projects: their files are valid, their commands and options exist."""

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import Session

from buildgate_cli import main
from buildgate_cli.buildspecs import load
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.local.codebuild.tasks import tasks_of
from buildgate_cli.project_file import read_project
from buildgate_cli.projects import Project, catalogue
from buildgate_cli.projects import policy as policies
from buildgate_cli.projects.policy import read_policy
from buildgate_cli.projects.validate import Standards, findings_of

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs/how-to"
PAGES = ("builds.md", "projects.md", "clean-up.md", "project-policy.md")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (HOW_TO / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ buildgate ")]


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_pages_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = main.load(words.pop(0))
    while getattr(command, "commands", None):
        command = command.commands[words.pop(0)]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}

    assert {word for word in words if word.startswith("-")} <= known


def test_the_project_of_the_page_is_valid_and_nothing_grave_is_found(tmp_path: Path) -> None:
    (text,) = blocks("projects.md", "yaml")
    (tmp_path / "project.yaml").write_text(text)
    model = Session().get_service_model("codebuild")

    assert read_project(tmp_path / "project.yaml", model).project.buildspec is not None
    found = findings_of(Standards(model, catalogue.OWN, policies.Policy()), yaml.safe_load(text), "p")
    assert [one.code for one in found if one.severity != "info"] == []


def test_the_batch_of_the_page_is_three_builds_that_its_project_may_start(tmp_path: Path) -> None:
    spec, text = blocks("builds.md", "yaml")
    (tmp_path / "project.yaml").write_text(text)
    model = Session().get_service_model("codebuild")

    assert [task.identifier for task in tasks_of(load(spec).batch)] == ["linux", "windows", "checksums"]
    assert lint(spec) == []
    assert read_project(tmp_path / "project.yaml", model).project.build_batch_config is not None
    found = findings_of(Standards(model, catalogue.OWN, policies.Policy()), yaml.safe_load(text), "p")
    assert found == []


@pytest.mark.parametrize(
    "text",
    [*blocks("project-policy.md", "yaml"), re.findall(r"```yaml\n(.*?)```", policies.__doc__ or "", re.DOTALL)[0]],
)
def test_the_policies_of_page_and_module_are_valid_and_use_every_section(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)

    policy = read_policy(
        tmp_path / "policy.yaml", {rule.code for rule in catalogue.OWN}, Session().get_service_model("codebuild")
    )

    assert set(policy.sections) == set(policies.CODES)
    assert policy.default_tags


def test_the_rule_of_the_page_works(tmp_path: Path) -> None:
    (code,) = blocks("project-policy.md", "python")
    (tmp_path / "our_rules.py").write_text(code)
    spec = importlib.util.spec_from_file_location("our_rules", tmp_path / "our_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert len(list(module.RULE.check(Project.fitting({})))) == 1
    assert list(module.RULE.check(Project.fitting({"description": "Unit tests"}))) == []
    assert module.RULE.severity == "warning"


def test_the_entry_point_group_of_the_page_is_the_one_that_is_read() -> None:
    (toml,) = blocks("project-policy.md", "toml")

    assert f'"{catalogue.ENTRY_POINT_GROUP}"' in toml
