"""The tutorial shows what its commands do: the files they write, the version they name, the message they give."""

import contextlib
import re

import pytest
import yaml

from buildgate.inbound import pipeline_file
from buildgate_cli.commands import local
from cli_harness import Cli
from written_pages import ROOT

PAGE = (ROOT / "docs/tutorial/your-own-repository.md").read_text()


def block_with(words):
    """Return the page's first fenced block that holds these words."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if words in block)


@pytest.fixture
def greeter(tmp_path):
    """Return the tutorial's repository, after `buildgate init`, and what that said."""
    folder = tmp_path / "greeter"
    (folder / "tests").mkdir(parents=True)
    (folder / "greeter.py").write_text(block_with("def greet"))
    (folder / "tests/test_greeter.py").write_text(block_with("def test_names_the_person"))
    with contextlib.chdir(folder):
        said = Cli(tmp_path / "home")("init").stdout
    return folder, said


def test_init_writes_the_files_that_the_tutorial_shows(greeter):
    folder, said = greeter
    promised = block_with("$ buildgate init").splitlines()[1:]

    assert said.splitlines()[: len(promised)] == promised
    assert (folder / "pipeline.yaml").read_text().split("\n", 1)[1] == block_with("name: greeter\n")


def test_the_tutorials_version_is_the_digest_of_its_file(greeter):
    applied = pipeline_file.parse(yaml.safe_load((greeter[0] / "pipeline.yaml").read_text()))

    assert f"greeter is now at version {applied.digest[:12]}: test -> release" in PAGE


def test_a_mistake_gets_the_message_that_the_tutorial_shows(greeter, tmp_path):
    path = greeter[0] / "pipeline.yaml"
    path.write_text(path.read_text().replace("test, project:", "test, projct:"))

    with contextlib.chdir(greeter[0]):
        refused = Cli(tmp_path / "home")("pipeline", "validate", "pipeline.yaml")

    assert refused.exit_code == 1
    assert block_with("nearest: project") in refused.output


def test_the_cloud_says_where_it_is_in_the_tutorials_words(capsys):
    local._print_up({"isolation": {"says": "as you"}}, as_json=False)

    labels = [line[:26].strip() for line in capsys.readouterr().out.splitlines()]
    assert labels == [line[:26].strip() for line in block_with("The local cloud is up.").splitlines()]
