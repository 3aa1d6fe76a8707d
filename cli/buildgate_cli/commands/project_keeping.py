"""`buildgate project import`, `diff`, `clean` and `advise`: projects on AWS against files, and over time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import cloud_context, completion
from buildgate_cli.commands.project_validate import PolicyFile, standards_of
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import MICROS_PER_USD, dollars, safe
from buildgate_cli.output import console, note, print_json, print_table, say
from buildgate_cli.projects import on_aws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate_cli.project_file import Change

_KILO: Final = 1024
Name = Annotated[str, typer.Argument(help="Name of the project.", autocompletion=completion.projects)]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs.")]


def import_projects(
    names: Annotated[list[str], typer.Argument(help="Names of projects.", autocompletion=completion.projects)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for NAME.yaml files; standard output otherwise.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write projects of AWS as project files. Applying such a file changes nothing."""
    from buildgate_cli.projects.keeping import as_file, to_yaml  # noqa: PLC0415  # the SDK, only where it is used
    from buildgate_cli.projects.model import Project  # noqa: PLC0415

    if output is None and len(names) > 1:
        raise UserError("Several projects do not fit into one file.", "Name a folder with --output.")
    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    files = {name: as_file(cloud, Project.of_aws(on_aws.get(client, name))) for name in names}
    if output is None:
        typer.echo(to_yaml(files[names[0]]), nl=False)
        return
    paths = {name: output / f"{name}.yaml" for name in names}
    there = next((path for path in paths.values() if path.exists()), None)
    if there is not None and not force:
        raise UserError(f"{there} exists.", "Choose another folder, or add --force.", ExitCode.REFUSED)
    output.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        path.write_text(to_yaml(files[name]), encoding="utf-8")
        say(f"{name} -> {path}", "green")
        for remark in files[name].remarks:
            note(f"  {remark}")


def diff(
    files: Annotated[list[Path], typer.Argument(help="Project files.")],
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Show where projects on AWS have drifted from their files. Ends with 1 when one has.

    The policy's default tags count as the files' own.
    """
    from buildgate_cli.project_file import completed, read_project, with_default_tags  # noqa: PLC0415
    from buildgate_cli.projects import own_role  # noqa: PLC0415
    from buildgate_cli.projects.applying import by_policy, surroundings  # noqa: PLC0415
    from buildgate_cli.projects.keeping import drift  # noqa: PLC0415
    from buildgate_cli.projects.model import Project  # noqa: PLC0415

    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    standards, answers = standards_of(policy), []
    for path in files:
        file = with_default_tags(read_project(path, client.meta.service_model), standards.policy)
        data = on_aws.find(client, file.name)
        found = Project.of_aws(data) if data else None
        roles = own_role.planned(cloud, completed(file, cloud), found)
        differing = by_policy(file, drift(client, file, roles.project, found))
        stands = surroundings(cloud, file, found)
        beside = [*(step.what for step in roles.steps), *stands.would]
        is_drifted = bool(differing or beside or stands.remarks)
        if not as_json:
            _print_drift(file.name, differing, beside, stands.remarks)
        fields = [
            {"field": one.field, "aws": one.before, "file": one.after, **({"by": one.by} if one.by else {})}
            for one in differing
        ]
        said = {"fields": fields, "beside": beside, "remarks": [*stands.remarks]}
        answers.append({"name": file.name, "drifted": is_drifted, **said})
    if as_json:
        print_json({"projects": answers})
    if any(answer["drifted"] for answer in answers):
        raise typer.Exit(ExitCode.REFUSED)


def clean(
    name: Name,
    older_than: Annotated[str, typer.Option("--older-than", help="Age: 90d, 12w, 6m.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the figures, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a project's old builds, reports, artifacts and cache; shows what they hold and cost first, and asks."""
    from buildgate_cli.projects import cleaning  # noqa: PLC0415
    from buildgate_cli.projects.model import Project  # noqa: PLC0415

    cloud = cloud_context.current()
    client = cloud.client("codebuild")
    project = Project.of_aws(on_aws.get(client, name))
    before = datetime.now(UTC) - cleaning.age_of(older_than)
    heaps = cleaning.heaps(cloud, project, before, [Project.of_aws(one) for one in on_aws.every(client)])
    if not as_json:
        _print_heaps(heaps, name, older_than)
    if heaps and not dry_run and not yes:
        typer.confirm("Remove all of it?", abort=True, err=True)
    kept = [line for heap in heaps for line in heap.remove()] if not dry_run else []
    if as_json:
        print_json(
            {
                "project": name,
                "before": before,
                "dry_run": dry_run,
                "removed": [h.to_data() for h in heaps],
                "kept": kept,
            }
        )
    elif heaps and not dry_run:
        say(f"removed {sum(heap.count for heap in heaps) - len(kept)} things", "yellow")
    for line in kept:
        note(f"  kept {line}")
    if kept:
        raise typer.Exit(ExitCode.REFUSED)


def advise(name: Name, as_json: Json = False) -> None:
    """Say what recent builds suggest about machine, timeout and cache, with the evidence and the saving."""
    from buildgate_cli.projects import advice  # noqa: PLC0415
    from buildgate_cli.projects.model import Project  # noqa: PLC0415

    cloud = cloud_context.current()
    project = Project.of_aws(on_aws.get(cloud.client("codebuild"), name))
    builds, used = advice.recent(cloud, name, datetime.now(UTC))
    found = advice.advise(project, builds, used)
    if as_json:
        print_json({"project": name, "builds": len(builds), "advice": [one.to_data() for one in found]})
        return
    rows = [[one.change, dollars(one.saves_micro_usd), one.evidence] for one in found]
    few = len(builds) < advice.LEAST_BUILDS
    empty = f"{len(builds)} builds are too few to say." if few else "Its builds give no reason to change anything."
    print_table(["CHANGE", "SAVES PER 100 BUILDS", "EVIDENCE"], rows, empty=empty, folds_last=True)


def _print_drift(name: str, differing: list[Change], beside: list[str], remarks: Sequence[str]) -> None:
    if not differing and not beside and not remarks:
        say(f"{name}: as in its file", "green")
        return
    say(f"{name}: drifted", "yellow")
    for change in differing:
        line = Text(f"  {change.field}: AWS has ")
        line.append(_short(change.before), style="red")
        line.append(f", the {change.by or 'file'} ")
        line.append(_short(change.after), style="green")
        console.print(line)
    for what in beside:
        say(f"  applying would: {what}")
    for what in remarks:
        say(f"  {what}")


def _print_heaps(heaps: list[Any], name: str, older_than: str) -> None:
    rows: list[list[object]] = [
        [heap.what, heap.count, _size(heap.size_bytes), dollars(heap.usd_per_month * MICROS_PER_USD)] for heap in heaps
    ]
    if len(rows) > 1:
        total, cost = sum(heap.size_bytes for heap in heaps), sum(heap.usd_per_month for heap in heaps)
        rows.append(["all", sum(heap.count for heap in heaps), _size(total), dollars(cost * MICROS_PER_USD)])
    empty = f"{name} has left nothing behind that is older than {older_than}."
    print_table(["WHAT", "COUNT", "SIZE", "COSTS A MONTH"], rows, empty=empty, right=("COUNT", "SIZE", "COSTS A MONTH"))


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < _KILO:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _KILO
    return f"{size_bytes:.1f} TiB"


def _short(value: Any) -> str:
    text = "nothing" if value is None else safe(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
