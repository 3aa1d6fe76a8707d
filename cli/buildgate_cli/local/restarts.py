"""What a restart of the cloud ended: the emulator fails the executions that ran, and AWS would say so in an event each.

Without these events only the next look of the schedule would find the runs whose executions are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.domain.errors import INTERRUPTED

from .events import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .events import Emit


def tell_of_interrupted(stepfunctions: Any, emit: Emit, *, machine_arn: str, since: datetime) -> int:
    """Put the status event of each execution that this start of the emulator failed; return how many there were.

    Safe to repeat: the news of an execution that another one has taken over from changes nothing.

    Args:
        stepfunctions: A client of the emulated service.
        emit: Puts an event on the bus.
        machine_arn: Whose executions are looked at; empty where the template has no such machine.
        since: When the emulator was started, by its own clock.
    """
    told = 0
    for arn in _failed_since(stepfunctions, machine_arn, since):
        execution = stepfunctions.describe_execution(executionArn=arn)
        if execution.get("error") == INTERRUPTED:
            emit(_status_event(execution))
            told += 1
    return told


def _failed_since(stepfunctions: Any, machine_arn: str, since: datetime) -> Iterator[str]:
    if not machine_arn:
        return
    pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine_arn, statusFilter="FAILED")
    for page in pages:
        yield from (one["executionArn"] for one in page["executions"] if one["stopDate"] >= since)


def _status_event(execution: dict[str, Any]) -> Event:
    arn, stopped = execution["executionArn"], execution["stopDate"]
    detail = {
        "executionArn": arn,
        "stateMachineArn": execution["stateMachineArn"],
        "name": execution["name"],
        "status": execution["status"],
        "startDate": int(execution["startDate"].timestamp() * 1000),
        "stopDate": int(stopped.timestamp() * 1000),
        "input": execution["input"],
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "error": execution["error"],
        "cause": execution.get("cause"),
    }
    return Event("aws.states", "Step Functions Execution Status Change", (arn,), detail, stopped)
