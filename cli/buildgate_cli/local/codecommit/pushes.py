"""From the refs a push moved to CodeCommit's events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from buildgate_cli.local.codecommit.git import ZERO
from buildgate_cli.local.events import Event
from buildgate_cli.local.jsonservice import ACCOUNT, REGION

SOURCE = "aws.codecommit"
DETAIL_TYPE = "CodeCommit Repository State Change"
_TYPES = {"refs/heads/": "branch", "refs/tags/": "tag"}


def repository_arn(name: str) -> str:
    return f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{name}"


def push_event(
    repository: str, repository_id: str, change: Mapping[str, str], caller_arn: str, at: datetime
) -> Event | None:
    """Return the event for one moved ref, or None for a ref that is neither branch nor tag.

    `change` holds `ref` and the commits `old` and `new`, ZERO for none. A created ref has no `oldCommitId`, a deleted
    one no `commitId`, as in CodeCommit.
    """
    ref = change["ref"].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    prefix = next((prefix for prefix in _TYPES if ref.startswith(prefix)), None)
    if prefix is None:
        return None
    detail: dict[str, Any] = {
        "event": _event_name(change["old"], change["new"]),
        "repositoryName": repository,
        "repositoryId": repository_id,
        "referenceType": _TYPES[prefix],
        "referenceName": ref.removeprefix(prefix),
        "referenceFullName": ref,
        "callerUserArn": caller_arn,
    }
    if change["new"] != ZERO:
        detail["commitId"] = change["new"]
    if change["old"] != ZERO:
        detail["oldCommitId"] = change["old"]
    return Event(SOURCE, DETAIL_TYPE, (repository_arn(repository),), detail, at)


def _event_name(old: str, new: str) -> str:
    if new == ZERO:
        return "referenceDeleted"
    return "referenceCreated" if old == ZERO else "referenceUpdated"
