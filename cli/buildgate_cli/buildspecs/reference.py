"""The rule reference, `docs/reference/buildspec-rules.md`, written from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate_cli.buildspecs.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.buildspecs.rules import Rule

_HEAD = """\
# Buildspec rules

What `buildgate buildspec lint` finds. Codes are stable: a code never changes its meaning and is never used again.

- **error** (`BS1xx`): CodeBuild refuses the file before any command runs.
- **warning** (`BS2xx` keys, `BS3xx` values, `BS4xx` commands): the file runs, but does not do what it seems to say.
- **info** (`BS9xx`): worth knowing.

A comment `# buildgate: ignore BS306` silences a warning or remark on its line, or on the next one when it stands alone.
This page is written by `buildgate buildspec rules --markdown`.

| code | severity | what |
| --- | --- | --- |
"""


def markdown() -> str:
    """Return the whole page."""
    rows = "".join(f"| [{one.code}](#{one.code.lower()}) | {one.severity} | {one.title} |\n" for one in RULES.values())
    return _HEAD + rows + "\n" + "\n".join(section(rule) for rule in RULES.values())


def section(rule: Rule) -> str:
    """Return what the page says about one rule."""
    return "\n".join(_lines(rule)) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"## {rule.code}"
    yield ""
    yield f"**{rule.title}** ({rule.severity}). {rule.why}"
    yield ""
    yield from _example("Fails", rule.failing, rule.options)
    yield from _example("Fixed", rule.fixed, rule.fixed_options)


def _example(word: str, text: str, options: tuple[str, ...]) -> Iterator[str]:
    yield f"{word} with `{' '.join(options)}`:" if options else f"{word}:"
    yield ""
    yield "```yaml"
    yield text.rstrip("\n")
    yield "```"
    yield ""
