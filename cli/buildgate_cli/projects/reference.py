"""The reference of project rules, `docs/reference/project-rules.md`, written from the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate_cli.projects.catalogue import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.projects.rule import Rule

PAGE: Final = "docs/reference/project-rules.md"
_HEAD: Final = """\
# Project rules

What `buildgate project validate` finds in a project file, or with `--project` in a project on AWS. Codes are stable: a
code never changes its meaning and is never used again.

- **error** (`PR1xx`): CodeBuild refuses the project, or never starts its builds.
- **warning** (`PR2xx` security, `PR3xx` waste and surprises): it works, but should not stay so.
- **info** (`PR9xx`): worth knowing.

`PR100` is what does not fit the service model of the installed SDK: keys, types, enumerations, lengths, patterns, ranges.
A policy file makes single rules `deny` (an error), `warn`, or `off`. `PR199` is a rule of an installed package that
failed. Written by `python -m buildgate_cli.reference`.

| code | severity | what |
| --- | --- | --- |
"""


def pages() -> dict[str, str]:
    """Return the page by its path from the top of the repository."""
    rows = "".join(f"| [{one.code}](#{one.code.lower()}) | {one.severity} | {one.title} |\n" for one in OWN)
    return {PAGE: _HEAD + rows + "\n" + "\n".join("\n".join(_section(rule)) for rule in OWN).rstrip() + "\n"}


def _section(rule: Rule) -> Iterator[str]:
    yield from (f"## {rule.code}", "", f"**{rule.title}** ({rule.severity}). {rule.why}", "")
    for word, text in (("Found in", rule.failing), ("Not in", rule.fixed)):
        if text:
            yield from (f"{word}:", "", "```yaml", text, "```", "")
