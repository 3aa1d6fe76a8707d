"""Calls of the emulated services that go wrong on purpose (`call_faults`), when the cloud was started for that."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

from buildgate_cli.local.call_faults import FOLDER_VARIABLE, REFUSALS, CallFaults

from .fitting import Seam
from .front_door import Application, Receive, Scope, Send

_STS: Final = "ministack.services.sts"
_KEY: Final = re.compile(r"Credential=([^/,\s]+)/")
_TARGET: Final = b"x-amz-target"

SEAM = Seam("faulty calls")
SEAM.needs(_STS, "_sessions")


def faulty(application: Application) -> Application:
    """Wrap the emulator's application, if rules may be given to it."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return application
    faults = CallFaults(Path(folder))

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        target = headers.get(_TARGET, b"").decode("latin-1")
        rule = faults.take(target, _caller(headers)) if target else None
        if rule is None:
            await application(scope, receive, send)
        elif rule["action"] in REFUSALS:
            await _refuse(send, *REFUSALS[rule["action"]])
        else:
            await application(scope, receive, _breaking(send))

    return entrance


def _caller(headers: Mapping[bytes, bytes]) -> str:
    """Return the ARN of the session that signed a request; empty for everyone else."""
    key = _KEY.search(headers.get(b"authorization", b"").decode("latin-1"))
    sessions = importlib.import_module(_STS)._sessions  # noqa: SLF001
    return str(sessions.get(key[1], {}).get("Arn", "")) if key else ""


def _breaking(send: Send) -> Send:
    """Return a way to send that ends after the headers: the connection closes before what they announce."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    return sending


async def _refuse(send: Send, code: str, message: str, status: int) -> None:
    body = json.dumps({"__type": code, "message": message}).encode()
    headers = [(b"content-type", b"application/x-amz-json-1.0"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
