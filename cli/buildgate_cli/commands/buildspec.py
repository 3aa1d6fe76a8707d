"""`buildgate buildspec`: lint, fix, generate and start the files that tell CodeBuild what to run."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from buildgate_cli.buildspecs.findings import has_errors, has_warnings
from buildgate_cli.buildspecs.lint import Surroundings, lint
from buildgate_cli.buildspecs.targets import Source, sources
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.output import console, note, print_json, print_table, say

if TYPE_CHECKING:
    from buildgate_cli.buildspecs.findings import Finding

app = typer.Typer(help="Lint, generate and start buildspecs.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]
_STYLES = {"error": "red", "warning": "yellow", "info": "cyan"}


@app.command("lint")
def lint_files(
    files: Annotated[
        list[str], typer.Argument(help="Files, folders, globs, or - for standard input.", metavar="FILE...")
    ],
    as_json: Json = False,
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with code 4 when there are warnings.")] = False,
    image: Annotated[str | None, typer.Option(help="Build image, to check runtime versions against.")] = None,
    privileged: Annotated[
        bool | None, typer.Option("--privileged/--no-privileged", help="Whether the project runs privileged.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Code to leave out; may be repeated.")] = None,
) -> None:
    """Find what CodeBuild refuses, and what silently does something else.

    Ends with 0 when nothing is refused, 1 when something is, 4 with --strict when there are warnings.
    """
    if as_json and sarif:
        raise UserError("--json and --sarif exclude each other.", "Choose one.")
    surroundings = Surroundings(_known_image(image), privileged)
    ignored = _known_codes(ignore or [])
    count = 0
    findings: list[Finding] = []
    for source in sources(files):
        count += 1
        findings.extend(
            one for one in lint(source.data, file=source.name, surroundings=surroundings) if one.code not in ignored
        )
    _print_findings(findings, count, as_json=as_json, sarif=sarif)
    if has_errors(findings):
        raise typer.Exit(ExitCode.REFUSED)
    if strict and has_warnings(findings):
        raise typer.Exit(ExitCode.WARNED)


def _known_image(image: str | None) -> str | None:
    from buildgate_cli.buildspecs import runtimes  # noqa: PLC0415 - reads the data file only when asked for

    if image is not None and image.startswith("aws/codebuild/") and runtimes.versions("python", image) is None:
        raise UserError(f"The image {image} is not known.", f"Known are {', '.join(runtimes.images())}.")
    return image


def _known_codes(codes: list[str]) -> frozenset[str]:
    from buildgate_cli.buildspecs.rules import RULES  # noqa: PLC0415 - the examples are needed by few commands

    found = {code.upper() for code in codes}
    for code in sorted(found - set(RULES)):
        raise UserError(f"There is no rule {code}.", "See `buildgate buildspec rules`.")
    return frozenset(found)


def _print_findings(findings: list[Finding], count: int, *, as_json: bool, sarif: bool) -> None:
    if as_json:
        print_json([finding.to_data() for finding in findings])
        return
    if sarif:
        from buildgate_cli.buildspecs.sarif import to_sarif  # noqa: PLC0415 - needed by this form only

        print_json(to_sarif(findings))
        return
    for finding in findings:
        _print_finding(finding)
    note(_summary(findings, count))


def _print_finding(finding: Finding) -> None:
    place = f"{finding.file}:{finding.line}:{finding.column}:"
    lines = [f"{place} {finding.severity} {finding.code} {finding.message}"]
    if finding.fix:
        lines.append(f"    -> {finding.fix}")
    if not console.is_terminal:
        sys.stdout.write("\n".join(lines) + "\n")
        return
    text = Text(f"{place} ", style="bold")
    text.append(f"{finding.severity} {finding.code}", style=_STYLES[finding.severity])
    text.append(f" {finding.message}", style="not bold")
    console.print(text)
    for line in lines[1:]:
        console.print(Text(line, style="dim"))


def _summary(findings: list[Finding], count: int) -> str:
    kinds: Counter[str] = Counter(finding.severity for finding in findings)
    said = [f"{kinds[one]} {one}{'s' if kinds[one] != 1 and one != 'info' else ''}" for one in _STYLES if kinds[one]]
    return f"{count} file{'s' if count != 1 else ''}: {', '.join(said) or 'nothing found'}."


@app.command()
def rules(
    code: Annotated[str | None, typer.Argument(help="One code, to see it in full with its examples.")] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page.")] = False,
) -> None:
    """List the lint rules, or explain one."""
    from buildgate_cli.buildspecs import reference  # noqa: PLC0415 - the examples are needed by few commands
    from buildgate_cli.buildspecs.rules import RULES  # noqa: PLC0415

    chosen = list(RULES.values()) if code is None else [RULES[one] for one in _known_codes([code])]
    if markdown:
        sys.stdout.write(reference.markdown())
    elif as_json:
        keys = ("code", "severity", "title", "why", "failing", "fixed")
        print_json([{key: getattr(rule, key) for key in keys} for rule in chosen])
    elif code is not None:
        say(reference.section(chosen[0]).rstrip())
    else:
        rows = [[rule.code, Text(rule.severity, style=_STYLES[rule.severity]), rule.title] for rule in chosen]
        print_table(["CODE", "SEVERITY", "RULE"], rows, empty="There are no rules.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of buildspecs, for editors."""
    from buildgate_cli.buildspecs import schema as buildspec_schema  # noqa: PLC0415 - loads the API model

    print_json(buildspec_schema.schema())


Output = Annotated[str, typer.Option("--output", "-o", help="File to write; - is standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file.")]


@app.command()
def new(
    template: Annotated[str | None, typer.Option("--template", "-t", help="Which starter; see --list.")] = None,
    output: Output = "buildspec.yml",
    registry: Annotated[str, typer.Option(help="For docker: ecr, docker-hub or private.")] = "ecr",
    force: Force = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the starters.")] = False,
    as_json: Json = False,
) -> None:
    """Write a starter buildspec that lints clean."""
    from buildgate_cli.buildspecs.starters import REGISTRIES, STARTERS, starter  # noqa: PLC0415 - few commands need it

    if show_list:
        if as_json:
            print_json([{"template": name, "help": text} for name, text in STARTERS.items()])
        else:
            print_table(["TEMPLATE", "WHAT"], list(STARTERS.items()), empty="There are no starters.")
        return
    if template not in STARTERS:
        said = "Name a template." if template is None else f"There is no template {template}."
        raise UserError(said, f"Use --template with one of {', '.join(STARTERS)}.")
    if registry not in REGISTRIES:
        raise UserError(f"There is no registry kind {registry}.", f"Use one of {', '.join(REGISTRIES)}.")
    _write(output, starter(template, registry=registry), force=force)


@app.command()
def generate(
    declaration: Annotated[str, typer.Argument(help="Short declaration in YAML or JSON; - is standard input.")],
    defaults: Annotated[str | None, typer.Option(help="The organisation's defaults, in the same form.")] = None,
    output: Output = "-",
    force: Force = False,
    plain: Annotated[bool, typer.Option("--plain", help="Leave out Buildgate's own defaults.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, which CodeBuild reads too.")] = False,
) -> None:
    """Make a buildspec from a short declaration and defaults."""
    from buildgate_cli.buildspecs import generate as generator  # noqa: PLC0415 - few commands need it
    from buildgate_cli.buildspecs.declaration import read_declaration  # noqa: PLC0415
    from buildgate_cli.buildspecs.dump import dump_json  # noqa: PLC0415
    from buildgate_cli.buildspecs.load import load  # noqa: PLC0415

    organisation = None if defaults is None else read_declaration(_source(defaults))
    text = generator.generate(read_declaration(_source(declaration)), defaults=organisation, with_standard=not plain)
    _write(output, dump_json(load(text)) if as_json else text, force=force)


@app.command("fix")
def fix_files(
    files: Annotated[
        list[str], typer.Argument(help="Files, folders or globs; - prints the mended text.", metavar="FILE...")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Mend what can be mended without a doubt; comments, order and layout stay."""
    from buildgate_cli.buildspecs.mending import mend  # noqa: PLC0415 - few commands need it

    changes = [mend(source, dry_run=dry_run) for source in sources(files)]
    if as_json:
        print_json([change.to_data() for change in changes])
        return
    for change in changes:
        sys.stdout.write(change.shown)
        if change.codes:
            note(f"{change.file}: {'would mend' if dry_run else 'mended'} {', '.join(change.codes)}.")
    if not any(change.codes for change in changes):
        note("Nothing to mend.")


def _source(name: str) -> Source:
    found = list(sources([name]))
    if len(found) != 1:
        raise UserError(f"{name} names {len(found)} files; one is needed.")
    return found[0]


def _write(output: str, text: str, *, force: bool) -> None:
    if output == "-":
        sys.stdout.write(text)
        return
    path = Path(output)
    if path.exists() and not force:
        raise UserError(
            f"{output} is already there.", "Choose another --output, or --force to overwrite it.", ExitCode.REFUSED
        )
    path.write_text(text, encoding="utf-8")
    note(f"Wrote {output}.")
