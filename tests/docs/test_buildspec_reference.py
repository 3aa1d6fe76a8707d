"""The rule reference is the registry's, and the how-to is true."""

import re
from pathlib import Path

import yaml

from buildgate_cli.buildspecs.generate import generate
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.buildspecs.reference import markdown
from buildgate_cli.commands.buildspec import app

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "buildspec-rules.md"


def test_rule_reference_is_current() -> None:
    assert PAGE.read_text("utf-8") == markdown(), (
        "run `buildgate buildspec rules --markdown > docs/reference/buildspec-rules.md`"
    )


def blocks(page: str, language: str) -> list[str]:
    text = (PAGE.parents[1] / "how-to" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_declaration_of_the_how_to_makes_a_clean_buildspec() -> None:
    (declaration, _schema_comment) = blocks("buildspecs.md", "yaml")

    assert lint(generate(yaml.safe_load(declaration))) == []


def test_commands_of_the_how_to_exist() -> None:
    used = set(re.findall(r"buildgate buildspec ([a-z]+)", "\n".join(blocks("buildspecs.md", "console"))))

    assert used == {"new", "lint", "fix", "generate"}
    assert used <= {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
