"""The operator's JSON API. API Gateway has identified the caller; what a caller may do here is IAM's to say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from buildgate.domain.approvals import ApprovalRef, Decision, Identity, Refused
from buildgate.domain.errors import BuildgateError, Conflict, Corrupt, NotFound, Rejected, Unavailable
from buildgate.inbound.pipeline_file import parse
from buildgate.ports import PipelineHead
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.open_run import Wish
from buildgate.web import views
from buildgate.web.gates_api import GatesApi
from buildgate.web.http import BODY_LIMIT, Answer, Request
from buildgate.web.metrics_api import MetricsApi

_LIMIT = 50
_DIGITS = re.compile(r"[0-9]{1,9}")
_STATUS = {NotFound: 404, Rejected: 400, Conflict: 409, Unavailable: 503}
Route = Callable[[Request, Mapping[str, str]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Entry:
    method: str
    pattern: re.Pattern[str]
    route: Route
    name: str


class Api:
    """Answers the routes under ``/v1``. Every failure has one shape: ``{"error": {class, message, field, fix}}``."""

    def __init__(self, wiring: Wiring, tests: TestWiring | None = None) -> None:
        self._w = wiring
        self._entries = [
            _Entry(method, _pattern(path), route, f"{method} {path}")
            for method, path, route in (
                ("GET", "/v1/pipelines", self._pipelines),
                ("PUT", "/v1/pipelines/{name}", self._apply),
                ("GET", "/v1/pipelines/{name}", self._pipeline),
                ("POST", "/v1/pipelines/{name}/runs", self._start),
                ("GET", "/v1/runs", self._runs),
                ("GET", "/v1/runs/{id}", self._run),
                ("POST", "/v1/runs/{id}/stop", self._stop),
                ("POST", "/v1/runs/{id}/retry", self._retry),
                ("GET", "/v1/approvals", self._approvals),
                ("GET", "/v1/approvals/{id}", self._approval),
                ("POST", "/v1/approvals/{id}/decision", self._decide),
                ("GET", "/v1/pushes/{repository}", self._pushes),
                ("GET", "/v1/projects", self._projects),
                *GatesApi(wiring).routes(),
                *MetricsApi(wiring, tests).routes(),
            )
        ]

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        request = Request.from_event(event)
        try:
            if not request.actor:
                return _failed(403, Rejected("the caller is not known"), request, "unidentified")
            if len(request.body) > BODY_LIMIT:
                return _failed(413, Rejected("the body is larger than 256 KiB"), request, "too large")
            entry, parameters = self._match(request)
            body = entry.route(request, parameters)
        except BuildgateError as error:
            return _failed(_status_of(error), error, request, error.reason)
        return _json(200, body, request, entry.name, "done")

    def _match(self, request: Request) -> tuple[_Entry, Mapping[str, str]]:
        path = request.path.removeprefix("/oidc")  # the same routes for callers whom a token identifies
        for entry in self._entries:
            found = entry.pattern.fullmatch(path)
            if found and entry.method == request.method:
                return entry, found.groupdict()
        raise NotFound(f"there is no {request.method} {request.path}")

    def _pipelines(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        return {"pipelines": [views.pipeline_head(head) for head in self._w.pipelines.heads()]}

    def _apply(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        body = _object(request)
        pipeline = parse(body.get("pipeline"))
        if pipeline.name != parameters["name"]:
            raise Rejected(
                f"the pipeline is named {pipeline.name}, the address says {parameters['name']}", field="name"
            )
        is_dry_run = bool(body.get("dry_run"))
        applied = self._w.apply_pipeline(pipeline, actor=request.actor, is_dry_run=is_dry_run)
        return {
            "name": pipeline.name,
            "version": applied.version,
            "digest": applied.version,
            "created": applied.is_new and not is_dry_run,
            "changed": applied.is_new,
        }

    def _head(self, name: str) -> PipelineHead:
        head = self._w.pipelines.head(name)
        if head is None:
            raise NotFound(f"there is no pipeline {name}", field="pipeline", fix="buildgate pipeline list")
        return head

    def _pipeline(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        head = self._head(parameters["name"])
        versions = self._w.pipelines.versions(head.name)
        wanted = request.query.get("version", head.version)
        full = [one for one in versions if one.version.startswith(wanted)]
        if len(full) != 1:
            raise NotFound(f"{head.name} has {len(full)} versions that begin with {wanted}", field="version")
        pipeline = self._w.pipelines.version(head.name, full[0].version)
        if pipeline is None:
            raise NotFound(f"version {wanted} of {head.name} is gone")
        return {
            "pipeline": pipeline.to_data(),
            "version": full[0].version,
            "applied_at": views.moment(full[0].applied_at),
            "applied_by": full[0].applied_by,
            "current": head.version,
            "versions": [views.pipeline_version(one) for one in versions],
        }

    def _start(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        body = _object(request)
        ref_type, _, ref = str(body.get("ref") or "").partition(":")
        if not ref:
            ref_type, ref = "branch", ref_type
        wish = Wish(
            pipeline=parameters["name"],
            actor=request.actor,
            correlation_id=request.request_id,
            ref=ref,
            ref_type=ref_type,
            commit=str(body.get("commit") or ""),
        )
        return {"run": views.run(self._w.open_run.start(wish))}

    def _runs(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        limit = _number(request, "limit", default=20, most=_LIMIT)
        name = request.query.get("pipeline", "")
        names = [self._head(name).name] if name else [head.name for head in self._w.pipelines.heads()]
        found = [run for one in names for run in self._w.runs.recent(one, limit=limit)]
        newest = sorted(found, key=lambda run: run.opened_at, reverse=True)[:limit]
        return {"runs": [views.run(run) for run in newest]}

    def _run(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        record = self._w.runs.record(parameters["id"])
        if record is None:
            raise NotFound(f"there is no run {parameters['id']}", field="run", fix="buildgate run list")
        pipeline = self._w.pipelines.version(record.run.pipeline, record.run.version)
        names = [stage.name for stage in pipeline.stages] if pipeline else []
        ids = [slot.build_id for slot in record.slots if slot.build_id]
        heads = self._w.records.heads(ids) if ids else {}
        return {"run": views.run_record(record, names, heads)}

    def _stop(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        comment = str(_object(request).get("comment") or "")
        return {"result": self._w.stop_run(parameters["id"], actor=request.actor, comment=comment)}

    def _retry(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        record = self._w.runs.record(parameters["id"])
        if record is None:
            raise NotFound(f"there is no run {parameters['id']}", field="run", fix="buildgate run list")
        stage = str(_object(request).get("stage") or "")
        run = self._w.open_run.retry(record, stage=stage, actor=request.actor, correlation_id=request.request_id)
        return {"run": views.run(run)}

    def _approvals(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        return {"approvals": [views.approval(one) for one in self._w.approvals.waiting()]}

    def _approval(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        ref = _approval_ref(parameters["id"])
        approval = self._w.approvals.get(ref)
        if approval is None:
            raise NotFound(f"there is no approval {parameters['id']}", field="approval", fix="buildgate approval list")
        run = self._run(request, {"id": ref.run_id})["run"]
        return {"approval": views.approval(approval), "run": run}

    def _decide(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        body = _object(request)
        word = body.get("decision")
        if word not in ("approve", "reject"):
            raise Rejected("decision must be approve or reject", field="decision")
        identity = Identity.IAM if request.actor.startswith("arn:") else Identity.OIDC
        decision = Decision(
            word == "approve", request.actor, identity, str(body.get("comment") or ""), self._w.clock.now()
        )
        approval, judged = self._w.decide_approval(_approval_ref(parameters["id"]), decision)
        if isinstance(judged, Refused):
            raise Conflict(judged.reason) if judged.status_code != 403 else Rejected(judged.reason)
        return {"approval": views.approval(approval), "result": judged.reason}

    def _pushes(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        limit = _number(request, "limit", default=20, most=_LIMIT)
        found = self._w.pushes.ignored(f"codecommit:{parameters['repository']}", limit=limit)
        rows = [{"at": views.moment(at), "ref": ref, "commit": sha, "reason": why} for at, ref, sha, why in found]
        return {"ignored": rows}

    def _projects(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        return {"projects": list(self._w.records.projects())}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _object(request: Request) -> Mapping[str, Any]:
    try:
        body = request.json
    except ValueError as error:
        raise Rejected(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Rejected("the body must be a JSON object")
    return body


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= most:
        raise Rejected(f"{name} must be a whole number from 1 to {most}, not {text[:40]!r}", field=name)
    return int(text)


def _approval_ref(text: str) -> ApprovalRef:
    ref = ApprovalRef.from_text(text)
    if ref is None:
        raise NotFound(f"there is no approval {text}", field="approval", fix="buildgate approval list")
    return ref


def _status_of(error: BuildgateError) -> int:
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def _json(status: int, body: Mapping[str, Any], request: Request, route: str, reason: str) -> Answer:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text, "application/json", reason=reason, route=route, actor=request.actor)


def _failed(status: int, error: BuildgateError, request: Request, reason: str) -> Answer:
    kind = next(base.__name__ for base in type(error).__mro__ if base in _NAMED)
    told = {"class": kind, "message": error.reason, "field": error.field, "fix": error.fix}
    answer = _json(status, {"error": told}, request, request.route, reason)
    return replace(answer, status_code=status)


_NAMED = {Rejected, Conflict, Unavailable, Corrupt, BuildgateError}
