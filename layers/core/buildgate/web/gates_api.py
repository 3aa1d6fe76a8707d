"""The gates' part of the operators' API: judgements with all they rest on, their history, and waivers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from buildgate.domain.durations import seconds_of
from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.gates.outcomes import outcome
from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
from buildgate.domain.gates.record import JudgementHead
from buildgate.domain.gates.waiver_data import waiver_to_data
from buildgate.domain.times import from_text, to_text
from buildgate.runtime.wiring import Wiring
from buildgate.web.http import Request

Route = Callable[[Request, Mapping[str, str]], Mapping[str, Any]]
_ANSWER_BYTES = 4_500_000
"""What a function may answer is 6 MB, and JSON in JSON grows."""
_MOST = 500
_DEFAULT_SINCE = "90d"


class GatesApi:
    """Routes of judgements and waivers."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    def routes(self) -> Sequence[tuple[str, str, Route]]:
        return (
            ("GET", "/v1/runs/{id}/judgements/{stage}/{gate}", self._judgement),
            ("GET", "/v1/pipelines/{name}/judgements", self._history),
            ("GET", "/v1/pipelines/{name}/waivers", self._waivers),
            ("POST", "/v1/pipelines/{name}/waivers", self._grant),
            ("POST", "/v1/pipelines/{name}/waivers/{id}/withdraw", self._withdraw),
        )

    def _judgement(self, _: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
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
        place = {"key": ref.key, "version_id": ref.version_id, "sha256": ref.sha256}
        judgement = self._w.judgements.load(ref)
        data = judgement.to_data()
        if len(json.dumps(data)) > _ANSWER_BYTES:
            return {"judgement": None, "place": place}
        return {"judgement": data, "place": place, "is_repeatable": judgement.is_repeatable()}

    def _history(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        name, query = self._pipeline(parameters), request.query
        since = _moment(query.get("since", _DEFAULT_SINCE), self._w.clock.now())
        text = query.get("limit", str(_MOST))
        if not text.isdecimal() or not 1 <= int(text) <= _MOST:
            raise Rejected(f"limit must be a whole number from 1 to {_MOST}, not {text!r}", field="limit")
        heads = [
            head
            for head in self._w.judgements.since(name, since, limit=_MOST)
            if all(query.get(key, value) == value for key, value in _facets(head).items())
        ][: int(text)]
        runs = self._w.runs.recent(name, limit=_MOST) if heads else ()
        return {"pipeline": name, "judgements": [_listed(head) | {"outcome": outcome(head, runs)} for head in heads]}

    def _pipeline(self, parameters: Mapping[str, str]) -> str:
        name = parameters["name"]
        if self._w.pipelines.head(name) is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        return name

    def _waivers(self, _: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        name, now = self._pipeline(parameters), self._w.clock.now()
        return {"pipeline": name, "waivers": [_waiver(one, now) for one in self._w.waivers.of_pipeline(name)]}

    def _grant(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            body = request.json
        except ValueError as error:
            raise Rejected(f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Rejected("the body must be a JSON object")
        gate = str(body.pop("gate", "") or "")
        granted = self._w.grant_waiver(parameters["name"], body, gate=gate, actor=request.actor)
        return {"waiver": _waiver(granted, self._w.clock.now())}

    def _withdraw(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
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


def _listed(head: JudgementHead) -> dict[str, Any]:
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
    }


def _waiver(one: PipelineWaiver, now: datetime) -> dict[str, Any]:
    state = "withdrawn" if one.withdrawn_by else "expired" if one.ends_at <= now else "acting"
    return {
        "id": one.id,
        **waiver_to_data(one.waiver),
        "gate": one.gate,
        "state": state,
        "granted_by": one.granted_by,
        "granted_at": to_text(one.granted_at),
        "withdrawn_by": one.withdrawn_by,
    }
