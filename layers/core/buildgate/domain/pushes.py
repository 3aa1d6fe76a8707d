"""Pushes to a repository: which are new, and which pipelines they open a run of.

Events of pushes are delivered twice, late, out of order or never. A push is known by its event; a branch's cursor
tells an event that was lost (and healed from the branch's head) from a new one that leads to the same commit.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from buildgate.domain.times import to_words

_SKIP = re.compile(r"\[(?:skip ci|ci skip|no ci|skip buildgate)\]|^skip-checks:\s*true$", re.IGNORECASE | re.MULTILINE)
KEPT = 20

Changes = tuple[tuple[str, str, datetime], ...]
"""Old commit, commit and time of changes of a branch, newest last."""


@dataclass(frozen=True, slots=True)
class Push:
    """One change of one branch or tag. ``commit`` is empty when it was deleted, ``old_commit`` when it was created."""

    event_id: str
    at: datetime
    provider: str
    repository: str
    ref_type: str
    ref: str
    commit: str
    old_commit: str
    actor: str
    is_healed: bool = False

    @property
    def repository_key(self) -> str:
        return f"{self.provider}:{self.repository}"

    @property
    def is_deletion(self) -> bool:
        return not self.commit


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the pushes of one branch or tag are known.

    ``healed`` are the changes that were found without their event, at the time they were found; ``recent`` those whose
    events came.
    """

    commit: str
    at: datetime
    version: int
    healed: Changes = ()
    recent: Changes = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """A push nobody has seen: runs may open. ``cursor`` is what to store, with version one higher than before."""

    cursor: Cursor
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """This push opened its runs already."""

    reason: str


def judge_push(push: Push, cursor: Cursor | None) -> Fresh | Seen:
    """Decide by the branch's cursor whether a push is new; the event's id has been looked up before.

    A branch that goes A, B, A, B within a minute was pushed four times: the commit alone decides nothing. Only a push
    that was healed (its event had not come) or emitted twice can come again under another id: a healed one is then not
    newer than the moment at which it was found, and one emitted twice is the same change at the same time.
    """
    change = (push.old_commit, push.commit, push.at)
    if cursor is None:
        return Fresh(_noted(Cursor(push.commit, push.at, 0), push), "first push of this branch or tag")
    if push.is_healed and cursor.commit == push.commit:
        return Seen("the branch's head is known already")
    late = [entry for entry in cursor.healed if entry[1] == push.commit and push.at <= entry[2]]
    if late and not push.is_healed:
        return Seen(f"found without its event at {to_words(late[-1][2])}")
    follows = push.at == cursor.at and push.old_commit == cursor.commit
    if change in cursor.recent and not follows:
        return Seen("the same change at the same time is known under another event")
    if push.at > cursor.at or follows:
        return Fresh(_noted(_moved(cursor, push), push), "moves the branch on")
    return Fresh(_noted(cursor, push), "an older push that came late")


def _moved(cursor: Cursor, push: Push) -> Cursor:
    """Return the cursor moved by a push, and on along pushes of the same second whose events came before it."""
    commit, left = push.commit, [change for change in cursor.recent if change[2] == push.at]
    passed = {push.old_commit, push.commit}
    while onward := next((new for old, new, _ in left if old == commit and new not in passed), None):
        commit = onward
        passed.add(commit)
    return replace(cursor, commit=commit, at=push.at)


def _noted(cursor: Cursor, push: Push) -> Cursor:
    """Return the cursor, one version on, with the push among the changes it remembers."""
    change = (push.old_commit, push.commit, push.at)
    if push.is_healed:
        return replace(cursor, version=cursor.version + 1, healed=(*cursor.healed, change)[-KEPT:])
    return replace(cursor, version=cursor.version + 1, recent=(*cursor.recent, change)[-KEPT:])


class TriggerRule(Protocol):
    """What a trigger of a pipeline says: see ``domain/pipelines.py``."""

    @property
    def branches(self) -> Sequence[str]: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def include(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Matched:
    """The push fits the trigger."""

    reason: str


@dataclass(frozen=True, slots=True)
class NeedsPaths:
    """The branch fits; the changed paths decide."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The push opens nothing here, and why."""

    reason: str


def match_ref(push: Push, trigger: TriggerRule) -> Matched | NeedsPaths | Unmatched:
    """Decide by branch or tag name whether a push fits a trigger, before any path is looked at."""
    if push.is_deletion:
        return Unmatched(f"{push.ref_type} {push.ref} was deleted: a deletion opens no run")
    globs = trigger.tags if push.ref_type == "tag" else trigger.branches
    if not globs:
        return Unmatched(f"the trigger names no {'tags' if push.ref_type == 'tag' else 'branches'}")
    if not any(matches(glob, push.ref) for glob in globs):
        return Unmatched(f"{push.ref_type} {push.ref} fits none of {', '.join(globs)}")
    if push.ref_type == "branch" and (trigger.include or trigger.exclude):
        return NeedsPaths("the changed paths decide")
    return Matched(f"{push.ref_type} {push.ref} fits")


def match_paths(paths: Iterable[str], trigger: TriggerRule) -> Matched | Unmatched:
    """Decide by changed paths: one path that is included (all are, by default) and not excluded is enough."""
    count = 0
    for path in paths:
        count += 1
        included = not trigger.include or any(matches(glob, path) for glob in trigger.include)
        if included and not any(matches(glob, path) for glob in trigger.exclude):
            return Matched(f"{path} changed")
    what = "the one changed path is not" if count == 1 else f"none of {count} changed paths is"
    return Unmatched(f"{what} included by the trigger's path filter")


def asks_to_skip(message: str) -> bool:
    """Return whether a commit message carries a skip marker such as ``[skip ci]``."""
    return _SKIP.search(message) is not None


def matches(glob: str, text: str) -> bool:
    """Return whether a glob fits: ``*`` stays within a path segment, ``**`` crosses them, case counts."""
    return _compiled(glob).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _compiled(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^\]]+\])", glob)
    return re.compile("".join(_GLOB.get(part) or _literal(part) for part in parts if part))


_TRANSLATED = slice(len("(?s:"), -len(r")\Z"))
"""What `fnmatch` puts around its answer: Python 3.14 writes the end as ``\\z``."""
_GLOB = {"**/": "(?:.*/)?", "/**": "(?:/.*)", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _literal(part: str) -> str:
    if part.startswith("[") and part.endswith("]") and len(part) > len("[]"):
        return fnmatch.translate(part)[_TRANSLATED]
    return re.escape(part)
