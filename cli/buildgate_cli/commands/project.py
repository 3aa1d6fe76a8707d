"""`buildgate project`: CodeBuild projects from files: created or changed only where they differ."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import cloud_context, completion
from buildgate_cli.commands import project_keeping, project_validate
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import ago, dollars, safe
from buildgate_cli.output import console, note, print_facts, print_json, print_table, say
from buildgate_cli.projects import on_aws
from buildgate_cli.source_files import FileRefusedError, print_problems, read_document

if TYPE_CHECKING:
    from buildgate_cli.project_file import ProjectFile
    from buildgate_cli.projects.applying import Applied
    from buildgate_cli.projects.model import Artifacts, Project, Variable
    from buildgate_cli.projects.validate import Standards

app = typer.Typer(help="Create and change CodeBuild projects from files.", no_args_is_help=True)

_DONE: Final = re.compile(r" (created|updated|removed|imported)\b")
Files = Annotated[list[Path], typer.Argument(help="Project files: CreateProject's shape, in YAML or JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the project.", autocompletion=completion.projects)]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]


app.command()(project_validate.validate)
app.command("import")(project_keeping.import_projects)
app.command()(project_keeping.diff)
app.command()(project_keeping.clean)
app.command()(project_keeping.advise)


@app.command()
def apply(
    files: Files,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    policy: project_validate.PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Create or update projects. Every file is checked before the first call; applying twice changes nothing.

    A project that a rule calls an error, or that the policy denies, is refused; warnings are shown.
    """
    from buildgate_cli.project_file import with_default_tags  # noqa: PLC0415  # the SDK, only where it is used

    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    standards = project_validate.standards_of(policy)
    projects = [with_default_tags(file, standards.policy) for file in _read_all(files, client.meta.service_model)]
    _hold_to(standards, files)
    from buildgate_cli.projects.applying import apply as apply_one  # noqa: PLC0415

    answers = []
    for file in projects:
        applied = apply_one(cloud, file, now=datetime.now(UTC), is_dry_run=dry_run)
        answers.append(applied.to_data())
        if not as_json:
            _print_applied(applied)
    if as_json:
        print_json({"projects": answers})


@app.command("list")
def list_projects(as_json: Json = False) -> None:
    """List the projects."""
    rows = list(on_aws.every(cloud_context.current().client("codebuild")))
    if as_json:
        print_json({"projects": rows})
        return
    now = datetime.now(UTC)
    cells = [
        [
            row["name"],
            f"{row['source']['type']} {_place(row['source'])}".strip(),
            str(row["environment"].get("image", "-")).removeprefix("aws/codebuild/"),
            row["environment"].get("computeType", "-"),
            ago(_iso(row.get("lastModified")), now),
        ]
        for row in rows
    ]
    empty = "No project yet. Create one with `buildgate project apply FILE`."
    print_table(["PROJECT", "SOURCE", "IMAGE", "COMPUTE", "CHANGED"], cells, empty=empty)


@app.command()
def show(
    name: Name,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print it as a project file.")] = False,
    as_json: Json = False,
) -> None:
    """Show a project."""
    cloud = cloud_context.current()
    found = on_aws.get(cloud.client("codebuild"), name)
    if as_json:
        print_json(found)
        return
    if as_yaml:
        from buildgate_cli.projects.keeping import as_file, to_yaml  # noqa: PLC0415  # only where a file is written
        from buildgate_cli.projects.model import Project  # noqa: PLC0415

        typer.echo(to_yaml(as_file(cloud, Project.of_aws(found))), nl=False)
        return
    _print_project(found)


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    with_reports: Annotated[
        bool, typer.Option("--with-reports", help="Delete its report groups and their reports, too.")
    ] = False,
) -> None:
    """Delete a project. Its builds stay in the table."""
    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    found = on_aws.get(client, name)
    from buildgate_cli.projects import extras, groups, own_role  # noqa: PLC0415  # only where something beside a project changes
    from buildgate_cli.projects.model import Project  # noqa: PLC0415

    others = [Project.of_aws(one) for one in on_aws.every(client)]
    beside = [*extras.removal(cloud, Project.of_aws(found), others), *own_role.removal(cloud, Project.of_aws(found))]
    if not yes:
        for step in beside:
            note(f"  {_as_wish(step.what)}")
        typer.confirm(f"Delete project {name} of {cloud.stack}?", abort=True, err=True)
    grouped = [one["arn"] for one in groups.managed(client, name)] if with_reports else []
    for step in beside:
        step.call()
        if yes:
            note(f"  {step.what}")
    client.delete_project(name=name)
    for arn in grouped:
        client.delete_report_group(arn=arn, deleteReports=True)
    count = f" and {len(grouped)} report group{'s' if len(grouped) > 1 else ''}" if grouped else ""
    say(f"deleted {name}{count}", "yellow")


def _hold_to(standards: Standards, files: list[Path]) -> None:
    """Show what rules and policy say of the files; UserError when one is refused."""
    from buildgate_cli.output import errors  # noqa: PLC0415
    from buildgate_cli.projects.validate import findings_in  # noqa: PLC0415

    found = []
    for path in files:
        if str(path) == "-":
            continue  # standard input is read once, by now
        document, lines = read_document(path)
        found += [one for one in findings_in(standards, document, lines, str(path)) if one.severity != "info"]
    project_validate.print_findings(found, errors)
    refused = next((one for one in found if one.severity == "error"), None)
    if refused is not None:
        raise UserError(f"{refused.file} is refused: {refused.code}.", refused.fix or None, ExitCode.REFUSED)


def _read_all(files: list[Path], model: Any) -> list[ProjectFile]:
    """Return every file, or print the problems of all of them and refuse."""
    from buildgate_cli.project_file import read_project  # noqa: PLC0415  # only where files are read

    read, refused = [], []
    for path in files:
        try:
            read.append(read_project(path, model))
        except FileRefusedError as error:
            print_problems(error.problems)
            refused.append(error)
    if refused:
        raise UserError(refused[0].message, None, ExitCode.REFUSED)  # of all files the problems are printed by now
    names = [file.name for file in read]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise UserError(f"Two files describe the project {double}.", "Give each project one file.", ExitCode.REFUSED)
    return read


def _print_applied(applied: Applied) -> None:
    would = "would be " if applied.is_dry_run else ""
    word = applied.outcome
    said = f"{would if word != 'unchanged' else ''}{word}"
    say(f"{applied.name}: {said}", {"created": "green", "updated": "yellow"}.get(word, "dim"))
    for change in applied.changes if word == "updated" else ():
        line = Text(f"  {change.field}: ")
        line.append(_short(change.before), style="red")
        line.append(" -> ")
        line.append(_short(change.after), style="green")
        line.append(f" (by the {change.by})" if change.by else "", style="dim")
        console.print(line)
    for tag in applied.given_tags if word == "created" else ():
        note(f"  tag {tag} {'would be ' if applied.is_dry_run else ''}given by the policy")
    for group in applied.groups:
        note(f"  report group {group} {would}created")
    for what in applied.beside:
        note(f"  {_as_wish(what) if applied.is_dry_run else what}")
    if applied.said is not None:
        note(f"  {applied.said}")
    for one in applied.advice:
        saving = f", saves {dollars(one.saves_micro_usd)} per 100 builds" if one.saves_micro_usd else ""
        note(f"  advice: {one.change}{saving}; {one.evidence}")


def _as_wish(what: str) -> str:
    """Return what a step does as what it would do: its words say `... created`, `... updated: why` or the like."""
    wish = _DONE.sub(r" would be \1", what, count=1)
    return wish if wish != what else f"{what} (would be)"


def _print_project(found: dict[str, Any]) -> None:
    from buildgate_cli.projects.model import Project  # noqa: PLC0415  # only where one is shown

    project = Project.of_aws(found)
    source, environment = project.source, project.environment
    variables = ", ".join(_variable(one) for one in environment.environment_variables or ())
    print_facts(
        [
            ("project", project.name),
            ("description", project.description),
            ("source", f"{source.type} {source.location or ''}".strip()),
            ("buildspec", _buildspec(source.buildspec)),
            ("image", environment.image),
            ("compute", f"{environment.type} {environment.compute_type}"),
            ("variables", variables or None),
            ("artifacts", ", ".join(_kept(one) for _, one in project.outputs if one.type != "NO_ARTIFACTS") or None),
            ("cache", _cached(project)),
            ("timeout", f"{project.timeout_in_minutes or 60} min"),
            ("at once", project.concurrent_build_limit),
            ("retries", project.auto_retry_limit or None),
            ("webhook", _heard(project)),
            ("role", project.service_role),
            ("tags", ", ".join(f"{tag.key}={tag.value}" for tag in project.tags or ()) or None),
            ("changed", ago(_iso(found.get("lastModified")), datetime.now(UTC))),
        ]
    )


def _kept(artifacts: Artifacts) -> str:
    location = (artifacts.location or "").rpartition(":")[2]
    path = "/".join(
        part.strip("/") for part in (location, artifacts.path or "", artifacts.name or "") if part.strip("/")
    )
    return f"{artifacts.type} {path}".strip()


def _cached(project: Project) -> str | None:
    cache = project.cache
    if cache is None or cache.type == "NO_CACHE":
        return None
    return f"{cache.type} {cache.location or ', '.join(cache.modes or ())}".strip()


def _heard(project: Project) -> str | None:
    """Return what a project's webhook builds on: the events of its groups of filters."""
    if project.webhook is None:
        return None
    filters = [one for group in project.webhook.filter_groups or () for one in group]
    events = dict.fromkeys(one.pattern for one in filters if one.type == "EVENT")
    return "; ".join(events) or project.webhook.branch_filter or "any push"


def _place(source: dict[str, Any]) -> str:
    """Return where a source is, in short: of CodeCommit the repository's name, of others the address without its scheme."""
    location = str(source.get("location", ""))
    if source["type"] == "CODECOMMIT":
        return location.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return location.removeprefix("https://").removesuffix(".git")


def _buildspec(text: str | None) -> str:
    lines = (text or "buildspec.yml").splitlines()
    return lines[0] if len(lines) == 1 else f"inline, {len(lines)} lines"


def _variable(variable: Variable) -> str:
    """Return a variable as shown: where it comes from, or its value (which is stored in the clear on AWS)."""
    kind = variable.type or "PLAINTEXT"
    return f"{variable.name}={variable.value}" if kind == "PLAINTEXT" else f"{variable.name} ({kind})"


def _iso(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None


def _short(value: Any) -> str:
    text = "(absent)" if value is None else safe(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
