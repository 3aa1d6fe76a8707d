"""The gates' part of the operators' API: judgements with all they rest on, their history, and waivers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, cast

from buildgate.domain.durations import seconds_of
from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.gates.outcomes import OUTCOMES, Fate
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.record import JudgementHead
from buildgate.domain.gates.waiver_data import waiver_to_data
from buildgate.domain.times import from_text, to_text
from buildgate.runtime.wiring import Wiring
from buildgate.web.bodies import Waive
from buildgate.web.http import Request
from buildgate.web.operations import NEXT, Body, Operation, Text, limit
from buildgate.web.paging import Pager

if TYPE_CHECKING:
    from buildgate.web.answers import (
        JudgementAnswer,
        JudgementList,
        JudgementRow,
        Place,
        WaiverAnswer,
        WaiverList,
        WaiverView,
    )

_ANSWER_BYTES: Final = 4_500_000
"""What a function may answer is 6 MB, and JSON in JSON grows."""
_MOST: Final = 500
_LISTED: Final = limit(_MOST, _MOST)
_SINCE: Final = Text("since", "Only judgements since then: an age such as 90d or 12h, or an ISO date.", default="90d")
_STAGE: Final = Text("stage", "Only of this stage.")
_GATE: Final = Text("gate", "Only of this gate.")
_BRANCH: Final = Text("branch", "Only of this branch; tags/NAME is a tag.")
_STATE: Final = Text("state", "Only waivers that stand so.", ("acting", "expired", "withdrawn"))


class GatesApi:
    """Routes of judgements and waivers."""

    def __init__(self, wiring: Wiring, pager: Pager) -> None:
        self._w = wiring
        self._pager = pager

    def operations(self) -> Sequence[Operation]:
        whole, waivers = "/v1/runs/{id}/judgements/{stage}/{gate}", "/v1/pipelines/{name}/waivers"
        history = (_SINCE, _STAGE, _GATE, _BRANCH, _LISTED, NEXT)
        return (
            Operation("GET", whole, self._judgement, "Show a judgement with all it rests on.", fails=(404,)),
            Operation(
                "GET",
                "/v1/pipelines/{name}/judgements",
                self._history,
                "List the judgements of a pipeline's gates, newest first.",
                history,
                fails=(404,),
            ),
            Operation(
                "GET", waivers, self._waivers, "List a pipeline's waivers.", (_STATE, _LISTED, NEXT), fails=(404,)
            ),
            Operation("POST", waivers, self._grant, "Grant a waiver.", body=Waive, fails=(404,)),
            Operation(
                "POST",
                f"{waivers}/{{id}}/withdraw",
                self._withdraw,
                "Let a waiver act no more.",
                body=Body,
                fails=(404,),
            ),
        )

    def _judgement(self, _: Request, parameters: Mapping[str, str]) -> JudgementAnswer:
        """Return a whole judgement, or, when it is too large for an answer, only where it lies."""
        run_id, stage, gate = parameters["id"], parameters["stage"], parameters["gate"]
        record = self._w.runs.record(run_id)
        if record is None:
            raise NotFound(f"there is no run {run_id}", field="run", fix="buildgate run list")
        places = {attempt.index for attempt in record.stages if attempt.name == stage}
        found = next((one for one in record.gates if one.name == gate and one.stage in places), None)
        if found is None:
            raise NotFound(f"no gate {gate} has judged stage {stage} of run {run_id}", field="gate")
        if found.judgement is None:
            raise NotFound(f"people decided gate {gate}: there is no evidence but their word", field="gate")
        ref = found.judgement
        place: Place = {"key": ref.key, "version_id": ref.version_id, "sha256": ref.sha256}
        judgement = self._w.judgements.load(ref)
        data = judgement.to_data()
        if len(json.dumps(data)) > _ANSWER_BYTES:
            return {"judgement": None, "place": place}
        return {"judgement": data, "place": place, "is_repeatable": judgement.is_repeatable()}

    def _history(self, request: Request, parameters: Mapping[str, str]) -> JudgementList:
        name = self._pipeline(parameters)
        wanted = {"stage": _STAGE.of(request), "gate": _GATE.of(request), "branch": _BRANCH.of(request)}
        since = _moment(_SINCE.of(request), self._w.clock.now())
        page = self._w.list_judgements.page(
            name,
            since,
            limit=_LISTED.of(request),
            before=self._pager.place(request),
            wanted=lambda head: all(wanted[key] in ("", value) for key, value in _facets(head).items()),
        )
        fates = self._w.list_judgements.fates(name, page.heads)
        rows = [_listed(head, fates[head.position]) for head in page.heads]
        following = self._pager.token(request, page.following) if page.following else None
        return {"pipeline": name, "judgements": rows, "next": following}

    def _pipeline(self, parameters: Mapping[str, str]) -> str:
        name = parameters["name"]
        if self._w.pipelines.head(name) is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        return name

    def _waivers(self, request: Request, parameters: Mapping[str, str]) -> WaiverList:
        name, now, state = self._pipeline(parameters), self._w.clock.now(), _STATE.of(request)
        found = [_waiver(one, now) for one in self._w.waivers.of_pipeline(name)]
        kept = [one for one in found if state in ("", one["state"])]
        page, following = self._pager.cut(
            request, kept, lambda one: f"{one['expires']}#{one['id']}", limit=_LISTED.of(request)
        )
        return {"pipeline": name, "waivers": list(page), "next": following}

    def _grant(self, request: Request, parameters: Mapping[str, str]) -> WaiverAnswer:
        body = Waive.of(request)
        granted = self._w.grant_waiver(
            parameters["name"], body.model_extra or {}, gate=body.gate or "", actor=request.actor
        )
        return {"waiver": _waiver(granted, self._w.clock.now())}

    def _withdraw(self, request: Request, parameters: Mapping[str, str]) -> WaiverAnswer:
        Body.of(request)
        withdrawn = self._w.grant_waiver.withdraw(parameters["name"], parameters["id"], actor=request.actor)
        return {"waiver": _waiver(withdrawn, self._w.clock.now())}


def _moment(text: str, now: datetime) -> datetime:
    """Return a moment of an age (90d, 12h) or of an ISO date."""
    seconds = seconds_of(text)
    try:
        return from_text(text) if seconds is None else now - timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise Rejected(f"since must be an age such as 90d, or a date, not {text!r}", field="since") from error


def _facets(head: JudgementHead) -> Mapping[str, str]:
    return {"stage": head.stage, "gate": head.gate, "branch": head.branch}


def _listed(head: JudgementHead, fate: Fate | None) -> JudgementRow:
    return {
        "run_id": head.run_id,
        "stage": head.stage,
        "gate": head.gate,
        "branch": head.branch,
        "at": to_text(head.at),
        "status": head.status,
        "is_blocking": head.is_blocking,
        "is_advisory": head.is_advisory,
        "mode": head.mode,
        "may_seed_baseline": head.may_seed,
        "score": head.score,
        "reason": head.reason,
        "policy_hash": head.policy_hash,
        "values": dict(head.values),
        "has_evidence": head.ref is not None,
        "outcome": OUTCOMES[fate] if fate else None,
        "fate": fate,
    }


def _waiver(one: PipelineWaiver, now: datetime) -> WaiverView:
    state: Literal["acting", "expired", "withdrawn"] = (
        "withdrawn" if one.withdrawn_by else "expired" if one.ends_at <= now else "acting"
    )
    shown = {
        "id": one.id,
        **waiver_to_data(one.waiver),
        "gate": one.gate,
        "state": state,
        "granted_by": one.granted_by,
        "granted_at": to_text(one.granted_at),
        "withdrawn_by": one.withdrawn_by,
    }
    return cast("WaiverView", shown)
