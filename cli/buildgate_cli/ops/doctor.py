"""Looks an installation over: failure queues, work that is overdue, builds set aside, and whether the API answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from buildgate.adapters.table import keys
from buildgate.adapters.table.table import Table
from buildgate.adapters.table.totals import TableTotals
from buildgate.domain.times import to_text

OVERDUE: Final = timedelta(minutes=15)
"""The reconciler looks every minute: what is due for so long is not being looked at."""
QUEUES: Final = {
    "DeliveryFailureQueueUrl": "events that a rule could not deliver",
    "ExecutionFailureQueueUrl": "events that a function gave up on",
}
_WORK: Final = {
    "runs": keys.WORK_RUN,
    "builds": keys.WORK_BUILD,
    "slots": keys.WORK_SLOT,
    "approvals": keys.WORK_APPROVAL,
    "notices": keys.WORK_NOTICE,
    "pushes": keys.WORK_PUSH,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `state` is ok, warn or fail; `fix` says what to do about it."""

    what: str
    state: str
    says: str
    fix: str = ""


def examine(
    client: Callable[[str], Any], outputs: Mapping[str, str], *, ask: Callable[[], object], now: datetime
) -> Iterator[Finding]:
    """Yield what was found, in the order in which to mend it.

    Args:
        client: Makes a client of a service.
        outputs: The stack's outputs.
        ask: Asks the API something; whatever it raises is its answer.
        now: The moment.
    """
    yield _api(ask)
    yield from _overdue(client("dynamodb"), outputs["TableName"], now)
    yield from _queues(client("sqs"), outputs)
    yield _set_aside(client("dynamodb"), outputs["TableName"])


def isolation_in(home: Path) -> Finding:
    """Return what keeps builds of the local cloud in a folder apart: ok when all that Buildgate knows of is in force."""
    try:
        told = json.loads((home / "cloud.json").read_text("utf-8"))["isolation"]
    except (OSError, ValueError, KeyError):
        return Finding("isolation of builds", "warn", "the cloud does not say", "Start the local cloud again.")
    if told["is_fenced"] and told.get("control_groups"):
        return Finding("isolation of builds", "ok", told["says"])
    return Finding(
        "isolation of builds", "warn", told["says"], "Build only what you trust here: see the page local-cloud."
    )


def _api(ask: Callable[[], object]) -> Finding:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever keeps the API from answering is the finding
        return Finding("API", "fail", str(error), "See the runbook, HTTP.")
    return Finding("API", "ok", "answers")


def _overdue(dynamodb: Any, table: str, now: datetime) -> Iterator[Finding]:
    late = to_text(now - OVERDUE)
    for name, kind in _WORK.items():
        count = _count(dynamodb, table, kind, before=late)
        if count:
            fix = 'Invoke the function in the output ReconcileFunctionName with {"sweep": true}, and see its log lines.'
            yield Finding(f"open {name}", "fail", f"{count} overdue for more than 15 minutes", fix)
        else:
            yield Finding(f"open {name}", "ok", "none overdue")


def _count(dynamodb: Any, table: str, kind: str, *, before: str) -> int:
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": "GSI2",
        "Select": "COUNT",
        "KeyConditionExpression": "g2p = :kind AND g2s < :late",
        "ExpressionAttributeValues": {":kind": {"S": kind}, ":late": {"S": before}},
    }
    total = 0
    while True:
        answer = dynamodb.query(**request)
        total += int(answer["Count"])
        if "LastEvaluatedKey" not in answer:
            return total
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _queues(sqs: Any, outputs: Mapping[str, str]) -> Iterator[Finding]:
    for output, what in QUEUES.items():
        name = output.removesuffix("Url")
        attributes = sqs.get_queue_attributes(
            QueueUrl=outputs[output],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        count = sum(int(value) for value in attributes.values())
        if count:
            yield Finding(
                name, "warn", f"{count} {what}", "buildgate ops redrive --dry-run, then buildgate ops redrive"
            )
        else:
            yield Finding(name, "ok", "empty")


def _set_aside(dynamodb: Any, table: str) -> Finding:
    unfit = [one for one, _ in TableTotals(Table(dynamodb, table)).quarantined()]
    if not unfit:
        return Finding("builds set aside", "ok", "none")
    says = f"{len(unfit)}; {unfit[0].build_id}: {unfit[0].reason}"
    return Finding("builds set aside", "warn", says, "What CodeBuild says of them cannot be true: see the runbook.")
