"""Notices: what people are told, in which words, on which topic, under which key.

A notice goes out at least once, always under the same key, so that a receiver can drop a repeat. The wording is made
here from facts; nothing secret is among them. The one exception is an approval's link, which exists only in the
message itself and never in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from buildgate.domain.redaction import redact, shorten
from buildgate.domain.runs import Run, RunStatus

if TYPE_CHECKING:
    from buildgate.domain.builds import Build

SUBJECT_LIMIT = 100
_DESCRIPTION_LIMIT = 2_000


class Topic(StrEnum):
    """Where a notice goes."""

    SUCCESS = "success"
    FAILURE = "failure"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class NoticeRef:
    """Names a notice: ``owner`` is the run or build it is about, ``key`` what it says."""

    owner: str
    key: str

    @property
    def dedupe_key(self) -> str:
        return f"{self.owner}/{self.key}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message, ready to publish. ``topic_arn`` overrides the stack's topic of that kind."""

    ref: NoticeRef
    topic: Topic
    title: str
    description: str
    thread: str
    next_steps: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    topic_arn: str = ""
    approver: str = ""

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


def run_ended(run: Run, stages: Sequence[str], topic_arn: str = "") -> Notice:
    """Return the notice that a run succeeded, or that it did not and why."""
    good = run.status is RunStatus.SUCCEEDED
    mark = {"SUCCEEDED": "✅", "FAILED": "❌", "TIMED_OUT": "❌"}.get(run.status, "⚪")
    where = f"{run.source.ref} at {run.source.commit[:10]}" if run.source.commit else run.source.ref
    return Notice(
        ref=NoticeRef(run.run_id, f"run-{run.status}"),
        topic=Topic.SUCCESS if good else Topic.FAILURE,
        title=f"{mark} {run.pipeline}: {run.status} ({where})",
        description=_clip(run.reason),
        thread=run.run_id,
        next_steps=(f"buildgate run show {run.run_id}",),
        facts=_run_facts(run) | ({"stages": "; ".join(stages)} if stages else {}),
        topic_arn=topic_arn,
    )


def is_news(run: Run, others: Sequence[Run]) -> bool:
    """Return whether a run turns its branch from good to bad or back; the first verdict on a branch is news.

    Args:
        run: The run that has ended.
        others: Runs of the same pipeline, in any order; those of other branches, later ones, and those that were
            stopped before they said anything are left out.
    """
    silent = {RunStatus.STOPPED, RunStatus.SUPERSEDED}
    same = [one for one in others if (one.source.ref_type, one.source.ref) == (run.source.ref_type, run.source.ref)]
    spoke = [one for one in same if one.run_id < run.run_id and one.status.is_final and one.status not in silent]
    if not spoke:
        return True
    before = max(spoke, key=lambda one: one.run_id)
    return (before.status is RunStatus.SUCCEEDED) is not (run.status is RunStatus.SUCCEEDED)


def build_ended(build: Build, reason: str) -> Notice:
    """Return the notice that a build outside any run has ended."""
    good = build.status.value == "SUCCEEDED"
    facts = {"build": build.build_id, "status": build.status.value, "started by": build.initiator}
    if build.log_link:
        facts["log"] = build.log_link
    return Notice(
        ref=NoticeRef(build.build_id, f"build-{build.status}"),
        topic=Topic.SUCCESS if good else Topic.FAILURE,
        title=f"{'✅' if good else '❌'} build {build.project}: {build.status}",
        description=_clip(reason),
        thread=build.build_id,
        next_steps=(f"buildgate build show {build.build_id}",),
        facts={name: redact(value) for name, value in facts.items() if value},
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for approval tells the approver."""

    approval_id: str
    stage: str
    due_at: datetime
    instructions: str
    link: str
    approver: str = ""
    topic_arn: str = ""


def approval_key(approval_id: str, approver: str) -> str:
    """Return the key of a request for approval: which approval, and who is asked (``all`` for a broadcast)."""
    return f"approval/{approval_id}/{approver or 'all'}"


def approval_of_key(key: str) -> str:
    """Return the approval's id of such a key, and nothing for another one."""
    kind, _, rest = key.partition("/")
    return rest.split("/", 1)[0] if kind == "approval" else ""


def approval_asked(run: Run, asked: Asked, *, now: datetime) -> Notice:
    """Return the message that asks for a decision; without a link it names the command instead."""
    key = approval_key(asked.approval_id, asked.approver)
    decide = asked.link or f"buildgate approval show {asked.approval_id}"
    facts = _run_facts(run) | {"approval": asked.approval_id, "expires in": _span(asked.due_at - now)}
    if asked.link:
        facts["link"] = asked.link
    said = f" {asked.instructions}" if asked.instructions else ""
    return Notice(
        ref=NoticeRef(run.run_id, key),
        topic=Topic.APPROVAL,
        title=f"⏸ {run.pipeline}: approve stage {asked.stage}?",
        description=_clip(f"Stage {asked.stage} of {run.pipeline} waits for a decision.{said}"),
        thread=run.run_id,
        next_steps=(f"Look and decide: {decide}",),
        facts=facts,
        topic_arn=asked.topic_arn,
        approver=asked.approver,
    )


def _run_facts(run: Run) -> dict[str, str]:
    source = run.source
    facts = {
        "pipeline": run.pipeline,
        "run": run.run_id,
        "repository": source.repository,
        source.ref_type or "ref": source.ref,
        "commit": source.commit[:12],
        "message": shorten(redact((source.message.splitlines() or [""])[0]), limit=120),
        "by": source.actor,
        "correlation": run.correlation_id,
    }
    return {name: redact(value) for name, value in facts.items() if value}


def _clip(text: str) -> str:
    return shorten(redact(text) or "No reason was recorded.", limit=_DESCRIPTION_LIMIT)


def _span(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
