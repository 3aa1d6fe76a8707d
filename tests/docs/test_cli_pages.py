"""The pages about the command line and the pipeline file say what the code does."""

import re
from pathlib import Path

import pytest
import yaml
from botocore.session import Session

from buildgate.inbound import pipeline_file
from buildgate.inbound.pipeline_models import MODELS, keys_of
from buildgate_cli import main, reference
from buildgate_cli.errors import ExitCode
from buildgate_cli.project_file import read_project

ROOT = Path(__file__).parents[2]
PIPELINE_PAGE = (ROOT / "docs/reference/pipeline-file.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", [reference.PAGE, reference.SCHEMA])
def test_the_generated_reference_is_current(place: str) -> None:
    assert (ROOT / place).read_text(encoding="utf-8") == reference.pages()[place], "run `make docs`"


def test_every_noun_and_exit_code_is_in_the_reference() -> None:
    page = reference.text()

    for noun in main.NOUNS:
        assert f"## buildgate {noun}\n" in page
    for code in ExitCode:
        assert f"| {int(code)} | " in page


def test_the_example_of_the_pipeline_file_is_valid() -> None:
    example = re.search(r"```yaml\n(.*?)```", PIPELINE_PAGE, re.DOTALL)

    assert example is not None
    assert pipeline_file.parse(yaml.safe_load(example[1])).name == "shop"


def test_the_example_of_the_project_file_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs/reference/project-file.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    (tmp_path / "project.yaml").write_text(example[1])

    project = read_project(tmp_path / "project.yaml", Session().get_service_model("codebuild"))

    assert [group.name for group in project.project.report_groups or ()] == ["tests", "coverage"]


@pytest.mark.parametrize("path", [(), ("triggers",), ("stages",), ("stages", "builds"), ("stages", "approval")])
def test_the_tables_list_each_key_once_and_no_other(path: tuple[str, ...]) -> None:
    headings = {
        (): "The pipeline",
        ("triggers",): "A trigger",
        ("stages",): "A stage",
        ("stages", "builds"): "A build",
        ("stages", "approval"): "An approval",
    }
    section = PIPELINE_PAGE.split(f"\n## {headings[path]}\n")[1].split("\n## ")[0]

    assert sorted(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == sorted(keys_of(MODELS[path]))
