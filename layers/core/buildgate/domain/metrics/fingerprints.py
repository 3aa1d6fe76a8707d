"""Failures grouped by what they say, and what class each is by what a retry at the same commit did."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from buildgate.domain.builds import BuildHead, BuildStatus

_INFRASTRUCTURE_PHASES = {"SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "FINALIZING"}
_SHAPES = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{7,64}\b"), "<hash>"),
    (re.compile(r"(?<![\w.>])/(?:[\w.@+-]+/)*[\w.@+-]+"), "<path>"),
    (re.compile(r"\d+(?:\.\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. ``kind`` is infrastructure, flaky, code or unknown; ``evidence`` says by what rule."""

    fingerprint: str
    phase: str
    message: str
    count: int
    builds: tuple[str, ...]
    first_seen: str
    last_seen: str
    kind: str
    evidence: str
    cost_micro_usd: int


def normalise(message: str) -> str:
    """Return a message without what differs from build to build: ids, hashes, paths, numbers. Safe to repeat."""
    text = message.strip().lower()
    for shape, word in _SHAPES:
        text = shape.sub(word, text)
    return text.strip()


def failures(heads: Sequence[BuildHead]) -> tuple[Failure, ...]:
    """Return the failures of a window, the most frequent first. Stopped builds are nobody's failure."""
    groups: dict[tuple[str, str], list[BuildHead]] = {}
    for head in heads:
        if head.status.is_finished and head.status not in {BuildStatus.SUCCEEDED, BuildStatus.STOPPED}:
            phase, _, message = (head.reason or f"{head.status}").partition(" ")
            groups.setdefault((phase, normalise(message)), []).append(head)
    again = _Again(heads)
    found = [_failure(phase, members, again) for (phase, _), members in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.count, one.fingerprint)))


def _failure(phase: str, members: Sequence[BuildHead], again: _Again) -> Failure:
    ordered = sorted(members, key=lambda head: head.started_at)
    message = (ordered[-1].reason or str(ordered[-1].status)).partition(" ")[2]
    name = hashlib.sha256(f"{phase} {normalise(message)}".encode()).hexdigest()[:12]
    kind, evidence = _kind(phase, ordered, again)
    return Failure(
        fingerprint=name,
        phase=phase,
        message=message,
        count=len(ordered),
        builds=tuple(head.build_id for head in ordered[-5:]),
        first_seen=ordered[0].started_at.isoformat(),
        last_seen=ordered[-1].started_at.isoformat(),
        kind=kind,
        evidence=evidence,
        cost_micro_usd=sum(head.cost_micro_usd or 0 for head in ordered),
    )


def _kind(phase: str, members: Sequence[BuildHead], again: _Again) -> tuple[str, str]:
    if phase in _INFRASTRUCTURE_PHASES or any(head.status is BuildStatus.FAULT for head in members):
        return (
            "infrastructure",
            f"ended in {phase}, before or after the build's own commands, or by a fault of CodeBuild",
        )
    passed = failed = 0
    for head in members:
        later = again.of(head)
        passed += any(one.status is BuildStatus.SUCCEEDED for one in later)
        failed += bool(later) and all(one.status is not BuildStatus.SUCCEEDED for one in later)
    if passed:
        return "flaky", f"{passed} of {len(members)} passed when built again at the same commit"
    if failed:
        return "code", f"{failed} of {len(members)} failed again at the same commit"
    return "unknown", "never built again at the same commit"


class _Again:
    """Builds by what they build again: a named build, or a commit."""

    def __init__(self, heads: Sequence[BuildHead]) -> None:
        self._retries: dict[str, list[BuildHead]] = {}
        self._commits: dict[str, list[BuildHead]] = {}
        for head in heads:
            if head.retry_of:
                self._retries.setdefault(head.retry_of, []).append(head)
            if head.commit:
                self._commits.setdefault(head.commit, []).append(head)

    def of(self, head: BuildHead) -> list[BuildHead]:
        """Return the builds that built the same again: retries, and later builds of the commit."""
        same = [one for one in self._commits.get(head.commit, ()) if one.started_at > head.started_at]
        return same + [one for one in self._retries.get(head.build_id, ()) if one not in same]
