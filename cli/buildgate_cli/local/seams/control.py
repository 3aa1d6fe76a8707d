"""What the cloud's own services ask the emulator: who holds an access key, and whether they may do this.

One path, for who knows the cloud's control secret. The answer comes from the same IAM that the emulated services ask.
"""

from __future__ import annotations

import hmac
import importlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from .fitting import Seam

PATH = "/_buildgate/allowed"
SECRET_HEADER = "x-buildgate-control"  # noqa: S105 - the header's name
_EVALUATOR = "ministack.core.iam_evaluator"

SEAM = Seam("control")
SEAM.needs(_EVALUATOR, "resolve_caller_identity", "resolve_principal", "enforce", "AuthError")
SEAM.needs("ministack.core.responses", "request_scope")


async def answer(
    headers: Mapping[bytes, bytes], receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    """Answer one question: `{"access_key_id", "action", "resource", "service"}`, the last three may be absent.

    The caller's ARN and whether the action is allowed; 404 when nobody holds the key.
    """
    expected = os.environ.get("BUILDGATE_CONTROL", "")
    if not expected or not hmac.compare_digest(headers.get(SECRET_HEADER.encode(), b""), expected.encode()):
        return 404, {"message": "Not Found"}
    body = b""
    more = True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return _judge(json.loads(body))


def _judge(question: dict[str, str]) -> tuple[int, dict[str, Any]]:
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
        refused = evaluator.enforce(
            key, question["action"], question["service"], region, resource_arn=question["resource"]
        )
        return 200, {**known, "is_allowed": refused is None}
