"""`buildgate local`: the whole of Buildgate on this machine, started, looked at and ended."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from buildgate_cli import cloud_context
from buildgate_cli.commands import local_findings
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.output import console, errors, print_json

if TYPE_CHECKING:
    from buildgate_cli.local.inbox import Notice
    from buildgate_cli.local.state import Home

FASTEST: Final = 3600.0
app = typer.Typer(no_args_is_help=True, help="Run the whole of Buildgate on this machine.")
app.add_typer(local_findings.app, name="findings")
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the cloud.", envvar=cloud_context.HOME_VARIABLE, show_default=False),
]
AllowHost = Annotated[
    bool,
    typer.Option("--allow-host", help="Run builds for Windows, macOS, GPU or another processor here all the same."),
]
AllowHostRuntimes = Annotated[
    bool, typer.Option("--allow-host-runtimes", help="Use this machine's runtimes where another version is asked.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    home: HomeOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is up; end it with `down`.")] = False,
    speed: Annotated[
        float, typer.Option(min=1, max=FASTEST, help="Shorten approval, reconcile and bake intervals this many times.")
    ] = 1.0,
    allow_host: AllowHost = False,
    allow_host_runtimes: AllowHostRuntimes = False,
    as_json: JsonOption = False,
) -> None:
    """Start the local cloud: emulated AWS, CodeBuild and CodeCommit on this machine, and this checkout's template.

    Builds run as you, on this machine, with your files in reach: start only what you would run yourself.
    """
    from buildgate_cli.local import background, state  # noqa: PLC0415 - only this command needs the cloud's code

    folder = state.Home(_home(home))
    _allow(host=allow_host, runtimes=allow_host_runtimes)
    if detach:
        description = background.start_in_background(folder, speed=speed)
        _print_up(description, as_json=as_json)
        return
    _run_in_front(folder, speed=speed, as_json=as_json)


@app.command()
def down(home: HomeOption = None) -> None:
    """End the local cloud. Tables, stack, files, repositories and links are kept for the next `up`."""
    from buildgate_cli.local import background, state  # noqa: PLC0415

    folder = state.Home(_home(home))
    if background.stop_running(folder):
        console.print(f"The local cloud in {folder.path} is down; `buildgate local up` continues where it was.")
    else:
        console.print(f"No local cloud runs in {folder.path}.")


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say whether the local cloud runs, and where its parts answer. Exit code 3 when it does not."""
    from buildgate_cli.local import background, state  # noqa: PLC0415

    folder = state.Home(_home(home))
    description = background.running(folder)
    if description is None:
        if as_json:
            print_json({"running": False, "home": str(folder.path)})
            raise typer.Exit(ExitCode.UNAVAILABLE)
        raise UserError(
            f"No local cloud runs in {folder.path}.", "Start it with `buildgate local up`.", ExitCode.UNAVAILABLE
        )
    _print_up(description, as_json=as_json)


@app.command()
def inbox(
    home: HomeOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what arrives, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what SNS sent: notices and approval requests with their links, oldest first."""
    from buildgate_cli.local import inbox as inboxes  # noqa: PLC0415
    from buildgate_cli.local import state  # noqa: PLC0415

    folder = state.Home(_home(home))
    seen: set[str] = set()
    if as_json and not follow:
        print_json({"notices": [notice.to_data() for notice in inboxes.read_notices(folder)]})
        return
    try:
        while True:
            for notice in inboxes.read_notices(folder):
                if notice.id not in seen:
                    seen.add(notice.id)
                    _print_notice(notice, as_json=as_json)
            if not follow:
                break
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    if not seen:
        errors.print("The inbox is empty.")


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(help="Folder of the source.")] = Path(),
    buildspec: Annotated[
        str | None, typer.Option("--buildspec", "-b", help="Buildspec, relative to the folder.", show_default=False)
    ] = None,
    variables: Annotated[
        list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE, as often as needed.", show_default=False)
    ] = None,
    artifacts: Annotated[
        Path | None, typer.Option(help="Copy the artifacts into this folder.", show_default=False)
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Copy the raw reports into this folder.", show_default=False)
    ] = None,
    image: Annotated[str, typer.Option(help="Image the build is told of; commands run on this machine.")] = "local",
    timeout: Annotated[float, typer.Option(help="Minutes after which the build is ended.", min=0.01)] = 60.0,
    in_place: Annotated[bool, typer.Option("--in-place", help="Run in the folder itself, not on a copy.")] = False,
    allow_host: AllowHost = False,
    allow_host_runtimes: AllowHostRuntimes = False,
    as_json: JsonOption = False,
) -> None:
    """Run a buildspec on this machine, with no project and no cloud; exit 0 only when the build SUCCEEDED.

    Commands run as you, with your files in reach: run only what you would run yourself.
    """
    from buildgate_cli.local import build_command  # noqa: PLC0415
    from buildgate_cli.local.agent.host import Allowed  # noqa: PLC0415
    from buildgate_cli.local.agent.standalone import Options  # noqa: PLC0415

    options = Options(
        folder=folder.expanduser().absolute(),
        buildspec=buildspec,
        variables=build_command.read_variables(variables or ()),
        artifacts=artifacts,
        reports=reports,
        image=image,
        timeout_minutes=timeout,
        is_in_place=in_place,
        allows_host_runtimes=allow_host or allow_host_runtimes,
    )
    raise typer.Exit(build_command.build(options, allowed=Allowed(is_host=allow_host), as_json=as_json))


def _allow(*, host: bool, runtimes: bool) -> None:
    """Note for the cloud, which this process or a child of it becomes, what its builds may use."""
    from buildgate_cli.local.agent.host import ALLOW_HOST, ALLOW_HOST_RUNTIMES  # noqa: PLC0415

    os.environ.update({name: "1" for name, is_on in ((ALLOW_HOST, host), (ALLOW_HOST_RUNTIMES, runtimes)) if is_on})


def _home(chosen: Path | None) -> Path:
    return chosen.expanduser().absolute() if chosen is not None else cloud_context.home()


def _run_in_front(folder: Home, *, speed: float, as_json: bool) -> None:
    from buildgate_cli.local.cloud import Cloud, Settings  # noqa: PLC0415
    from buildgate_cli.local.cloud_main import ended_by_signals  # noqa: PLC0415

    began = time.monotonic()

    def tell(step: str) -> None:
        errors.print(f"{time.monotonic() - began:5.1f} s  {step}", style="dim")

    settings = Settings(
        home=folder.path, speed=speed, tell=tell, show=lambda notice: _print_notice(notice, as_json=as_json)
    )
    with ended_by_signals() as stop, Cloud(settings) as cloud:
        _print_up(cloud.description(), as_json=as_json)
        if not as_json:
            console.print("Builds run as you, on this machine. Ctrl-C ends the cloud; nothing it keeps is lost.")
        cloud.watch(stop)


def _print_up(description: dict[str, Any], *, as_json: bool) -> None:
    shown = {key: value for key, value in description.items() if key != "secret_access_key"}
    if as_json:
        print_json({"running": True, **shown})
        return
    console.print("The local cloud is up.", style="green")
    for label, key in (
        ("API and approval pages", "front_url"),
        ("emulated AWS", "endpoint"),
        ("CodeBuild, CodeCommit", "codebuild_endpoint"),
        ("git repositories", "repositories"),
        ("inbox", "inbox"),
        ("process", "pid"),
    ):
        console.print(f"  {label:<24}{shown[key]}", markup=False)


def _print_notice(notice: Notice, *, as_json: bool) -> None:
    from buildgate_cli.human import safe  # noqa: PLC0415

    if as_json:
        print_json(notice.to_data())
        return
    addressee = f" to {safe(notice.approver)}" if notice.approver else ""
    topic = notice.topic.rsplit(":", 1)[-1]
    console.print(f"{notice.at}  {safe(topic)}{addressee}", style="dim", markup=False)
    console.print(f"  {safe(notice.subject or '')}", style="bold", markup=False)
    for line in _lines_of(notice.message):
        console.print(f"  {safe(line)}", markup=False, soft_wrap=True)


def _lines_of(message: str) -> list[str]:
    """Return a message as its receiver reads it: a chat card's text, facts and next steps, any other text as it is."""
    try:
        card = json.loads(message)
        content, facts = card["content"], card.get("metadata", {}).get("additionalContext", {})
    except (ValueError, KeyError, TypeError):
        return message.splitlines()
    shown = [f"{name}: {value}" for name, value in facts.items() if name != "link"]
    return [*str(content["description"]).splitlines(), ", ".join(shown), *content.get("nextSteps", [])]
