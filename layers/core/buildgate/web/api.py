"""The operator's JSON API. API Gateway has identified the caller; what a caller may do here is IAM's to say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from buildgate.domain.errors import BuildgateError, Conflict, Corrupt, Forbidden, NotFound, Rejected, Unavailable
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.web import metrics_routes
from buildgate.web.gates_api import GatesApi
from buildgate.web.http import BODY_LIMIT, Answer, Request
from buildgate.web.metrics_api import MetricsApi
from buildgate.web.operations import Operation
from buildgate.web.paging import Pager
from buildgate.web.pipelines_api import PipelinesApi
from buildgate.web.runs_api import RunsApi

_STATUS: Final = {NotFound: 404, Forbidden: 403, Rejected: 400, Conflict: 409, Unavailable: 503}
_KEPT: Final = {"cache-control": "private, no-cache"}
"""What may be kept to be asked for again with its tag, by the caller alone. Everything else is kept nowhere."""

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


class Api:
    """Answers the routes under ``/v1``. Every failure has one shape: ``{"error": {class, message, field, fix}}``.

    ``seal`` is what tokens between pages are sealed with: the same in every copy of the function.
    """

    def __init__(self, wiring: Wiring, tests: TestWiring | None = None, *, seal: str = "") -> None:
        pager = Pager(hashlib.sha256(f"pages {seal}".encode()).digest())
        self.operations: Sequence[Operation] = (
            Operation("GET", "/v1/openapi.json", self._document, "Show this document."),
            *PipelinesApi(wiring, pager).operations(),
            *RunsApi(wiring, pager).operations(),
            *GatesApi(wiring, pager).operations(),
            *metrics_routes.operations(MetricsApi(wiring, tests).routes(), pager),
        )
        self._entries = [(_pattern(one.path), one) for one in self.operations]

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        request = Request.from_event(event)
        try:
            if not request.actor:
                return _failed(403, Rejected("the caller is not known"), request, "unidentified")
            if len(request.body) > BODY_LIMIT:
                return _failed(413, Rejected("the body is larger than 256 KiB"), request, "too large")
            operation, parameters = self._match(request)
            operation.check(request)
            body = operation.does(request, parameters)
        except BuildgateError as error:
            return _failed(_status_of(error), error, request, error.reason)
        return _tagged(_json(200, body, request, operation.name, "done"), request)

    def _match(self, request: Request) -> tuple[Operation, Mapping[str, str]]:
        path = request.path.removeprefix("/oidc")  # the same routes for callers whom a token identifies
        for pattern, operation in self._entries:
            found = pattern.fullmatch(path)
            if found and operation.method == request.method:
                return operation, found.groupdict()
        raise NotFound(f"there is no {request.method} {request.path}")

    def _document(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        from buildgate.web.openapi import document  # noqa: PLC0415 - the one route that needs it pays for it

        return document(self.operations)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _status_of(error: BuildgateError) -> int:
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def _json(status: int, body: Mapping[str, Any], request: Request, route: str, reason: str) -> Answer:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text, "application/json", reason=reason, route=route, actor=request.actor)


def _tagged(answer: Answer, request: Request) -> Answer:
    """Return the answer to a read with its entity tag, or only that it has not changed (RFC 9110, 13.1.2)."""
    if request.method != "GET":
        return answer
    tag = f'"{hashlib.sha256(answer.body.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
    held = request.headers.get("if-none-match", "").strip()
    headers = {"etag": tag, **_KEPT}
    if held == "*" or tag in _TAG.findall(held):
        return replace(answer, status_code=304, body="", reason="unchanged", headers=headers)
    return replace(answer, headers=headers)


def _failed(status: int, error: BuildgateError, request: Request, reason: str) -> Answer:
    kind = next(base.__name__ for base in type(error).__mro__ if base in _NAMED)
    told = {"class": kind, "message": error.reason, "field": error.field, "fix": error.fix}
    answer = _json(status, {"error": told}, request, request.route, reason)
    return replace(answer, status_code=status)


_NAMED = {Rejected, Conflict, Unavailable, Corrupt, BuildgateError}
