"""Tries again what lies in the failure queues. Every function is safe to repeat, so trying twice does no harm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from buildgate.domain.redaction import redact, shorten

BATCH: Final = 10
HIDDEN_SECONDS: Final = 300
"""How long a message that is being tried is hidden from others; one that failed again shows up after that."""
SHOWN_SECONDS: Final = 30
"""How long one is hidden whose dry run was cut off before it could give the message back."""
_BUILDS: Final = "aws.codebuild"
_REASON_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Retried:
    """One message and what came of it. `outcome` is done, failed, unreadable, or would (of a dry run)."""

    message_id: str
    function: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a message asks for: a function, by name or ARN, and the payload it is to be handed."""

    function: str
    payload: Any
    reason: str = ""


class UnreadableError(Exception):
    """A message that names no function to try again."""


def redrive(sqs: Any, functions: Any, queue_url: str, *, limit: int, is_dry: bool = False) -> Iterator[Retried]:
    """Yield what came of each message: one that was done is deleted, every other one stays in the queue.

    Args:
        sqs: A client of SQS.
        functions: A client of Lambda.
        queue_url: The failure queue.
        limit: How many messages at the most.
        is_dry: Only say what would be tried; the messages show up again when everything was said.
    """
    held: list[str] = []
    try:
        for message in _messages(sqs, queue_url, limit=limit, hidden=SHOWN_SECONDS if is_dry else HIDDEN_SECONDS):
            held.append(message["ReceiptHandle"])
            yield _retried(sqs, functions, queue_url, message, is_dry=is_dry)
    finally:
        for receipt in held if is_dry else ():
            sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt, VisibilityTimeout=0)


def _messages(sqs: Any, queue_url: str, *, limit: int, hidden: int) -> Iterator[Mapping[str, Any]]:
    """Yield the messages of a queue, each once, hidden from others for so many seconds."""
    seen: set[str] = set()
    while len(seen) < limit:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=min(BATCH, limit - len(seen)),
            VisibilityTimeout=hidden,
            MessageAttributeNames=["All"],
        )
        fresh = [one for one in answer.get("Messages", []) if one["MessageId"] not in seen]
        if not fresh:
            return
        for message in fresh:
            seen.add(message["MessageId"])
            yield message


def _retried(sqs: Any, functions: Any, queue_url: str, message: Mapping[str, Any], *, is_dry: bool) -> Retried:
    message_id = str(message["MessageId"])
    try:
        order = order_of(message)
    except UnreadableError as error:
        return Retried(message_id, "", "unreadable", str(error))
    name = order.function.rsplit(":function:", 1)[-1].split(":")[0]
    if is_dry:
        return Retried(message_id, name, "would", order.reason)
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(order.payload).encode())
    if answer.get("FunctionError"):
        said = json.loads(answer["Payload"].read() or b"{}")
        return Retried(message_id, name, "failed", _short(said.get("errorMessage", answer["FunctionError"])))
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return Retried(message_id, name, "done", order.reason)


def order_of(message: Mapping[str, Any]) -> Order:
    """Return what a message asks for.

    Lambda's failure records name the function and hold what it was handed; EventBridge's hold the event itself, and
    name the function in the attribute TARGET_ARN. An event of a build is cut down to identifiers, as its rule does.

    Raises:
        UnreadableError: It is neither.
    """
    try:
        body = json.loads(message["Body"])
    except ValueError as error:
        raise UnreadableError(f"it is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UnreadableError("it is not an object")
    function = (body.get("requestContext") or {}).get("functionArn")
    if function and "requestPayload" in body:
        said = (body.get("responsePayload") or {}).get("errorMessage", "")
        return Order(str(function), body["requestPayload"], _short(said))
    target = (message.get("MessageAttributes") or {}).get("TARGET_ARN", {}).get("StringValue", "")
    if not target or "detail-type" not in body:
        raise UnreadableError("it names no function: neither a failure record nor an event with TARGET_ARN")
    code = (message["MessageAttributes"].get("ERROR_CODE") or {}).get("StringValue", "")
    return Order(target, _identifiers(body) if body.get("source") == _BUILDS else body, _short(code))


def _identifiers(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identifiers of a build's event: its variables, which it holds in plain text, go nowhere."""
    detail = event.get("detail") or {}
    given = {name: event.get(name, "") for name in ("id", "time", "account", "region")}
    return given | {
        "build": detail.get("build-id", ""),
        "project": detail.get("project-name", ""),
        "status": detail.get("build-status", ""),
    }


def _short(text: Any) -> str:
    return shorten(redact(str(text)), limit=_REASON_LIMIT)
