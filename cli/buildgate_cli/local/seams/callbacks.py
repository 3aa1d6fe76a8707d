"""Whom a task token belongs to: callbacks are granted on the token's state machine, as on AWS."""

from __future__ import annotations

import base64
import json
from typing import Any

from .fitting import Function, Seam

SEAM = Seam("callbacks")
_ACTIONS = "ministack.core.iam_actions"


@SEAM.replaces(_ACTIONS, "extract_resource_arn", "service", "method", "path", "headers", "body")
def name_the_tokens_machine(original: Function) -> Function:
    """Return the ARN of the machine whose task waits for the token; without one, what the emulator says."""

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any, **more: Any
    ) -> Any:
        machine = machine_of(body) if service == "states" and b"taskToken" in body else ""
        return machine or original(service, method, path, headers, body, *rest, **more)

    return extract_resource_arn


def machine_of(body: bytes) -> str:
    """Return the state machine's ARN that a request's task token was minted for; empty for a made-up token."""
    try:
        sealed = base64.urlsafe_b64decode(str(json.loads(body)["taskToken"]))
        execution = str(json.loads(sealed[sealed.index(b'{"execution"') :])["execution"])
    except (ValueError, KeyError, TypeError):
        return ""
    return execution.replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]
