"""The event that a repository's branch or tag changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildgate.domain.errors import Corrupt
from buildgate.domain.pushes import Push
from buildgate.domain.times import from_text

_CHANGES = frozenset({"referenceCreated", "referenceUpdated", "referenceDeleted"})
_PREFIXES = {"branch": "refs/heads/", "tag": "refs/tags/"}


def parse_push_event(event: Mapping[str, Any]) -> Push | None:
    """Return the push of a CodeCommit Repository State Change, or None when no branch or tag changed.

    ``referenceName`` comes both as ``main`` and as ``refs/heads/main``; both are read as ``main``.

    Raises:
        Corrupt: A required field is missing or has the wrong form.
    """
    try:
        detail = event["detail"]
        if detail["event"] not in _CHANGES:
            return None
        kind = str(detail["referenceType"])
        if kind not in _PREFIXES:
            raise Corrupt(f"a push event with reference type {kind!r}")
        return Push(
            event_id=str(event["id"]),
            at=from_text(str(event["time"])),
            provider="codecommit",
            repository=str(detail["repositoryName"]),
            ref_type=kind,
            ref=str(detail["referenceName"]).removeprefix(_PREFIXES[kind]),
            commit="" if detail["event"] == "referenceDeleted" else str(detail["commitId"]),
            old_commit=str(detail.get("oldCommitId") or ""),
            actor=str(detail.get("callerUserArn") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Corrupt(f"a push event that cannot be understood: {type(error).__name__}: {error}") from error
