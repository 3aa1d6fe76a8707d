"""The emulator's only entrance: its own host names, no back doors, and the public API under the front's address.

The front of the cloud forwards requests untouched, so that a signature made for the front's host name stays valid, and
names the API it speaks for in one header of its own.
"""

from __future__ import annotations

import contextvars
import importlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from . import control
from .fitting import Function, Seam
from .saving import changed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

API_HEADER = "x-buildgate-api"
ELSEWHERE = ("CodeBuild_", "CodeCommit_")
"""Prefixes of X-Amz-Target that belong to this cloud's own services, at their own endpoint."""

_OPEN_INSIDE = ("/_aws/execute-api/", "/_aws/lambda-url/")
_INSIDE = ("/_ministack", "/_localstack", "/_aws/")
_READING = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Receive")
_ACTION, _ACTION_BYTES = b"Action=", 64
_HEALTH = "/_ministack/health"

SEAM = Seam("front door")
SEAM.needs("ministack.app", "_handle_execute_api_request", "_with_data_plane_headers")
front_api: contextvars.ContextVar[str] = contextvars.ContextVar("buildgate_front_api", default="")
"""The API that the request at hand came for through the front; empty for every other request."""


@SEAM.replaces("ministack.app", "_parse_execute_api_url", "host", "path")
def route_the_front(original: Function) -> Function:
    """Send a request that the front forwarded to the API it names, on the default stage, path unchanged."""

    def parse_execute_api_url(host: str, path: str) -> Any:
        api = front_api.get()
        return (api, "$default", path) if api else original(host, path)

    return parse_execute_api_url


@SEAM.replaces("ministack.app", "_handle_pre_body_request", "method", "path", "headers", "query_params", "request_id")
def keep_administration_off_the_front(original: Function) -> Function:
    """Let no administration path shadow a path of the API."""

    async def handle_pre_body_request(*request: Any, **named: Any) -> Any:
        return None if front_api.get() else await original(*request, **named)

    return handle_pre_body_request


@SEAM.replaces(
    "ministack.app", "_handle_post_body_shortcuts", "method", "path", "headers", "body", "query_params", "request_id"
)
def keep_shortcuts_off_the_front(original: Function) -> Function:
    """Do the same for the paths that need a body."""

    async def handle_post_body_shortcuts(*request: Any, **named: Any) -> Any:
        return None if front_api.get() else await original(*request, **named)

    return handle_post_body_shortcuts


@SEAM.replaces(
    "ministack.app",
    "_handle_special_data_plane_request",
    *("method", "path", "headers", "body", "query_params", "request_id", "raw_path", "raw_query_string", "client_ip"),
)
def serve_the_api_alone(original: Function) -> Function:
    """Give a request of the front to the API only, never to another service that likes its path."""

    async def handle_special_data_plane_request(
        method: str, path: str, headers: Any, body: bytes, query_params: Any, request_id: str, **named: Any
    ) -> Any:
        if not front_api.get():
            return await original(method, path, headers, body, query_params, request_id, **named)
        app = importlib.import_module("ministack.app")
        response = await app._handle_execute_api_request(  # noqa: SLF001
            headers.get("host", ""),
            path,
            method,
            headers,
            body,
            query_params,
            raw_path=named.get("raw_path"),
            raw_query_string=named.get("raw_query_string"),
        )
        return app._with_data_plane_headers(response, request_id, wildcard_cors=False)  # noqa: SLF001

    return handle_special_data_plane_request


def guarded(application: Application, *, allowed_hosts: frozenset[str]) -> Application:
    """Wrap the emulator's application: foreign hosts get 403, unsigned administration paths 404."""

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope.get("headers", [])}
        refusal = _refusal(scope, headers, allowed_hosts)
        if refusal is None and scope["path"] in control.PATHS:
            refusal = await control.answer(scope["path"], headers, receive)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        api = headers.get(API_HEADER.encode(), b"").decode("latin-1")
        front_api.set(api)
        if api:
            scope["headers"] = [item for item in scope["headers"] if item[0].lower() != API_HEADER.encode()]
        begins: list[bytes] = []

        async def received() -> MutableMapping[str, Any]:
            message = await receive()
            if not begins:
                begins.append(message.get("body", b"")[:_ACTION_BYTES])
            return message

        try:
            await application(scope, received, send)
        finally:
            if _may_change(scope["method"], headers, b"".join(begins)):
                changed.set()

    return entrance


def _may_change(method: str, headers: Mapping[bytes, bytes], begins: bytes) -> bool:
    """Say whether a request can have changed anything worth saving; `begins` is how its body begins.

    An operation is named by a header in the JSON protocols, and first thing in the body in the query protocol.
    """
    named = headers.get(b"x-amz-target", b"").rpartition(b".")[2]
    if not named and begins.startswith(_ACTION):
        named = begins[len(_ACTION) :].partition(b"&")[0]
    return method not in {"GET", "HEAD", "OPTIONS"} and not named.decode("latin-1").startswith(_READING)


def _refusal(
    scope: Scope, headers: dict[bytes, bytes], allowed_hosts: frozenset[str]
) -> tuple[int, str | dict[str, Any]] | None:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if host not in allowed_hosts:
        return 403, "This address is for this machine only; use the host name that the local cloud prints."
    path = scope["path"]
    is_inside = path.startswith(_INSIDE) and not path.startswith(_OPEN_INSIDE) and path != _HEALTH
    if is_inside and API_HEADER.encode() not in headers:
        return 404, "Not Found"
    if headers.get(b"x-amz-target", b"").decode("latin-1").startswith(ELSEWHERE):
        return 400, "CodeBuild and CodeCommit answer at this cloud's services endpoint, not here."
    return None


async def _answer(send: Send, status: int, content: str | dict[str, Any]) -> None:
    body = json.dumps({"message": content} if isinstance(content, str) else content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def hosts_from_environment() -> frozenset[str]:
    """Return the host names, with ports, that the supervisor allows."""
    return frozenset(filter(None, os.environ.get("BUILDGATE_ALLOWED_HOSTS", "").lower().split(",")))
