"""How CodeBuild names things: ARNs, ids, times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buildgate_cli.local.jsonservice import ACCOUNT, REGION

Clock = Callable[[], datetime]
CLOCK_FILE = "clock-shift"


def utc_now() -> datetime:
    return datetime.now(UTC)


def clock_of(home: Path) -> Clock:
    """Return this machine's clock, put forward or back by the seconds in the home's file `clock-shift`. For tests."""
    path = home / CLOCK_FILE

    def now() -> datetime:
        try:
            shift = float(path.read_text())
        except (FileNotFoundError, ValueError):
            shift = 0.0
        return utc_now() + timedelta(seconds=shift)

    return now


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
