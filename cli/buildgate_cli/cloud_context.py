"""Which cloud a command talks to: the local one, or a stack on AWS, with what is needed to reach it.

The local cloud describes itself in `cloud.json` in its home. AWS is meant when a stack or a profile is named; the
stack's outputs then say where its API, table and report bucket are.
"""

from __future__ import annotations

import json
import os
import stat
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK_VARIABLE: Final = "BUILDGATE_STACK"
HOME_VARIABLE: Final = "BUILDGATE_HOME"
PERSON_VARIABLE: Final = "BUILDGATE_LOCAL_USER"
PEOPLE: Final = "people"
"""Where a local cloud keeps the keys of its IAM users, by name."""
DEFAULT_STACK: Final = "buildgate"
API_URL_OUTPUT: Final = "ApiUrl"
TABLE_OUTPUT: Final = "TableName"
REPORT_BUCKET_OUTPUT: Final = "ReportBucketName"
CLOUD_FILE: Final = "cloud.json"
CLOUD_FILE_VERSION: Final = 1
_START: Final = "Start it with `buildgate local up`."


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the person said on the command line about the cloud; None where nothing was said."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None

    @property
    def is_aws(self) -> bool:
        """Tell whether a stack on AWS is meant."""
        return bool(self.stack or self.profile)


@dataclass(frozen=True)
class Credentials:
    """Keys that sign requests; never printed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class CloudContext:
    """One reachable cloud. `endpoints` maps a botocore service name to its URL; empty means AWS's own endpoints."""

    kind: Literal["local", "aws"]
    region: str
    api_url: str
    credentials: Credentials
    stack: str
    table: str | None
    report_bucket: str | None
    state_dir: Path | None
    outputs: Mapping[str, str]
    endpoints: Mapping[str, str]
    account: str | None = None
    repositories: Path | None = None

    def client(self, service: str, *, is_quick: bool = False, attempts: int = 4) -> Any:
        """Return a botocore client for one service of this cloud; the SDK is loaded here, not before.

        `is_quick` is for answers that nobody waits for, such as completions: one attempt, two seconds. `attempts` is
        how often a call is made before it fails; 1 for callers that repeat at a pace of their own.
        """
        from botocore.config import Config  # noqa: PLC0415  # the SDK costs a tenth of a second; most commands need none

        patient = Config(retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=5)
        quick = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=2)
        return _session().create_client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoints.get(service, self.endpoints.get("*")),
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
            aws_session_token=self.credentials.session_token,
            config=quick if is_quick else patient,
        )


@cache
def _session() -> Any:
    """Return the process's one session: it keeps the service models it has read."""
    from botocore.session import Session  # noqa: PLC0415  # as above

    return Session()


_choice: ContextVar[Choice | None] = ContextVar("_choice", default=None)


def choose(choice: Choice) -> None:
    """Remember what the command line said; `current` follows it."""
    _choice.set(choice)


def current() -> CloudContext:
    """Return the cloud the command is for.

    Raises UserError: with exit code 3 when the local cloud is not running or the stack is not there.
    """
    choice = _choice.get() or Choice(stack=os.environ.get(STACK_VARIABLE))
    return read_stack(choice) if choice.is_aws else read_local(home())


def home() -> Path:
    """Return the folder of the local cloud: `$BUILDGATE_HOME`, or `.buildgate` in the checkout (else in this folder)."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    base = checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
    return base / ".buildgate"


def read_local(folder: Path, *, person: str | None = None) -> CloudContext:
    """Return the local cloud described in `folder`, as its root user or as a person (by default the environment's).

    Raises UserError when there is none, its file is not to be trusted, or it has no such user.
    """
    name = os.environ.get(PERSON_VARIABLE, "") if person is None else person
    path = folder / CLOUD_FILE
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UserError("No local cloud is running.", _START, ExitCode.UNAVAILABLE) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{path} can be read by others and holds keys.", "chmod 600 it, or run `buildgate local up`.")
    try:
        return _as_person(local_from(json.loads(text)), folder, name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}).", "Run `buildgate local up`.", ExitCode.UNAVAILABLE) from error


def _as_person(cloud: CloudContext, folder: Path, name: str) -> CloudContext:
    """Return the cloud with the keys of one of its users; without a name as it is."""
    if not name:
        return cloud
    try:
        keys = json.loads((folder / PEOPLE / f"{Path(name).name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = f"Make one with `buildgate local user {name}`, or unset {PERSON_VARIABLE}."
        raise UserError(f"The local cloud has no user {name}.", fix) from None
    return replace(cloud, credentials=Credentials(keys["access_key_id"], keys["secret_access_key"]))


def local_from(cloud: Mapping[str, Any]) -> CloudContext:
    """Return the cloud that a description (`cloud.json`) is of, as its root user.

    Raises ValueError, KeyError or TypeError when it is no description.
    """
    if cloud["version"] != CLOUD_FILE_VERSION:
        raise ValueError(f"version {cloud['version']} is not {CLOUD_FILE_VERSION}")
    outputs = {str(key): str(value) for key, value in cloud["outputs"].items()}
    return CloudContext(
        kind="local",
        region=cloud["region"],
        api_url=str(cloud["front_url"]).rstrip("/"),
        credentials=Credentials(cloud["access_key_id"], cloud["secret_access_key"]),
        stack=cloud["stack"],
        table=outputs.get(TABLE_OUTPUT),
        report_bucket=outputs.get(REPORT_BUCKET_OUTPUT),
        state_dir=Path(cloud["repositories"]).parent,
        outputs=outputs,
        endpoints={
            "*": cloud["endpoint"],
            "codebuild": cloud["codebuild_endpoint"],
            "codecommit": cloud["codecommit_endpoint"],
        },
        account=cloud.get("account"),
        repositories=Path(cloud["repositories"]),
    )


def read_stack(choice: Choice) -> CloudContext:
    """Return the stack on AWS that was chosen, read from its outputs with the person's own credentials."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  # only commands against AWS load the SDK here
    from botocore.session import Session  # noqa: PLC0415  # as above

    session = Session(profile=choice.profile)
    region = choice.region or session.get_config_variable("region")
    if not region:
        raise UserError("No AWS Region is set.", "Add --region, or set one in the profile.")
    keys = session.get_credentials()
    if keys is None:
        raise UserError("No AWS credentials were found.", "Log in, or choose a profile with --profile.")
    stack = choice.stack or DEFAULT_STACK
    formation: Any = session.create_client("cloudformation", region_name=region)
    try:
        answer = formation.describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        fix = "Name it with --stack, or deploy it with `sam deploy`."
        raise UserError(f"There is no stack {stack} in {region}.", fix, ExitCode.UNAVAILABLE) from error
    outputs = {item["OutputKey"]: item["OutputValue"] for item in answer["Stacks"][0].get("Outputs", [])}
    if API_URL_OUTPUT not in outputs:
        raise UserError(f"The stack {stack} in {region} is not one of Buildgate's: it has no output {API_URL_OUTPUT}.")
    frozen = keys.get_frozen_credentials()
    return CloudContext(
        kind="aws",
        region=region,
        api_url=outputs[API_URL_OUTPUT].rstrip("/"),
        credentials=Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token),
        stack=stack,
        table=outputs.get(TABLE_OUTPUT),
        report_bucket=outputs.get(REPORT_BUCKET_OUTPUT),
        state_dir=None,
        outputs=outputs,
        endpoints={},
    )
