"""Lints one buildspec: everything that CodeBuild refuses, and what silently does something else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildgate_cli.buildspecs import templated, tree
from buildgate_cli.buildspecs.check_commands import check_commands
from buildgate_cli.buildspecs.check_values import check_runtimes, check_values
from buildgate_cli.buildspecs.context import Context
from buildgate_cli.buildspecs.findings import Finding, Gathered
from buildgate_cli.buildspecs.model import BuildspecError
from buildgate_cli.buildspecs.reading import read

_IGNORE = re.compile(r"#[^\n]*\bbuildgate:[ \t]*ignore\b[ \t]*((?:BS\d{3}[ \t,]*)*)")


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
    template = templated.template_line(text)
    if template is None:
        template = _lint_text(text, found, surroundings)
    if template is not None:
        message = "a template, not a buildspec; nothing else was checked"
        found.add_at("BS901", template, 1, message, fix="Lint the rendered file.")
    findings = found.findings()
    return _without_ignored(findings, text) if "buildgate:" in text else findings


def _lint_text(text: str, found: Gathered, surroundings: Surroundings) -> int | None:
    """Gather the findings of a text; a line number means that the text is no YAML, but a template, from that line."""
    try:
        document = tree.parse(text)
    except BuildspecError as error:
        if templated.may_be_template(text):
            return templated.first_mark(text)
        _not_yaml(found, error)
        return None
    context = Context(found)
    spec = read(context, document)
    check_values(context, spec)
    check_runtimes(context, surroundings.image)
    check_commands(context, spec, privileged=surroundings.privileged)
    if spec.version == "0.1" and context.places.version is not None:
        fix = "Write `version: 0.2`, and check commands that rely on a fresh shell."
        found.add("BS903", context.places.version, "version 0.1 runs each command in a shell of its own", fix=fix)
    return None


def _not_yaml(found: Gathered, error: BuildspecError) -> None:
    fix = "Use spaces for indentation." if "cannot start any token" in error.message else ""
    found.add_at("BS101", error.line or 1, error.column or 1, f"not YAML: {error.message}", fix=fix)


def _without_ignored(findings: list[Finding], text: str) -> list[Finding]:
    silenced: dict[int, set[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _IGNORE.search(line)
        if match:
            codes = set(re.findall(r"BS\d{3}", match[1]))
            at = number + 1 if line.lstrip().startswith("#") else number
            silenced.setdefault(at, set()).update(codes or {"*"})
    return [one for one in findings if one.severity == "error" or not silenced.get(one.line, set()) & {one.code, "*"}]
