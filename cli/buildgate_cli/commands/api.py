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
