"""HTTP as API Gateway's payload format 2.0 carries it: requests in, answers out, strict headers on each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any
from urllib.parse import parse_qs

BODY_LIMIT = 256 * 1024
_MOST_FIELDS = 50
STYLE = resources.files("buildgate.web").joinpath("templates", "style.css").read_text(encoding="utf-8")
"""The pages' one style sheet; the policy below allows exactly these bytes, and no script at all."""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and what the log says of it (``reason``, ``decision``, ``approval_id``, ``route``, ``actor``, ids)."""

    status_code: int
    body: str
    content_type: str = "text/html; charset=utf-8"
    reason: str = ""
    approval_id: str = ""
    route: str = ""
    actor: str = ""
    decision: str = ""
    run_id: str = ""
    correlation_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        headers = dict(SECURITY_HEADERS) | {"content-type": self.content_type} | dict(self.headers)
        return {"statusCode": self.status_code, "headers": headers, "body": self.body, "isBase64Encoded": False}


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read leniently: what is not there is empty."""

    method: str
    path: str
    route: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    actor: str
    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    """Names that the query gives more than once; of their values the last is kept."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Request:
        context = event.get("requestContext") or {}
        http = context.get("http") or {}
        query = parse_qs(str(event.get("rawQueryString", "")), keep_blank_values=True)
        return cls(
            method=str(http.get("method", "")).upper(),
            path=str(event.get("rawPath", "")),
            route=str(event.get("routeKey", "")),
            path_parameters=event.get("pathParameters") or {},
            query={name: values[-1] for name, values in query.items()},
            body=_body(event),
            actor=_actor(context.get("authorizer") or {}),
            request_id=str(context.get("requestId", "")),
            headers={name.lower(): str(value) for name, value in (event.get("headers") or {}).items()},
            repeated=tuple(name for name, values in query.items() if len(values) > 1),
        )

    @property
    def form(self) -> Mapping[str, str]:
        """Return the fields of a posted form; the last value of a repeated field counts, too many fields are none."""
        text = self.body.decode("utf-8", "replace")
        try:
            fields = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return {}
        return {name: values[-1] for name, values in fields.items()}

    @property
    def json(self) -> Any:
        """Return the JSON body, an empty one as an empty object; ValueError when it is not JSON, or no Unicode text."""
        try:
            found = json.loads(self.body) if self.body.strip() else {}
            if _HALVES.search(self.body):
                _refuse_halves(found)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return found


_HALVES = re.compile(rb"\\u[dD]|\xed")
"""What a half of a surrogate pair begins with in JSON, escaped or as it should not be; and the letters of Hangul."""


def _refuse_halves(found: Any) -> None:
    """Let text pass that can be stored and told again: RFC 8259, 8.2, leaves open what becomes of any other."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character, a surrogate without its other half") from error


def _body(event: Mapping[str, Any]) -> bytes:
    raw = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(raw).encode("utf-8", "replace")
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _actor(authorizer: Mapping[str, Any]) -> str:
    """Return who calls, as API Gateway has proved it: an IAM ARN, or an OIDC e-mail address or subject.

    An address that the issuer says it did not verify names nobody (OpenID Connect Core 1.0, 5.7), and no token an ARN.
    """
    iam = authorizer.get("iam") or {}
    if iam.get("userArn"):
        return str(iam["userArn"])
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    is_unverified = str(claims.get("email_verified", "")).lower() == "false"
    name = str(("" if is_unverified else claims.get("email")) or claims.get("sub") or "")
    return "" if name.lower().startswith("arn:") else name
