"""What the cloud's own services ask the emulator: who holds an access key, whether they may do this, keys for a role.

Two paths, for who knows the cloud's control secret. Answers come from the same IAM that the emulated services ask.
"""

from __future__ import annotations

import base64
import hmac
import importlib
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .fitting import Seam

CALLER_PATH = "/_buildgate/caller"
SESSION_PATH = "/_buildgate/session"
SIGNATURE_PATH = "/_buildgate/signature"
PATHS = frozenset({CALLER_PATH, SESSION_PATH, SIGNATURE_PATH})
SESSION_SECONDS = 37 * 3600
"""Longer than the longest build."""

SECRET_HEADER = "x-buildgate-control"  # noqa: S105 - the header's name
_EVALUATOR = "ministack.core.iam_evaluator"

SEAM = Seam("control")
SEAM.needs(_EVALUATOR, "resolve_caller_identity", "resolve_principal", "enforce", "AuthError", "validate_role_arn")
SEAM.needs(_EVALUATOR, "pin_signed_request", "pin_signed_body", "authenticate")
SEAM.needs("ministack.services.sts", "register_session")
SEAM.needs("ministack.core.responses", "request_scope")


async def answer(
    path: str, headers: Mapping[bytes, bytes], receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    """Answer one question.

    `caller`: `{"access_key_id", "action", "resource", "service"}`, the last three may be absent: the caller's ARN and
    whether the action is allowed; 404 when nobody holds the key. `session`: `{"role_arn", "name"}`: new temporary keys
    of the role; 404 when there is no such role. `signature`: `{"access_key_id", "path", "headers", "body"}` (a POST, the
    body in base64): whether the key's holder signed it.
    """
    expected = os.environ.get("BUILDGATE_CONTROL", "")
    if not expected or not hmac.compare_digest(headers.get(SECRET_HEADER.encode(), b""), expected.encode()):
        return 404, {"message": "Not Found"}
    body = b""
    more = True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    question = json.loads(body)
    return _ANSWERS[path](question)


def _judge(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    evaluator = importlib.import_module(_EVALUATOR)
    responses = importlib.import_module("ministack.core.responses")
    key, account = question["access_key_id"], os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
    region = os.environ.get("MINISTACK_REGION", "us-east-1")
    with responses.request_scope(account, region):
        caller = evaluator.resolve_caller_identity(key)
        if caller is None or isinstance(evaluator.resolve_principal(key, account), evaluator.AuthError):
            return 404, {"message": "Nobody holds this key."}
        known = {"arn": caller["userArn"], "account": account}
        if "action" not in question:
            return 200, known
        tags = {f"aws:ResourceTag/{name}": value for name, value in question.get("tags", {}).items()}
        refused = evaluator.enforce(
            key,
            question["action"],
            question["service"],
            region,
            resource_arn=question["resource"],
            service_context=tags,
        )
        return 200, {**known, "is_allowed": refused is None}


def _verify(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Check a signature over a request that came to another server of this cloud."""
    evaluator = importlib.import_module(_EVALUATOR)
    key, url = question["access_key_id"], urlsplit(question["path"])
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in question["headers"]]
    query = parse_qs(url.query, keep_blank_values=True)
    evaluator.pin_signed_request("POST", url.path, query, headers)
    evaluator.pin_signed_body(base64.b64decode(question["body"]))
    checked = evaluator.authenticate(key, os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000"))
    return 200, {"is_genuine": checked is not None and not isinstance(checked, evaluator.AuthError)}


def _assume(question: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Give temporary keys of a role, as its service gets them on AWS."""
    evaluator = importlib.import_module(_EVALUATOR)
    sts = importlib.import_module("ministack.services.sts")
    role_arn, name = question["role_arn"], question["name"]
    if not role_arn or evaluator.validate_role_arn(role_arn) is not None:
        return 404, {"message": "There is no such role."}
    role, made = role_arn.rsplit("/", 1)[-1], secrets.token_hex(40)
    keys = {"access_key_id": f"ASIA{made[:16].upper()}", "secret_access_key": made[16:56], "session_token": made[56:]}
    account = role_arn.split(":")[4]
    sts.register_session(
        keys["access_key_id"],
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": keys["secret_access_key"],
            "SessionToken": keys["session_token"],
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    return 200, keys


_ANSWERS = {CALLER_PATH: _judge, SESSION_PATH: _assume, SIGNATURE_PATH: _verify}
