"""What the commands about builds have in common: StartBuild's overrides as options, and how a start is watched."""

from __future__ import annotations

import inspect
import secrets as randomness
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from buildgate_cli.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate_cli.cloud_context import CloudContext

Token = Annotated[
    str | None, typer.Option(help="Idempotency token: a repeat with it starts nothing new.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print data for programs; while watching, a document a line.")]
Watched = Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends; exit 0 only if it SUCCEEDED.")]
Interval = Annotated[
    float | None, typer.Option(min=0.1, help="Seconds between looks; never less than 5 on AWS.", show_default=False)
]


def new_token() -> str:
    """Return a token of this call: repeats that the SDK makes by itself start nothing twice."""
    return randomness.token_hex(16)


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What a start asks for beside the project. Each member is an option of the commands that take overrides."""

    source_version: Annotated[
        str | None,
        typer.Option("--source-version", "-r", help="Branch, tag, commit or S3 version to build.", show_default=False),
    ] = None
    plain: Annotated[
        list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE, as often as needed.", show_default=False)
    ] = None
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", help="NAME=/parameter, read from Parameter Store by the build.", show_default=False
        ),
    ] = None
    secrets: Annotated[
        list[str] | None,
        typer.Option("--secret", help="NAME=secret:key, read from Secrets Manager by the build.", show_default=False),
    ] = None
    buildspec: Annotated[
        str | None,
        typer.Option(
            "--buildspec", "-b", help="Path in the source, or @FILE to send a local file.", show_default=False
        ),
    ] = None
    image: Annotated[str | None, typer.Option(help="Image to build in.", show_default=False)] = None
    compute: Annotated[
        str | None, typer.Option(help="Compute type, e.g. BUILD_GENERAL1_LARGE.", show_default=False)
    ] = None
    environment_type: Annotated[
        str | None, typer.Option(help="Environment type, e.g. ARM_CONTAINER.", show_default=False)
    ] = None
    privileged: Annotated[
        bool | None, typer.Option("--privileged/--no-privileged", help="Run Docker in the build.")
    ] = None
    timeout_minutes: Annotated[
        int | None, typer.Option("--timeout", metavar="MINUTES", help="Minutes the build may take.", show_default=False)
    ] = None
    queued_timeout_minutes: Annotated[
        int | None,
        typer.Option(
            "--queued-timeout", metavar="MINUTES", help="Minutes it may wait in the queue.", show_default=False
        ),
    ] = None
    role: Annotated[str | None, typer.Option(help="ARN of the service role.", show_default=False)] = None
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other override: MEMBER=VALUE, e.g. cache.type=NO_CACHE.", show_default=False),
    ] = None
    file: Annotated[
        Path | None, typer.Option("--overrides", help="YAML or JSON file of the call's members.", show_default=False)
    ] = None
    allow_host: Annotated[
        bool,
        typer.Option("--allow-host", help="Local cloud: run a build for Windows, macOS, GPU or ARM here all the same."),
    ] = False
    allow_host_runtimes: Annotated[
        bool, typer.Option("--allow-host-runtimes", help="Local cloud: take this machine's runtime versions.")
    ] = False

    def request(
        self, cloud: CloudContext, project: str, operation: str, token: str | None
    ) -> tuple[dict[str, Any], str]:
        """Return an operation's parameters and its idempotency token: the one given, else the file's, else a new one.

        Raises UserError for what the operation does not take.
        """
        from buildgate_cli.builds import request  # noqa: PLC0415  # the SDK, only where it is used

        said = {member.name: getattr(self, member.name) for member in fields(request.Wishes)}
        lists = ("plain", "parameters", "secrets", "settings")
        said |= {name: said[name] or () for name in lists}
        said["plain"] = (*said["plain"], *self._allowances(cloud))
        shape = cloud.client("codebuild").meta.service_model.operation_model(operation).input_shape
        asked = request.parameters_of(request.Wishes(**said), project, shape)
        return asked, token or str(asked.pop("idempotencyToken", "")) or new_token()

    def _allowances(self, cloud: CloudContext) -> list[str]:
        """Return the variables by which the local CodeBuild knows what of this machine a build may use."""
        from buildgate_cli.local.agent.host import ALLOW_HOST, ALLOW_HOST_RUNTIMES  # noqa: PLC0415

        asked = ((ALLOW_HOST, self.allow_host), (ALLOW_HOST_RUNTIMES, self.allow_host_runtimes))
        allowed = [f"{name}=1" for name, is_on in asked if is_on]
        if allowed and cloud.kind != "local":
            raise UserError("--allow-host and --allow-host-runtimes are for the local cloud.", "Leave them out on AWS.")
        return allowed


_MEMBERS: Final = tuple(member.name for member in fields(Overrides))


def with_overrides(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every member of Overrides as an option, in the place of its parameter `overrides`."""

    @wraps(command)
    def run(**given: Any) -> None:
        own = {name: given.pop(name) for name in _MEMBERS}
        command(**given, overrides=Overrides(**own))

    hints = get_type_hints(Overrides, include_extras=True)
    shown: list[inspect.Parameter] = []
    signature = inspect.signature(command, eval_str=True)
    for parameter in signature.parameters.values():
        if parameter.name != "overrides":
            shown.append(parameter)
            continue
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        shown += [
            inspect.Parameter(m.name, kind, default=m.default, annotation=hints[m.name]) for m in fields(Overrides)
        ]
    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]  # what inspect reads first
    return run
