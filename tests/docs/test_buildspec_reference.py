"""The rule reference is the registry's."""

from pathlib import Path

from buildgate_cli.buildspecs.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "buildspec-rules.md"


def test_rule_reference_is_current() -> None:
    assert PAGE.read_text("utf-8") == markdown(), (
        "run `buildgate buildspec rules --markdown > docs/reference/buildspec-rules.md`"
    )
