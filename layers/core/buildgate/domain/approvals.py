"""Approvals: who may decide what, and what a decision changes.

Opening a link never decides; one conditional write does, once. A link carries a random capability of which only the
fingerprint is kept. What is known of the decider is recorded as it is known: a ``link`` was broadcast and its name is
self-declared; a ``mailbox`` got a link of its own; ``iam`` and ``oidc`` identities were proved to the API.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from buildgate.domain.ids import fingerprint, parse_place, place_text
from buildgate.domain.times import to_words

ENTRY = "entry"


class ApprovalStatus(StrEnum):
    """How an approval stands; every status but WAITING is final."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"


class Identity(StrEnum):
    """How well the decider is known, weakest first."""

    LINK = "link"
    MAILBOX = "mailbox"
    IAM = "iam"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class ApprovalRef:
    """Names one approval of one stage attempt of one run."""

    run_id: str
    stage: int
    attempt: int
    name: str

    def to_text(self) -> str:
        return place_text(self.run_id, self.stage, self.attempt, self.name)

    @classmethod
    def from_text(cls, text: str) -> ApprovalRef | None:
        """Return the reference of a text, or None when it is not one that ``to_text`` writes."""
        place = parse_place(text)
        return None if place is None else cls(*place)


@dataclass(frozen=True, slots=True)
class Capability:
    """The fingerprint of one sent link, and whom it was sent to (empty when broadcast)."""

    fingerprint: str
    approver: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided. ``actor`` is an e-mail address, an ARN or a self-declared name."""

    approve: bool
    actor: str
    identity: Identity
    comment: str
    at: datetime

    @property
    def word(self) -> str:
        return "approved" if self.approve else "rejected"


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval as stored. ``barred`` are those who may not decide because the change is theirs.

    ``correlation_id`` is its run's. ``superseded_by`` is the newer run that is asked for in its place.
    """

    ref: ApprovalRef
    pipeline: str
    stage_name: str
    status: ApprovalStatus
    asked_at: datetime
    due_at: datetime
    channel: Identity
    required: int
    approvers: tuple[str, ...] = ()
    allow_self: bool = True
    instructions: str = ""
    barred: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    capabilities: tuple[Capability, ...] = ()
    decisions: tuple[Decision, ...] = ()
    version: int = 0
    is_delivered: bool = False
    correlation_id: str = ""
    superseded_by: str = ""

    @property
    def is_decided(self) -> bool:
        return self.status is not ApprovalStatus.WAITING


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision counts: store the approval as given. ``approval.status`` may still be WAITING below the quorum."""

    approval: Approval
    reason: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same person decided the same before: nothing changes, and all is well."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The decision does not count. ``status_code`` is 403 (not yours), 409 (decided otherwise) or 410 (too late)."""

    reason: str
    status_code: int


def find_capability(approval: Approval, capability: str) -> Capability | None:
    """Return whom a link was sent to, or None for a wrong one; every stored fingerprint is compared in constant time."""
    presented = fingerprint(capability)
    found = None
    for known in approval.capabilities:
        if hmac.compare_digest(known.fingerprint, presented):
            found = known
    return found


def form_token(approval_id: str, capability: str) -> str:
    """Return what the page's form carries, so that a blind POST to the link, as scanners send, decides nothing."""
    return hashlib.sha256(f"form\x1f{approval_id}\x1f{capability}".encode()).hexdigest()


def judge_decision(approval: Approval, decision: Decision) -> Decided | Repeated | Refused:
    """Decide what one person's decision changes. Safe to repeat: the second answer is Repeated.

    A rejection ends the approval at once; an approval counts until the quorum is reached.
    """
    same = [earlier for earlier in approval.decisions if _same_person(earlier.actor, decision.actor)]
    if same and same[-1].approve is decision.approve:
        return Repeated(f"{decision.actor} {decision.word} this at {to_words(same[-1].at)}")
    refusal = _refusal(approval, decision)
    if refusal is not None:
        return refusal
    if same:
        return Refused(f"{decision.actor} {same[-1].word} this already", 409)
    return _counted(approval, decision)


def _refusal(approval: Approval, decision: Decision) -> Refused | None:
    if approval.status is ApprovalStatus.EXPIRED or (not approval.is_decided and decision.at >= approval.due_at):
        return Refused(f"expired at {to_words(approval.due_at)}", 410)
    if approval.status is ApprovalStatus.CANCELLED:
        return Refused("the run ended before anyone decided", 409)
    if approval.status is ApprovalStatus.SUPERSEDED:
        return Refused(f"superseded by run {approval.superseded_by}: decide about that one", 409)
    if approval.is_decided:
        first = approval.decisions[-1]
        return Refused(f"{first.actor} {first.word} this at {to_words(first.at)}", 409)
    if not approval.allow_self and _is_one_of(decision.actor, approval.barred):
        return Refused(f"{decision.actor} pushed or wrote this change, and may not approve it", 403)
    if approval.channel is not Identity.LINK and decision.identity is Identity.LINK:
        return Refused(f"this approval needs a {approval.channel} identity", 403)
    if _must_be_listed(approval) and not _is_one_of(decision.actor, approval.approvers):
        return Refused(f"{decision.actor} is not among the approvers: {', '.join(approval.approvers)}", 403)
    return None


def _must_be_listed(approval: Approval) -> bool:
    """Return whether the decider has to be on the list.

    Who may use a broadcast link is everyone who has it, so its list only says who is asked; the API's callers, whom IAM
    let in, are no worse known. Where the channel proves identities, the list decides.
    """
    return bool(approval.approvers) and approval.channel is not Identity.LINK


def _counted(approval: Approval, decision: Decision) -> Decided:
    decisions = (*approval.decisions, decision)
    approvals = sum(1 for one in decisions if one.approve)
    if not decision.approve:
        status, reason = ApprovalStatus.REJECTED, f"rejected by {decision.actor}"
    elif approvals >= approval.required:
        status, reason = ApprovalStatus.APPROVED, f"approved by {', '.join(d.actor for d in decisions)}"
    else:
        status, reason = ApprovalStatus.WAITING, f"{approvals} of {approval.required} approvals"
    return Decided(_with(approval, status, decisions), reason)


def _with(approval: Approval, status: ApprovalStatus, decisions: Sequence[Decision]) -> Approval:
    return replace(approval, status=status, decisions=tuple(decisions), version=approval.version + 1)


def _is_one_of(actor: str, people: Sequence[str]) -> bool:
    return any(_same_person(actor, person) for person in people)


def _same_person(one: str, other: str) -> bool:
    """Compare identities: whole, case-blind, or an ARN's last part (user or session name) against a plain name."""
    left, right = one.strip().casefold(), other.strip().casefold()
    if not left or not right:
        return False
    return left == right or _name_of(left) == right or left == _name_of(right)


def _name_of(actor: str) -> str:
    return actor.rsplit("/", 1)[-1] if actor.startswith("arn:") else actor
