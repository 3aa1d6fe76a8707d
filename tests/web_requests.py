"""Requests as API Gateway's payload format 2.0 carries them to functions."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode


def http_event(
    method: str, path: str, *, query: str = "", body: str | bytes | None = None, actor: str = "", **parameters: str
) -> dict[str, Any]:
    """Return the event of a request; a body of bytes arrives base64-encoded, as forms do."""
    context: dict[str, Any] = {"http": {"method": method, "path": path}, "requestId": "request-1"}
    if actor:
        context["authorizer"] = {"iam": {"userArn": actor}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {},
        "requestContext": context,
        "isBase64Encoded": isinstance(body, bytes),
    }
    if parameters:
        event["pathParameters"] = parameters
    if body is not None:
        event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return event


def form_event(approval_id: str, **fields: str) -> dict[str, Any]:
    """Return the event of a posted approval form."""
    body = urlencode(fields).encode()
    return http_event("POST", f"/approvals/{approval_id}", body=body, id=approval_id)


def json_event(method: str, path: str, data: Any = None, *, query: str = "", actor: str = "") -> dict[str, Any]:
    """Return the event of an API call."""
    return http_event(method, path, query=query, body=None if data is None else json.dumps(data), actor=actor)
