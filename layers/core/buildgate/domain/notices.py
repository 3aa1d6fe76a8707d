"""Notices: what people are told, in which words, on which topic, under which key.

A notice goes out at least once, always under the same key, so that a receiver can drop a repeat. The wording is made
here from facts; nothing secret is among them. The one exception is an approval's link, which exists only in the
message itself and never in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from buildgate.domain.redaction import redact, shorten

if TYPE_CHECKING:
    from buildgate.domain.builds import Build, BuildHead

SUBJECT_LIMIT = 100
_DESCRIPTION_LIMIT = 2_000
_NO_FACTS: Mapping[str, str] = MappingProxyType({})


class Topic(StrEnum):
    """Where a notice goes."""

    SUCCESS = "success"
    FAILURE = "failure"
    APPROVAL = "approval"


class NoticeRef(NamedTuple):
    """Names a notice: ``owner`` is the run or build it is about, ``key`` what it says."""

    owner: str
    key: str

    @property
    def dedupe_key(self) -> str:
        return f"{self.owner}/{self.key}"


class Notice(NamedTuple):
    """One message, ready to publish. ``topic_arn`` overrides the stack's topic of that kind.

    ``correlation_id`` is that of the run it is about; empty for a build outside any run.
    """

    ref: NoticeRef
    topic: Topic
    title: str
    description: str
    thread: str
    next_steps: tuple[str, ...] = ()
    facts: Mapping[str, str] = _NO_FACTS
    topic_arn: str = ""
    approver: str = ""
    correlation_id: str = ""

    @property
    def subject(self) -> str:
        """Return a subject line as SNS takes it: ASCII, one line, at most 100 characters."""
        plain = " ".join(self.title.encode("ascii", "ignore").decode().split())
        return plain[:SUBJECT_LIMIT]

    @property
    def text(self) -> str:
        """Return the message as an e-mail shows it."""
        lines = [self.description, ""]
        lines += [f"{name}: {value}" for name, value in self.facts.items()]
        lines += ["", *self.next_steps] if self.next_steps else []
        return "\n".join(lines).strip() + "\n"

    @property
    def card(self) -> dict[str, Any]:
        """Return the message as Amazon Q Developer in chat applications shows it (schema 1.0, source custom)."""
        return {
            "version": "1.0",
            "source": "custom",
            "id": self.ref.dedupe_key,
            "content": {
                "textType": "client-markdown",
                "title": self.title,
                "description": self.description,
                **({"nextSteps": list(self.next_steps)} if self.next_steps else {}),
            },
            "metadata": {
                "threadId": self.thread,
                "summary": self.title,
                "eventType": f"buildgate.{self.topic}",
                "additionalContext": dict(self.facts),
            },
        }


def build_ended_ref(build: Build | BuildHead) -> NoticeRef:
    """Return under which key the end of a build is told."""
    return NoticeRef(build.build_id, f"build-{build.status}")


def build_ended(build: Build, reason: str) -> Notice:
    """Return the notice that a build outside any run has ended."""
    good = build.status.value == "SUCCEEDED"
    facts = {"build": build.build_id, "status": build.status.value, "started by": build.initiator}
    if build.log_link:
        facts["log"] = build.log_link
    return Notice(
        ref=build_ended_ref(build),
        topic=Topic.SUCCESS if good else Topic.FAILURE,
        title=f"{'✅' if good else '❌'} build {build.project}: {build.status}",
        description=clip(reason),
        thread=build.build_id,
        next_steps=(f"buildgate build show {build.build_id}",),
        facts={name: redact(value) for name, value in facts.items() if value},
    )


def clip(text: str) -> str:
    """Return a description of bearable length, without secrets."""
    return shorten(redact(text) or "No reason was recorded.", limit=_DESCRIPTION_LIMIT)
