"""`buildgate project validate`: projects held to the API's model, to rules, and to a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from buildgate_cli import cloud_context, completion
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import console, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildgate_cli.projects.role import RoleFacts
    from buildgate_cli.projects.validate import Finding, Standards

_COLOURS: Final = {"error": "red", "warning": "yellow", "info": "cyan"}
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file: allowed images, required tags ...", envvar="BUILDGATE_PROJECT_POLICY"),
]


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Project files, YAML or JSON; - is standard input.")
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option("--project", "-p", help="Project on AWS, as it is now.", autocompletion=completion.projects),
    ] = None,
    policy: PolicyFile = None,
    role: Annotated[bool, typer.Option("--role", help="Read the service role's policies from IAM, too.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 4 when there are warnings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of findings for programs.")] = False,
) -> None:
    """Check projects: files, or projects on AWS. Ends with 1 when something is refused or denied.

    Files are checked without a cloud; --project and --role ask the one in use.
    """
    if not files and not project:
        raise UserError("Name files, or projects on AWS with --project.", "buildgate project validate project.yaml")
    standards = standards_of(policy)
    found = [one for path in files or () for one in _of_file(standards, path, with_role=role)]
    found += [one for name in project or () for one in _of_aws(standards, name, with_role=role)]
    if as_json:
        print_json([one.to_data() for one in found])
    else:
        print_findings(found)
        say(_summary(found, len(files or ()) + len(project or ())))
    severities = {one.severity for one in found}
    if "error" in severities:
        raise typer.Exit(ExitCode.REFUSED)
    if strict and "warning" in severities:
        raise typer.Exit(ExitCode.WARNED)


def standards_of(policy: Path | None) -> Standards:
    """Return the rules of this installation with a policy file's."""
    from botocore.session import Session  # noqa: PLC0415  # the SDK's models, only where projects are checked

    from buildgate_cli.projects.policy import read_policy  # noqa: PLC0415
    from buildgate_cli.projects.validate import Standards  # noqa: PLC0415

    plain = Standards.of(Session().get_service_model("codebuild"))
    if policy is None:
        return plain
    known = {rule.code for rule in plain.rules}
    return Standards(plain.model, plain.rules, read_policy(policy, known, plain.model))


def _of_file(standards: Standards, path: Path, *, with_role: bool) -> list[Finding]:
    from buildgate_cli.projects.validate import findings_in  # noqa: PLC0415
    from buildgate_cli.source_files import read_document  # noqa: PLC0415

    if str(path) != "-" and not path.suffix and not path.exists():
        raise UserError(f"There is no file {path}.", f"A project on AWS is named with --project {path}.")
    document, lines = read_document(path)
    role = document.data.get("serviceRole") if isinstance(document.data, dict) else None
    return findings_in(standards, document, lines, str(path), _role_facts(role if with_role else None))


def _of_aws(standards: Standards, name: str, *, with_role: bool) -> list[Finding]:
    from buildgate_cli.project_file import as_created  # noqa: PLC0415
    from buildgate_cli.projects import on_aws  # noqa: PLC0415
    from buildgate_cli.projects.model import Project  # noqa: PLC0415
    from buildgate_cli.projects.validate import findings_of  # noqa: PLC0415

    client = cloud_context.current().client("codebuild")
    project = Project.of_aws(on_aws.get(client, name))
    data = as_created(project, client.meta.service_model)
    seen = {"projectVisibility": project.project_visibility, "webhook": project.webhook and project.webhook.to_data()}
    data |= {key: value for key, value in seen.items() if value}
    return findings_of(standards, data, name, _role_facts(data.get("serviceRole") if with_role else None))


def _role_facts(role: Any) -> RoleFacts:
    from buildgate_cli.projects.role import NOT_LOOKED, facts_of  # noqa: PLC0415

    if not isinstance(role, str) or ":role/" not in role:
        return NOT_LOOKED
    return facts_of(cloud_context.current().client("iam"), role)


def print_findings(findings: Sequence[Finding], to: Any = console) -> None:
    """Print findings as compilers do: place, severity, code and message, then the way out."""
    for one in findings:
        place = f"{one.file}:{one.line}:{one.column}: " if one.line else f"{one.file}: "
        head = Text(safe(place), style="bold")
        head.append(f"{one.severity} {one.code}", style=_COLOURS[one.severity])
        head.append(f" {safe(one.field)}:" if one.field else "", style="not bold dim")
        head.append(f" {safe(one.message)}", style="not bold")
        to.print(head)
        if one.fix:
            to.print(Text(f"    fix: {safe(one.fix)}", style="dim"))


def _summary(findings: Sequence[Finding], checked: int) -> str:
    counts = [(kind, sum(1 for one in findings if one.severity == kind)) for kind in ("error", "warning", "info")]
    words = ", ".join(f"{count} {kind}{'' if count == 1 or kind == 'info' else 's'}" for kind, count in counts if count)
    return f"{checked} project{'' if checked == 1 else 's'} checked: {words or 'nothing to say'}"
