"""What every function's handler is: settings read, ports built, one use case called, one line logged."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from buildgate.domain import payloads
from buildgate.runtime import settings
from buildgate.runtime.clients import Aws, Session
from buildgate.runtime.observability import Line, canonical_line

_HANDED_ON = "input"
"""Where an execution's own input comes along with what the machine asks."""

S = TypeVar("S")
Handle = Callable[[dict[str, Any], Line], Any]
Handler = Callable[[dict[str, Any], Any], Any]


def entrypoint(build: Callable[[S, Aws], Handle], kind: type[S], *, warm: Sequence[str] = ("dynamodb",)) -> Handler:
    """Return the handler of a function.

    In Lambda the ports are built while the sandbox starts, when there is the most processor time; elsewhere on the
    first call, so that importing a function reads no environment.

    Args:
        build: The function's composition root: settings and clients in, what handles an event out.
        kind: The function's settings.
        warm: Services that every event needs: in Lambda their clients are made at the start too.
    """
    built: list[Handle] = []
    session = Session()

    def ready() -> Handle:
        if not built:
            built.append(build(settings.read(kind, os.environ), session))
        return built[0]

    def handler(event: dict[str, Any], context: Any) -> Any:
        name = getattr(context, "function_name", "")
        with canonical_line(name, getattr(context, "aws_request_id", "")) as line:
            refuse_newer(event)
            return ready()(event, line)

    if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        ready()
        session.warm(*warm)
        gc.freeze()
        gc.enable()
    return handler


def refuse_newer(event: Any) -> None:
    """Raise Unavailable for what a newer release sent or began: it is tried again, kept as failed, and redriven."""
    if not isinstance(event, Mapping):
        return
    payloads.refuse_newer(event, "the event")
    handed_on = event.get(_HANDED_ON)
    if isinstance(handed_on, Mapping):
        payloads.refuse_newer(handed_on, "the execution's input")
