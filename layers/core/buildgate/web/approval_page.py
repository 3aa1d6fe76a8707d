"""The approval page: what is asked, what is known, and two buttons. Looking never decides; posting does, once.

A link is known by its capability. A wrong one, an unknown approval and a missing one get the same answer in the same
way, so that nothing can be learned by trying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from buildgate.domain.approvals import (
    ENTRY,
    Approval,
    ApprovalRef,
    ApprovalStatus,
    Capability,
    Decided,
    Decision,
    Identity,
    Refused,
    find_capability,
    form_token,
)
from buildgate.domain.errors import Conflict, Unavailable
from buildgate.domain.payloads import newer_link
from buildgate.domain.runs import Run, RunRecord
from buildgate.ports import Approvals, Clock, Pipelines, Runs
from buildgate.usecases.decide_approval import DecideApproval
from buildgate.web.http import BODY_LIMIT, STYLE, Answer, Request

_NOBODY = Approval(
    ref=ApprovalRef("0", 0, 0, "-"),
    pipeline="",
    stage_name="",
    status=ApprovalStatus.CANCELLED,
    asked_at=datetime(1970, 1, 1, tzinfo=UTC),
    due_at=datetime(1970, 1, 1, tzinfo=UTC),
    channel=Identity.LINK,
    required=1,
    capabilities=(Capability("0" * 64),),
)


@lru_cache(maxsize=1)
def pages() -> Environment:
    """Return the templates; every value is escaped, an unknown one is an error."""
    environment = Environment(
        loader=PackageLoader("buildgate.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = Markup(STYLE)  # noqa: S704 - our own file, no input  # nosec B704
    environment.filters["moment"] = lambda at: f"{at.day} {at:%b %Y, %H:%M} UTC" if at else ""
    return environment


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """Answers GET and HEAD with the page, POST with a decision."""

    runs: Runs
    pipelines: Pipelines
    approvals: Approvals
    decide: DecideApproval
    clock: Clock

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        request = Request.from_event(event)
        approval_id = request.path_parameters.get("id", "")
        if request.method not in {"GET", "HEAD", "POST"}:
            return _message(405, "This page can be opened and posted to, nothing else.", approval_id, "method")
        if len(request.body) > BODY_LIMIT:
            return _message(413, "That is too much text.", approval_id, "too large")
        try:
            return self._answer(request, approval_id)
        except (Conflict, Unavailable) as error:
            return _message(503, "That is not possible right now. Try again in a minute.", approval_id, error.reason)

    def _answer(self, request: Request, approval_id: str) -> Answer:
        capability = request.form.get("k", "") if request.method == "POST" else request.query.get("k", "")
        if newer := newer_link(capability):
            return _newer(request, newer, approval_id)
        approval, sent_to = self._known(approval_id, capability)
        if approval is None or sent_to is None:
            return _message(403, "This link is not valid. Ask for a new one.", approval_id, "wrong capability")
        is_post = request.method == "POST"
        answer = (
            self._post(request, approval, sent_to, capability) if is_post else self._show(approval, sent_to, capability)
        )
        return replace(answer, run_id=approval.ref.run_id, correlation_id=approval.correlation_id)

    def _known(self, approval_id: str, capability: str) -> tuple[Approval | None, Capability | None]:
        """Return the approval and whom the link was sent to; an unknown one costs the same work as a wrong link."""
        ref = ApprovalRef.from_text(approval_id)
        approval = self.approvals.get(ref or _NOBODY.ref)
        return approval, find_capability(approval or _NOBODY, capability)

    def _show(self, approval: Approval, sent_to: Capability, capability: str) -> Answer:
        approval_id = approval.ref.to_text()
        refusal = self._over(approval)
        facts = self._facts(approval)
        body = (
            pages()
            .get_template("approval.html")
            .render(
                approval=approval,
                approval_id=approval_id,
                approver=sent_to.approver,
                capability=capability,
                form_token=form_token(approval_id, capability),
                over=f"{refusal.reason}{_since(approval, facts['run'])}" if refusal else "",
                left=time_left(approval.due_at - self.clock.now()),
                **facts,
            )
        )
        is_gone = approval.status in {ApprovalStatus.WAITING, ApprovalStatus.EXPIRED, ApprovalStatus.SUPERSEDED}
        status = refusal.status_code if refusal and is_gone else 200
        return Answer(status, body, approval_id=approval_id, reason="shown", decision="shown")

    def _over(self, approval: Approval) -> Refused | None:
        if approval.status is ApprovalStatus.WAITING and self.clock.now() < approval.due_at:
            return None
        if approval.status in {ApprovalStatus.EXPIRED, ApprovalStatus.WAITING}:
            return Refused("Nobody decided in time: this approval has expired.", 410)
        if approval.status is ApprovalStatus.SUPERSEDED:
            by = f"A newer run, {approval.superseded_by}, has come to this stage and superseded this one."
            return Refused(f"{by} Its approval has a link of its own.", 409)
        if approval.status is ApprovalStatus.CANCELLED:
            return Refused("The run ended before anyone decided.", 409)
        last = approval.decisions[-1]
        return Refused(f"{last.actor} {last.word} this.", 409)

    def _facts(self, approval: Approval) -> dict[str, Any]:
        record = self.runs.record(approval.ref.run_id)
        pipeline = self.pipelines.version(record.run.pipeline, record.run.version) if record else None
        is_entry = approval.ref.name == ENTRY
        stages = pipeline.stages[approval.ref.stage + (0 if is_entry else 1) :] if pipeline else ()
        following = [{"name": stage.name, "builds": [build.name for build in stage.builds]} for stage in stages]
        return {
            "run": record.run if record else None,
            "gate": "" if is_entry else approval.ref.name,
            "following": following,
            "history": _history(record, approval),
        }

    def _post(self, request: Request, approval: Approval, sent_to: Capability, capability: str) -> Answer:
        approval_id = approval.ref.to_text()
        form = request.form
        proof = form_token(approval_id, capability).encode()
        if not compare_digest(form.get("form", "").encode("utf-8", "replace"), proof):
            return _message(403, "Open the link and use the buttons on the page.", approval_id, "no form token")
        wish = form.get("decision", "")
        if wish not in {"approve", "reject"}:
            return _message(400, "Choose approve or reject.", approval_id, "no decision")
        actor = sent_to.approver or form.get("name", "").strip()
        if not actor:
            return _message(400, "Please go back and say who you are.", approval_id, "no name")
        identity = Identity.MAILBOX if sent_to.approver else Identity.LINK
        decision = Decision(wish == "approve", actor, identity, form.get("comment", ""), self.clock.now())
        now, judged = self.decide(approval.ref, decision)
        if isinstance(judged, Refused):
            said = f"This cannot be decided any more: {judged.reason}."
            return _message(judged.status_code, said, approval_id, judged.reason)
        return _thanks(now, decision, judged.reason, is_new=isinstance(judged, Decided))


def time_left(time: timedelta) -> str:
    """Return how long there is to decide, in the unit that matters."""
    minutes = max(1, int(time.total_seconds() // 60))
    for size, unit in ((24 * 60, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"in {minutes // size} {unit}s"
    return f"in {minutes} minute{'s' if minutes > 1 else ''}"


def _since(approval: Approval, run: Run | None) -> str:
    """Return what became of an approved run that a newer one has superseded all the same."""
    if approval.status is not ApprovalStatus.APPROVED or run is None or not run.superseded_by:
        return ""
    return f" A newer run, {run.superseded_by}, came before it could go on, and superseded it."


def _history(record: RunRecord | None, approval: Approval) -> list[dict[str, Any]]:
    """Return what happened so far: stages with their builds and gates, in order; not the stage that waits to begin."""
    if record is None:
        return []
    last = approval.ref.stage - (1 if approval.ref.name == ENTRY else 0)
    stages = [stage for stage in record.stages if stage.index <= last]
    return [
        {
            "stage": stage,
            "builds": record.slots_of(stage),
            "gates": [gate.verdict for gate in record.gates_of(stage)],
        }
        for stage in sorted(stages, key=lambda stage: (stage.index, stage.attempt))
    ]


def _thanks(approval: Approval, decision: Decision, reason: str, *, is_new: bool) -> Answer:
    body = (
        pages().get_template("decided.html").render(approval=approval, decision=decision, reason=reason, is_new=is_new)
    )
    said = decision.word if is_new else "repeated"
    return Answer(200, body, approval_id=approval.ref.to_text(), reason=reason, decision=said, actor=decision.actor)


def _message(status: int, text: str, approval_id: str, reason: str) -> Answer:
    body = pages().get_template("message.html").render(status=status, text=text)
    return Answer(status, body, approval_id=approval_id, reason=reason, decision="refused")


def _newer(request: Request, written: int, approval_id: str) -> Answer:
    """Answer a link that this release cannot read, whatever it leads to; a program that asks for JSON gets JSON."""
    reason = f"this link has format {written}, and this release reads links of format 1"
    fix = "ask for a new link, or deploy the newer release again"
    if "application/json" not in request.headers.get("accept", ""):
        said = f"A newer release sent this link. {reason.capitalize()}: {fix}."
        return _message(403, said, approval_id, reason)
    body = json.dumps({"error": {"class": "Rejected", "message": reason, "field": "k", "fix": fix}})
    return Answer(403, body, "application/json", approval_id=approval_id, reason=reason, decision="refused")
