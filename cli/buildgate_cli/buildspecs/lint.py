"""Lints one buildspec: everything that CodeBuild refuses, and what silently does something else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildgate_cli.buildspecs import templated, tree
from buildgate_cli.buildspecs.check_commands import check_commands
from buildgate_cli.buildspecs.check_values import check_runtimes, check_values
from buildgate_cli.buildspecs.context import Context
from buildgate_cli.buildspecs.findings import Finding, Gathered, has_errors
from buildgate_cli.buildspecs.model import BuildspecError
from buildgate_cli.buildspecs.reading import read
from buildgate_cli.buildspecs.rules.rule import severity_of

_IGNORE = re.compile(r"\bbuildgate:[ \t]*ignore\b((?:[ \t,]*BS\d{3})*)")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the linter may know beyond the file: the build image, and whether the project is privileged."""

    image: str | None = None
    privileged: bool | None = None


_UNKNOWN = Surroundings()


def lint(source: str | bytes, *, file: str = "buildspec.yml", surroundings: Surroundings = _UNKNOWN) -> list[Finding]:
    """Return the findings of one buildspec in the order of the file; never raises on any content.

    A comment `# buildgate: ignore BS306` silences a code on its own line, or, on a line of its own, on the next one.
    A file that is plainly a template has one finding, BS901.
    """
    found = Gathered(file)
    try:
        text = tree.decode(source) if isinstance(source, bytes) else source
    except BuildspecError as error:
        _not_yaml(found, error)
        return found.findings()
    _lint_text(text, found, surroundings)
    findings = found.findings()
    template = templated.template_line(text, is_refused=has_errors(findings))
    if template is not None:
        message = "a template, not a buildspec; nothing else was checked"
        return [Finding(file, template, 1, "BS901", severity_of("BS901"), message, "Lint the rendered file.")]
    return _without_ignored(findings, text) if "buildgate:" in text else findings


def _lint_text(text: str, found: Gathered, surroundings: Surroundings) -> None:
    try:
        document = tree.parse(text)
    except BuildspecError as error:
        _not_yaml(found, error)
        return
    context = Context(found)
    spec = read(context, document)
    check_values(context, spec)
    check_runtimes(context, surroundings.image)
    check_commands(context, spec, privileged=surroundings.privileged)
    if spec.version == "0.1" and context.places.version is not None:
        fix = "Write `version: 0.2`, and check commands that rely on a fresh shell."
        found.add("BS903", context.places.version, "version 0.1 runs each command in a shell of its own", fix=fix)


_NOT_YAML = {
    "cannot start any token": "Use spaces for indentation; quote a text that begins with @, ` or %.",
    "tab character": "Use spaces for indentation.",
    "UTF-8": "Save the file as UTF-8.",
    "contains itself": "Let the alias name another part of the file.",
    "unexpected end of stream": "Close what is open: a quote, a bracket or a brace.",
    "": "Look at that line and the one above: indentation, a text with `: ` that needs quotes, a bracket left open.",
}
"""The way out, by a part of what the YAML parser says."""


def _not_yaml(found: Gathered, error: BuildspecError) -> None:
    fix = next((way for part, way in _NOT_YAML.items() if part in error.message), _NOT_YAML[""])
    found.add_at("BS101", error.line or 1, error.column or 1, f"not YAML: {error.message}", fix=fix)


def _without_ignored(findings: list[Finding], text: str) -> list[Finding]:
    silenced: dict[int, set[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _IGNORE.search(line) if "buildgate:" in line else None
        if match and "#" in line[: match.start()]:
            codes = set(re.findall(r"BS\d{3}", match[1]))
            at = number + 1 if line.lstrip().startswith("#") else number
            silenced.setdefault(at, set()).update(codes or {"*"})
    return [one for one in findings if one.severity == "error" or not silenced.get(one.line, set()) & {one.code, "*"}]
