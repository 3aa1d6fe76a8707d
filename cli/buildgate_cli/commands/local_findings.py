"""`buildgate local findings`: what the image scanners of the local cloud have found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buildgate_cli import cloud_context
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from buildgate_cli.local.findings import Findings

app = typer.Typer(no_args_is_help=True, help="Tell the local cloud what image scanners found: nothing scans here.")
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the cloud.", envvar=cloud_context.HOME_VARIABLE, show_default=False),
]
ImageOption = Annotated[str, typer.Option(help="Repository of the image.", show_default=False)]
TagOption = Annotated[str, typer.Option(help="Tag of the image; any tag unless named.", show_default=False)]
ResourceOption = Annotated[str, typer.Option(help="Id of a resource, for Inspector.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def put(
    file: Annotated[Path, typer.Argument(help="Answer of ECR or Inspector, as the AWS CLI prints it.")],
    image: ImageOption = "",
    tag: TagOption = "",
    resource: ResourceOption = "",
    home: HomeOption = None,
    as_json: Json = False,
) -> None:
    """Let the local ECR or Inspector answer with these findings; they take the place of earlier ones of the same thing.

    The file is what `aws ecr describe-image-scan-findings` or `aws inspector2 list-findings` prints. Gates ask for it by
    `sources: [{from: ecr, image: NAME}]` or `{from: inspector, image: NAME}`.
    """
    from buildgate_cli.local.findings import read_scan  # noqa: PLC0415 - the models are slow to load

    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(f"{safe(str(file))} cannot be read: {safe(str(error))}", "Name a JSON file.") from error
    scan = read_scan(data, image=image, tag=tag, resource=resource)
    _findings(home).put(scan)
    if as_json:
        print_json(scan.to_data())
    else:
        say(safe(f"{scan.scanner} answers with {scan.count} findings of {scan.about}"), "green")


@app.command("list")
def list_findings(home: HomeOption = None, as_json: Json = False) -> None:
    """List what the scanners answer with."""
    scans = _findings(home).all()
    if as_json:
        print_json({"scans": [scan.to_data() for scan in scans]})
        return
    rows = [(scan.scanner, safe(scan.about), str(scan.count)) for scan in scans]
    print_table(("SCANNER", "OF", "FINDINGS"), rows, empty="No scanner was told of anything.")


@app.command()
def remove(
    image: ImageOption = "", tag: TagOption = "", resource: ResourceOption = "", home: HomeOption = None
) -> None:
    """Forget the findings of an image or a resource: it is then not scanned, which is not clean."""
    kept = _findings(home)
    chosen = [one for one in kept.all() if (one.image, one.tag, one.resource) == (image, tag, resource)]
    if not chosen:
        raise UserError("No findings of that are here.", "See `buildgate local findings list`.", ExitCode.REFUSED)
    for scan in chosen:
        kept.remove(scan)
        say(safe(f"{scan.scanner} has no scan of {scan.about} any more"))


def _findings(home: Path | None) -> Findings:
    from buildgate_cli.local.findings import Findings  # noqa: PLC0415
    from buildgate_cli.local.state import Home  # noqa: PLC0415

    folder = home.expanduser().absolute() if home is not None else cloud_context.home()
    if not folder.is_dir():
        raise UserError(f"There is no local cloud in {folder}.", "Start one with `buildgate local up`.")
    return Findings(Home(folder).findings)
