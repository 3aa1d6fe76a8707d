"""EventBridge takes events of AWS services (`aws.*`) from the services that this cloud runs beside the emulator."""

from __future__ import annotations

from typing import Any

from .fitting import Function, Seam

SEAM = Seam("event sources")


@SEAM.replaces("ministack.services.eventbridge", "_put_events", "data", "allow_aws_source")
def accept_service_sources(original: Function) -> Function:
    """Accept `aws.*` sources; PutEvents answers 202-like results as before."""

    def put_events(data: dict[str, Any], allow_aws_source: bool = True) -> Any:
        return original(data, allow_aws_source=True)

    return put_events
