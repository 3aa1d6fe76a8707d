"""The `buildgate` command: finds the command group a person names, loads only that one, and ends with an exit code.

Groups are listed in a static table, so that `buildgate --help` and completion of nouns load neither the SDK nor any
command; `resolve_command` imports the one that is run.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from buildgate_cli import cloud_context
from buildgate_cli.errors import ExitCode, UserError, as_user_error

if TYPE_CHECKING:
    from collections.abc import Sequence


class Noun(NamedTuple):
    """One entry of the command table: where it lives, its line in the help, and whether verbs follow it."""

    module: str
    help: str
    panel: str
    has_verbs: bool = True


NOUNS: Final[dict[str, Noun]] = {
    "pipeline": Noun("buildgate_cli.commands.pipeline", "Validate, apply and compare pipelines as code.", "Release"),
    "run": Noun("buildgate_cli.commands.run", "Start, watch, stop and retry runs.", "Release"),
    "approval": Noun("buildgate_cli.commands.approval", "See what waits for a decision, and decide.", "Release"),
    "gate": Noun("buildgate_cli.commands.gate", "Judge reports against a gate, here or in any CI.", "Quality"),
    "report": Noun("buildgate_cli.commands.report", "Read tool reports into measurements.", "Quality"),
    "build": Noun("buildgate_cli.commands.build", "Start, watch, read, stop and compare builds.", "Builds"),
    "buildspec": Noun("buildgate_cli.commands.buildspec", "Lint, generate and start buildspecs.", "Builds"),
    "project": Noun("buildgate_cli.commands.project", "Create and change CodeBuild projects from files.", "Builds"),
    "metrics": Noun("buildgate_cli.commands.metrics", "Show what builds took and cost.", "Builds"),
    "console": Noun("buildgate_cli.commands.console", "Look at all of it in a browser.", "Builds", has_verbs=False),
    "repo": Noun("buildgate_cli.commands.repo", "Create and list CodeCommit repositories.", "Set-up"),
    "init": Noun("buildgate_cli.commands.init", "Write starter files for this repository.", "Set-up", has_verbs=False),
    "local": Noun("buildgate_cli.commands.local", "Run the whole of Buildgate on this machine.", "Set-up"),
    "simulate": Noun(
        "buildgate_cli.commands.simulate", "Try a pipeline against seeded bad days.", "Release", has_verbs=False
    ),
    "api": Noun("buildgate_cli.commands.api", "Describe the HTTP API, and ask it as you.", "Set-up"),
    "ops": Noun("buildgate_cli.commands.ops", "Look an installation over; retry what was given up.", "Set-up"),
    "demo": Noun(
        "buildgate_cli.commands.demo", "Show push, builds, gate, approval, release.", "Set-up", has_verbs=False
    ),
}


class LazyNouns(TyperGroup):
    """The root group: nouns come from the table, their modules are imported when a command of theirs runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the nouns in the order of the table."""
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what the help shows of a noun: its name and one line, without loading its module."""
        noun = NOUNS.get(cmd_name)
        if noun is None:
            return None
        return TyperCommand(cmd_name, help=noun.help, short_help=noun.help, rich_help_panel=noun.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the real command of the noun in `args`, loading it; an unknown noun is a usage error with a hint."""
        self.commands = {noun: TyperCommand(noun) for noun in NOUNS}  # what a misspelt noun is compared with
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if command is None or name is None else load(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a person's mistake ends as one line and its exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = as_user_error(error)
            if known is None:
                raise
            from buildgate_cli.output import print_error  # noqa: PLC0415  # Rich is loaded when something is printed

            known.print_details()
            print_error(known)
            raise typer.Exit(known.exit_code) from error


def load(noun: str) -> Any:
    """Import the module of a noun and return its command; a module that is not there is named in the error."""
    return _load(noun, NOUNS[noun])


@cache
def _load(noun: str, entry: Noun) -> Any:
    """Make the command of a noun once: what is given to it lies in the context of each command line, not in it."""
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as missing:
        if missing.name != entry.module:
            raise
        raise UserError(f"The commands of `{noun}` are not part of this installation.") from missing
    command = typer.main.get_group(module.app) if entry.has_verbs else typer.main.get_command(module.app)
    command.name = noun
    return command


app = typer.Typer(
    cls=LazyNouns,
    name="buildgate",
    help="Builds, gates, approvals and releases on AWS CodeBuild, started by your push.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # noqa: PLC0415  # only this option reads package metadata

        typer.echo(f"buildgate {version('buildgate')}")
        raise typer.Exit


@app.callback()
def choose_cloud(
    stack: Annotated[
        str | None,
        typer.Option(help="Stack on AWS to talk to, instead of the local cloud.", envvar=cloud_context.STACK_VARIABLE),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile; implies AWS instead of the local cloud.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS Region of the stack.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Remember which cloud the command is for."""
    cloud_context.choose(cloud_context.Choice(stack=stack, profile=profile, region=region))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; a defect of Buildgate is one line, with the traceback on request."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign gets another one, not an error
    command = typer.main.get_command(app)
    try:
        command.main(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="buildgate")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.OK if ended.code is None else ExitCode.REFUSED
    except Exception as error:  # noqa: BLE001  # the edge: a person never meets a traceback they did not ask for
        if os.environ.get("BUILDGATE_TRACEBACK"):
            traceback.print_exc()
        sys.stderr.write(f"Error: buildgate met a defect of its own: {type(error).__name__}: {error}\n")
        sys.stderr.write("  -> Set BUILDGATE_TRACEBACK=1 and run again to see where.\n")
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK
