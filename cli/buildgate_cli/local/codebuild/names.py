"""How CodeBuild names things: ARNs, ids, times."""

from collections.abc import Callable
from datetime import UTC, datetime

from buildgate_cli.local.jsonservice import ACCOUNT, REGION

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def arn(kind: str, name: str) -> str:
    return f"arn:aws:codebuild:{REGION}:{ACCOUNT}:{kind}/{name}"


def build_arn(build_id: str) -> str:
    return arn("build", build_id)


def name_from_arn(kind: str, text: str) -> str:
    """Return the name in an ARN of this kind; a plain name comes back as it is."""
    prefix = arn(kind, "")
    return text.removeprefix(prefix)


def initiator(caller_arn: str) -> str:
    """Return who starts a build as CodeBuild writes it: a user's name, or role and session."""
    resource = caller_arn.rpartition(":")[2]
    kind, _, name = resource.partition("/")
    return name if kind in {"user", "assumed-role"} and name else resource


def log_group(project: str) -> str:
    return f"/aws/codebuild/{project}"
