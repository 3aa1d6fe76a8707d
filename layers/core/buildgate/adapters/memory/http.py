"""API Gateway in memory: routes of functions, payload format 2.0, and IAM or no authorisation."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate.adapters.memory.lambdas import Lambda
    from buildgate.adapters.memory.timeline import Timeline

_TEXT = re.compile(r"text/|application/(json|javascript|xml)")
_VARIABLE = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path of a function."""

    method: str
    path: str
    function: str
    is_open: bool

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's variables, None if this is not its route."""
        if self.method not in (method, "ANY"):
            return None
        pattern = "".join(_patterns(self.path))
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()


def _patterns(path: str) -> list[str]:
    parts: list[str] = []
    position = 0
    for variable in _VARIABLE.finditer(path):
        parts.append(re.escape(path[position : variable.start()]))
        parts.append(f"(?P<{variable.group(1)}>{'.+' if variable.group(2) else '[^/]+'})")
        position = variable.end()
    return [*parts, re.escape(path[position:])]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def data(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Http:
    """An HTTP API over functions. A caller is the ARN that IAM proved, None for somebody unknown."""

    timeline: Timeline
    lambdas: Lambda
    account: str
    api_id: str = "memory"
    routes: list[Route] = field(default_factory=list)
    _sent: int = 0

    def request(
        self,
        method: str,
        url: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        caller: str | None = None,
    ) -> Answer:
        """Send a request; what the function answers is unpacked as API Gateway does."""
        parts = urlsplit(url)
        for route in self.routes:
            variables = route.match(method, parts.path)
            if variables is None:
                continue
            if not route.is_open and caller is None:
                return _plain(403, "Forbidden")
            event = self._event(route, (method, parts.path, parts.query, variables), body, headers or {}, caller)
            return self._answer(route, event)
        return _plain(404, "Not Found")

    def _event(
        self,
        route: Route,
        line: tuple[str, str, str, dict[str, str]],
        body: bytes | str | None,
        headers: Mapping[str, str],
        caller: str | None,
    ) -> dict[str, Any]:
        method, path, query, variables = line
        self._sent += 1
        lowered = {name.lower(): value for name, value in headers.items()}
        content = body.encode() if isinstance(body, str) else body
        is_binary = content is not None and not (_TEXT.match(lowered.get("content-type", "")) and _is_text(content))
        now = self.timeline.now()
        context: dict[str, Any] = {
            "accountId": self.account,
            "apiId": self.api_id,
            "domainName": f"{self.api_id}.execute-api.us-east-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": lowered.get("user-agent", ""),
            },
            "requestId": f"http-{self._sent:08}",
            "routeKey": f"{route.method} {route.path}",
            "stage": "$default",
            "time": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
            "timeEpoch": int(now.timestamp() * 1000),
        }
        if caller is not None:
            context["authorizer"] = {"iam": {"userArn": caller, "accountId": self.account, "userId": caller[-21:]}}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": context["routeKey"],
            "rawPath": path,
            "rawQueryString": query,
            "headers": lowered,
            "requestContext": context,
            "isBase64Encoded": is_binary,
        }
        if query:
            event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
        if variables:
            event["pathParameters"] = variables
        if content is not None:
            event["body"] = base64.b64encode(content).decode() if is_binary else content.decode()
        return event

    def _answer(self, route: Route, event: dict[str, Any]) -> Answer:
        function = self.lambdas.function(route.function)
        if self.lambdas.is_full(function):
            return _plain(503, "Service Unavailable")
        outcome = self.lambdas.run(function, json.dumps(event))
        if outcome.error:
            return _plain(500, "Internal Server Error")
        payload = outcome.payload
        if not isinstance(payload, dict) or "statusCode" not in payload:
            return Answer(200, {"content-type": "application/json"}, json.dumps(payload).encode())
        text = payload.get("body") or ""
        content = base64.b64decode(text) if payload.get("isBase64Encoded") else text.encode()
        found = {name.lower(): str(value) for name, value in (payload.get("headers") or {}).items()}
        return Answer(int(payload["statusCode"]), found, content)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _plain(status: int, message: str) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps({"message": message}).encode())
