"""`buildgate console`: the pages, on this machine only, with this person's own credentials."""

from __future__ import annotations

import contextlib
import webbrowser
from typing import Annotated

import typer

from buildgate_cli.output import note, print_json, say

app = typer.Typer(help="Look at pipelines, runs, builds and metrics in a browser.")


@app.command()
def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; a free one by default.")] = 0,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the link as data.")] = False,
) -> None:
    """Serve the console on 127.0.0.1 until Ctrl-C. Its link carries a secret: it lets in as you."""
    from buildgate_cli.cloud_context import current  # noqa: PLC0415  # loads only what is run
    from buildgate_cli.console.server import ConsoleServer  # noqa: PLC0415  # templates and charts

    server = ConsoleServer(current(), port=port)
    if as_json:
        print_json({"url": server.url})
    else:
        say(server.url)
        note("Anyone with this link acts as you. Ctrl-C ends it.")
    if opens:
        webbrowser.open(server.url)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()
