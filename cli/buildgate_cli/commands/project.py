"""`buildgate project`: CodeBuild projects from files: created or changed only where they differ."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from buildgate_cli import cloud_context, completion
from buildgate_cli.commands import project_keeping, project_validate
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import ago, safe
from buildgate_cli.output import console, note, print_facts, print_json, print_table, say
from buildgate_cli.source_files import FileRefusedError, print_problems, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.project_file import Change, ProjectFile
    from buildgate_cli.projects.model import Variable

app = typer.Typer(help="Create and change CodeBuild projects from files.", no_args_is_help=True)

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
    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    projects = _read_all(files, client.meta.service_model)
    _hold_to(files, policy)
    answers = [_apply_one(cloud, client, file, dry_run=dry_run, is_quiet=as_json) for file in projects]
    if as_json:
        print_json({"projects": answers})


@app.command("list")
def list_projects(as_json: Json = False) -> None:
    """List the projects."""
    rows = list(_projects(cloud_context.current().client("codebuild")))
    if as_json:
        print_json({"projects": rows})
        return
    now = datetime.now(UTC)
    cells = [
        [
            row["name"],
            f"{row['source']['type']} {row['source'].get('location', '')}".strip(),
            row["environment"].get("image", "-"),
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
    client = cloud_context.current().client("codebuild")
    found = _found(client, name)
    if found is None:
        raise UserError(f"There is no project {name}.", "See `buildgate project list`.", ExitCode.REFUSED)
    if as_json:
        print_json(found)
        return
    if as_yaml:
        from buildgate_cli.projects.keeping import as_file, to_yaml  # noqa: PLC0415  # only where a file is written

        typer.echo(to_yaml(as_file(client, found)), nl=False)
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
    found = _found(client, name)
    if found is None:
        raise UserError(f"There is no project {name}.", "See `buildgate project list`.", ExitCode.REFUSED)
    from buildgate_cli.projects import extras  # noqa: PLC0415  # only where something beside a project changes

    beside = extras.removal(cloud, found, list(_projects(client)))
    for step in beside:
        note(f"  {step.what}")
    if not yes:
        typer.confirm(f"Delete project {name} of {cloud.stack}?", abort=True, err=True)
    groups = _groups_of(client, name) if with_reports else []
    for step in beside:
        step.call()
    client.delete_project(name=name)
    for arn in groups:
        client.delete_report_group(arn=arn, deleteReports=True)
    say(f"deleted {name}" + (f" and {len(groups)} report groups" if groups else ""), "yellow")


def _hold_to(files: list[Path], policy: Path | None) -> None:
    """Show what rules and policy say of the files; UserError when one is refused."""
    from buildgate_cli.output import errors  # noqa: PLC0415
    from buildgate_cli.projects.validate import findings_in  # noqa: PLC0415

    standards = project_validate.standards_of(policy)
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
        raise refused[0]
    names = [file.name for file in read]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise UserError(f"Two files describe the project {double}.", "Give each project one file.", ExitCode.REFUSED)
    return read


def _apply_one(cloud: CloudContext, client: Any, file: ProjectFile, *, dry_run: bool, is_quiet: bool) -> dict[str, Any]:
    from buildgate_cli.project_file import as_created, changes, completed  # noqa: PLC0415  # as above
    from buildgate_cli.projects import extras  # noqa: PLC0415
    from buildgate_cli.projects.inline import inlined  # noqa: PLC0415

    before = _found(client, file.name)
    wanted = completed(file, cloud)
    spec = inlined(cloud, wanted, before)
    if spec.buildspec is not None:
        wanted["source"] = {**wanted["source"], "buildspec": spec.buildspec}
    wanted["tags"] = [*wanted["tags"], *extras.beside_tag(file, before)]
    steps = extras.plan(cloud, file, before)
    beside = _apply_credentials(cloud, client, file, wanted, found=before, dry_run=dry_run)
    known = None if before is None else {**before, **as_created(before, client.meta.service_model)}
    differing = changes(known, wanted)
    if differing and not dry_run:
        call = client.create_project if before is None else client.update_project
        call(**wanted)
    groups = _apply_groups(cloud, client, file, dry_run=dry_run)
    for step in steps if not dry_run else ():
        step.call()
    beside += [step.what for step in steps]
    word = "created" if before is None else "updated" if differing else "unchanged"
    if not is_quiet:
        _print_changes(file.name, word, differing, groups, dry_run=dry_run)
        for what in beside:
            note(f"  {what}{' (would be)' if dry_run else ''}")
        if spec.said is not None:
            note(f"  {spec.said}")
    fields = [{"field": one.field, "before": one.before, "after": one.after} for one in differing]
    answer = {"name": file.name, "outcome": word, "dry_run": dry_run, "changes": fields, "report_groups": groups}
    return {**answer, "beside": beside, "buildspec": spec.said}


def _apply_credentials(
    cloud: CloudContext,
    client: Any,
    file: ProjectFile,
    wanted: dict[str, Any],
    *,
    found: dict[str, Any] | None,
    dry_run: bool,
) -> list[str]:
    """Import the source credentials that a file asks for, and let the project's tags hold on to them.

    Credentials that somebody else imported are used, not held: they do not go with the last project.
    """
    from buildgate_cli.projects import extras  # noqa: PLC0415

    asked = file.extras.get("sourceCredentials")
    if not asked:
        held = [] if "sourceCredentials" in file.extras else extras.held_credentials(found)
        wanted["tags"] = [*wanted["tags"], *held]
        return []
    steps = extras.plan_credentials(cloud, asked)
    for step in steps if not dry_run else ():
        step.call()
    tag = extras.credentials_tag(cloud, asked)
    if tag is not None and (steps or any(extras.tag_of(one, tag["key"]) == tag["value"] for one in _projects(client))):
        wanted["tags"] = [*wanted["tags"], tag]
    return [step.what for step in steps]


def _apply_groups(cloud: CloudContext, client: Any, file: ProjectFile, *, dry_run: bool) -> list[str]:
    """Create the file's report groups that do not exist yet, and return their names."""
    if not file.groups:
        return []
    known = set(_group_names(client))
    made = []
    for group in file.groups:
        name = f"{file.name}-{group.name}"
        if name in known:
            continue
        if not dry_run:
            client.create_report_group(name=name, type=group.type, exportConfig=_export(cloud, file), tags=[_managed()])
        made.append(name)
    return made


def _export(cloud: CloudContext, file: ProjectFile) -> dict[str, Any]:
    if cloud.report_bucket is None:
        return {"exportConfigType": "NO_EXPORT"}
    destination = {"bucket": cloud.report_bucket, "path": f"reports/{file.name}", "packaging": "NONE"}
    return {"exportConfigType": "S3", "s3Destination": destination}


def _managed() -> dict[str, str]:
    from buildgate_cli.project_file import MANAGED_TAG  # noqa: PLC0415  # as above

    return dict(MANAGED_TAG)


def _group_names(client: Any) -> Iterator[str]:
    for arn in _group_arns(client):
        yield arn.rsplit("/", 1)[-1]


def _group_arns(client: Any) -> Iterator[str]:
    token: dict[str, str] = {}
    while True:
        page = client.list_report_groups(**token)
        yield from page.get("reportGroups", [])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def _groups_of(client: Any, project: str) -> list[str]:
    """Return the ARNs of the report groups that Buildgate made for a project."""
    from buildgate_cli.project_file import MANAGED_TAG  # noqa: PLC0415  # as above

    named = [arn for arn in _group_arns(client) if arn.rsplit("/", 1)[-1].startswith(f"{project}-")]
    found = client.batch_get_report_groups(reportGroupArns=named[:100])["reportGroups"] if named else []
    return [one["arn"] for one in found if MANAGED_TAG in one.get("tags", [])]


def _found(client: Any, name: str) -> dict[str, Any] | None:
    found = client.batch_get_projects(names=[name])["projects"]
    return found[0] if found else None


def _projects(client: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_projects").paginate(sortBy="NAME", sortOrder="ASCENDING"):
        if page["projects"]:
            yield from client.batch_get_projects(names=page["projects"])["projects"]


def _print_changes(name: str, word: str, differing: list[Change], groups: list[str], *, dry_run: bool) -> None:
    would = "would be " if dry_run and word != "unchanged" else ""
    say(f"{name}: {would}{word}", {"created": "green", "updated": "yellow"}.get(word, "dim"))
    for change in differing:
        if word == "updated":
            line = Text(f"  {change.field}: ")
            line.append(_short(change.before), style="red")
            line.append(" -> ")
            line.append(_short(change.after), style="green")
            console.print(line)
    for group in groups:
        note(f"  report group {group} {'would be ' if dry_run else ''}created")


def _print_project(found: dict[str, Any]) -> None:
    from buildgate_cli.projects.model import Project  # noqa: PLC0415  # only where one is shown

    project = Project.from_data(found)
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
            ("timeout", f"{project.timeout_in_minutes or 60} min"),
            ("role", project.service_role),
            ("tags", ", ".join(f"{tag.key}={tag.value}" for tag in project.tags or ()) or None),
            ("changed", ago(_iso(found.get("lastModified")), datetime.now(UTC))),
        ]
    )


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
