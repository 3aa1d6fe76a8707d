"""The event that a build changed: identifiers only, for the rule's transformer forwards nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from buildgate.domain.builds import Misreported
from buildgate.domain.errors import Corrupt
from buildgate.domain.times import from_text


class BuildEvent(NamedTuple):
    """A hint that a build changed; the truth is asked for. ``build_id`` is ``project:uuid``, ``at`` when it changed."""

    event_id: str
    build_id: str
    project: str
    at: datetime | None = None


def parse_build_event(event: Mapping[str, Any], *, account: str, region: str) -> BuildEvent:
    """Return the hint of a transformed event ``{id, time, account, region, build, project, status}``.

    Args:
        event: What the rule's input transformer made.
        account: The account this installation runs in; another account's build is not ours to record.
        region: The Region, likewise.

    Raises:
        Corrupt: A field is missing, or the ARN is not a build's of this account and Region.
    """
    try:
        arn, event_id = str(event["build"]), str(event["id"])
    except (KeyError, TypeError) as error:
        raise Corrupt(f"a build event without {error}") from error
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "codebuild" or not parts[5].startswith("build/"):
        raise Corrupt(f"{arn!r} is not the ARN of a build")
    if account and (parts[3], parts[4]) != (region, account):
        raise Corrupt(f"{arn!r} belongs to another account or Region")
    build_id = parts[5].removeprefix("build/")
    return BuildEvent(event_id, build_id, build_id.rsplit(":", 1)[0], _moment(event.get("time")))


def _moment(text: object) -> datetime | None:
    """Return when the event says that it happened; the time is for a metric only, so that a strange one is none."""
    try:
        return from_text(str(text))
    except ValueError:
        return None


def unfit_of(event: Mapping[str, Any], reason: str) -> Misreported:
    """Return what is set aside of an event that names no build of ours: whatever it calls itself, and why."""
    named = event.get("build") or event.get("id") or "unknown" if isinstance(event, Mapping) else "unknown"
    return Misreported(f"event:{named}"[:300], reason)
