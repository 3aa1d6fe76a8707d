"""`buildgate api`: the HTTP API itself, described and asked."""

from __future__ import annotations

from typing import Annotated

import typer

from buildgate_cli.errors import UserError
from buildgate_cli.output import print_json

app = typer.Typer(help="Describe the HTTP API, and ask it as you.", no_args_is_help=True)


@app.command("document")
def show_document() -> None:
    """Print the OpenAPI document of every route."""
    from buildgate_cli.api_reference import description  # noqa: PLC0415  # loads every type that is answered

    print_json(description())


@app.command("get")
def get(
    path: Annotated[str, typer.Argument(help="As runs, or pipelines/shop/waivers; a leading /v1/ may stay.")],
    query: Annotated[list[str] | None, typer.Argument(help="As limit=5 or status=FAILED.")] = None,
) -> None:
    """Ask a route that only reads, and print its answer as JSON."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # loads what signs requests

    parts = [part for part in path.removeprefix("/").removeprefix("v1/").split("/") if part]
    pairs = [one.partition("=") for one in query or []]
    wrong = next((name for name, sign, _ in pairs if not sign or not name), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is no parameter.", "Write name=value, as in limit=5.")
    print_json(connect().get(*parts, **{name: value for name, _, value in pairs}))


@app.command("badge")
def show_badge(
    what: Annotated[str, typer.Argument(help="pipelines/NAME, projects/NAME, gates/PIPELINE or dora/PIPELINE.")],
) -> None:
    """Print a badge as SVG: the last ended run, the last build, the last gate, or the lowest DORA level."""
    from buildgate_cli.api_client import connect  # noqa: PLC0415  # loads what signs requests
    from buildgate_cli.console.badge_words import KINDS, badge_words  # noqa: PLC0415
    from buildgate_cli.console.badges import badge  # noqa: PLC0415

    kind, _, name = what.partition("/")
    if kind not in KINDS or not name:
        raise UserError(f"{what!r} names no badge.", f"Write one of {', '.join(f'{one}/NAME' for one in KINDS)}.")
    typer.echo(badge(*badge_words(connect(), kind, name)))
