"""`buildgate local`: the whole of Buildgate on this machine, started, looked at and ended."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from buildgate_cli import cloud_context
from buildgate_cli.commands import local_env, local_findings
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.output import console, errors, print_json

if TYPE_CHECKING:
    from buildgate_cli.local.cloud import Settings
    from buildgate_cli.local.inbox import Notice

FASTEST: Final = 3600.0
app = typer.Typer(no_args_is_help=True, help="Run the whole of Buildgate on this machine.")
app.add_typer(local_findings.app, name="findings")
app.command()(local_env.env)
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
    oidc_issuer: Annotated[
        str, typer.Option(metavar="URL", help="Take tokens of this issuer instead of the cloud's own.")
    ] = "",
    oidc_audience: Annotated[str, typer.Option(help="The audience (client id) that tokens must be for.")] = "buildgate",
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
        options = ("--oidc-issuer", oidc_issuer, "--oidc-audience", oidc_audience)
        description = background.start_in_background(folder, speed=speed, options=options)
        _print_up(description, as_json=as_json)
        return
    from buildgate_cli.local.cloud import Settings  # noqa: PLC0415

    settings = Settings(home=folder.path, speed=speed, oidc_issuer=oidc_issuer, oidc_audience=oidc_audience)
    _run_in_front(settings, as_json=as_json)


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
def user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as alice@example.com, as approvers are listed.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an IAM user of the local cloud, who may call the API, to try approvals by channel iam.

    Commands act as this user where `BUILDGATE_LOCAL_USER` names it, and as the account's root user otherwise.
    """
    from buildgate_cli.local import people, state  # noqa: PLC0415

    folder = state.Home(_home(home))
    arn = people.ensure_user(folder, cloud_context.read_local(folder.path, person="").client, name)
    if as_json:
        print_json({"user": name, "arn": arn})
        return
    console.print(f"{arn} may call the API. Act as this user with", markup=False)
    console.print(f"  export {cloud_context.PERSON_VARIABLE}={name}", markup=False)


@app.command()
def token(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom the token names.")],
    home: HomeOption = None,
    lasts: Annotated[str, typer.Option("--for", help="How long it holds, such as 15m or 8h.")] = "1h",
    as_json: JsonOption = False,
) -> None:
    """Print a token of the local cloud's own issuer, to try OIDC identities: it proves nothing about anybody.

    Anybody who may read this cloud's home can make one for any address. Use it as `BUILDGATE_TOKEN`.
    """
    from buildgate.domain.durations import seconds_of  # noqa: PLC0415
    from buildgate_cli.local import background, state  # noqa: PLC0415
    from buildgate_cli.local.issuer import LocalIssuer  # noqa: PLC0415

    folder, seconds = state.Home(_home(home)), seconds_of(lasts)
    if not seconds:
        raise UserError(f"{lasts} is no duration.", "Say how long, such as 15m or 8h.", ExitCode.USAGE)
    description = background.running(folder)
    if description is None:
        fix = "Start it with `buildgate local up`."
        raise UserError(f"No local cloud runs in {folder.path}.", fix, ExitCode.UNAVAILABLE)
    issuer, audience = description.get("oidc_issuer", "nobody"), description.get("oidc_audience", "")
    if not description.get("issues_tokens"):
        fix = "Ask that issuer, or start without --oidc-issuer."
        raise UserError(f"This cloud takes tokens of {issuer} only.", fix)
    made = LocalIssuer(folder, issuer).token(email, now=int(time.time()), seconds=int(seconds), audience=audience)
    if as_json:
        print_json({"token": made, "issuer": issuer, "audience": audience, "seconds": int(seconds)})
    else:
        typer.echo(made)


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


def _run_in_front(settings: Settings, *, as_json: bool) -> None:
    from buildgate_cli.local.cloud import Cloud  # noqa: PLC0415
    from buildgate_cli.local.cloud_main import ended_by_signals  # noqa: PLC0415

    began = time.monotonic()

    def tell(step: str) -> None:
        errors.print(f"{time.monotonic() - began:5.1f} s  {step}", style="dim")

    settings = replace(settings, tell=tell, show=lambda notice: _print_notice(notice, as_json=as_json))
    with ended_by_signals() as stop, Cloud(settings) as cloud:
        _print_up(cloud.description(), as_json=as_json)
        if not as_json:
            console.print("Ctrl-C ends the cloud; nothing it keeps is lost.")
        cloud.watch(stop)


def _print_up(description: dict[str, Any], *, as_json: bool) -> None:
    shown = {key: value for key, value in description.items() if key != "secret_access_key"}
    if as_json:
        print_json({"running": True, **shown})
        return
    console.print("The local cloud is up.", style="green")
    for label, key in (
        ("console", "console_url"),
        ("API and approval pages", "front_url"),
        ("emulated AWS", "endpoint"),
        ("CodeBuild, CodeCommit", "codebuild_endpoint"),
        ("git repositories", "repositories"),
        ("inbox", "inbox"),
        ("process", "pid"),
    ):
        console.print(f"  {label:<24}{shown.get(key, '-')}", markup=False, soft_wrap=True)
    if "isolation" in shown:
        console.print(f"  {'builds':<24}{shown['isolation']['says']}", markup=False)


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
