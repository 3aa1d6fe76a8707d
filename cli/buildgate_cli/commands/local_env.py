"""`buildgate local env`: lets other programs, such as `aws`, reach the local cloud from a shell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buildgate_cli import cloud_context
from buildgate_cli.output import print_json

if TYPE_CHECKING:
    from buildgate_cli.cloud_context import CloudContext

_IN_THE_WAY = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
"""What a shell may have set for AWS itself."""


def env(
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Folder of the cloud.", envvar=cloud_context.HOME_VARIABLE, show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what lets `aws` and SDKs reach the local cloud: eval "$(buildgate local env)".

    The keys are those of this cloud alone, which answers on this machine only.
    """
    cloud = cloud_context.read_local(home.expanduser().absolute() if home is not None else cloud_context.home())
    variables = variables_of(cloud)
    if as_json:
        print_json(variables)
        return
    typer.echo(f"unset {' '.join(_IN_THE_WAY)}")
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def variables_of(cloud: CloudContext) -> dict[str, str]:
    """Return the environment in which the SDK's own settings lead to a local cloud."""
    endpoints = cloud.endpoints
    return {
        "AWS_REGION": cloud.region,
        "AWS_DEFAULT_REGION": cloud.region,
        "AWS_ACCESS_KEY_ID": cloud.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.credentials.secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoints["*"],
        **{f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in endpoints.items() if name != "*"},
    }
