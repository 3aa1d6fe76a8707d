"""Asks the function that makes links to ask an approver again."""

from __future__ import annotations

import json
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain import payloads
from buildgate.domain.approvals import ApprovalRef


class LambdaReminders:
    """Invokes the function asynchronously; only it knows the address that links lead to."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def remind(self, ref: ApprovalRef, *, correlation_id: str) -> None:
        handed_on = {"correlation_id": correlation_id, payloads.NAME: payloads.FORMAT}
        payload = json.dumps({"run_id": ref.run_id, "approval": ref.to_text(), "input": handed_on}).encode()
        with calling("Lambda Invoke"):
            self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
