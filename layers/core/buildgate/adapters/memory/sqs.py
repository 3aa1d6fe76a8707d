"""Queues in memory: enough of SQS for failure queues, their inspection and their redrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.timeline import Timeline

MAX_RECEIVED = 10


@dataclass(slots=True)
class Message:
    """A message that waits; it is hidden until `visible_at` (elapsed seconds) after it was received."""

    message_id: str
    body: str
    attributes: dict[str, Any]
    visible_at: float = 0.0
    received: int = 0


@dataclass(slots=True)
class Queue:
    """A standard queue."""

    name: str
    messages: list[Message] = field(default_factory=list)


class Sqs:
    """Queues by name; their URL is `memory://sqs/NAME`."""

    def __init__(self, timeline: Timeline, *, region: str, account: str) -> None:
        self.queues: dict[str, Queue] = {}
        self._timeline = timeline
        self._arn = f"arn:aws:sqs:{region}:{account}:"
        self._sent = 0

    def create_queue(self, *, QueueName: str, Attributes: Mapping[str, str] | None = None) -> dict[str, Any]:  # noqa: N803
        """Create a queue, or find it."""
        self.queues.setdefault(QueueName, Queue(QueueName))
        return {"QueueUrl": f"memory://sqs/{QueueName}"}

    def queue(self, place: str) -> Queue:
        """Return a queue by name, URL or ARN, or refuse."""
        name = place.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        if name not in self.queues:
            raise AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return self.queues[name]

    def send_message(self, **request: Any) -> dict[str, Any]:
        """Send one message."""
        self._sent += 1
        message = Message(f"message-{self._sent:06}", request["MessageBody"], request.get("MessageAttributes", {}))
        self.queue(request["QueueUrl"]).messages.append(message)
        return {"MessageId": message.message_id}

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Receive up to ten visible messages and hide them for a while; never waits."""
        queue, now = self.queue(request["QueueUrl"]), self._timeline.elapsed
        hidden_for = request.get("VisibilityTimeout", 30)
        found = [message for message in queue.messages if message.visible_at <= now]
        found = found[: min(MAX_RECEIVED, request.get("MaxNumberOfMessages", 1))]
        for message in found:
            message.visible_at = now + hidden_for
            message.received += 1
        shown = [_shown(message) for message in found]
        return {"Messages": shown} if shown else {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:  # noqa: N803
        """Delete a received message; harmless when it is gone."""
        queue = self.queue(QueueUrl)
        queue.messages = [
            message for message in queue.messages if message.message_id != ReceiptHandle.split("#", maxsplit=1)[0]
        ]
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:  # noqa: N803
        """Hide a received message for so many seconds from now; none shows it again at once."""
        for message in self.queue(QueueUrl).messages:
            if message.message_id == ReceiptHandle.split("#", maxsplit=1)[0]:
                message.visible_at = self._timeline.elapsed + VisibilityTimeout
        return {}

    def get_queue_url(self, *, QueueName: str) -> dict[str, Any]:  # noqa: N803
        """Return a queue's URL."""
        return {"QueueUrl": f"memory://sqs/{self.queue(QueueName).name}"}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        """Return how many messages there are, and the queue's ARN."""
        queue, now = self.queue(QueueUrl), self._timeline.elapsed
        visible = sum(message.visible_at <= now for message in queue.messages)
        known = {
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - visible),
            "QueueArn": self._arn + queue.name,
        }
        wanted = known if "All" in AttributeNames else AttributeNames
        return {"Attributes": {name: known[name] for name in wanted if name in known}}


def _shown(message: Message) -> dict[str, Any]:
    shown = {
        "MessageId": message.message_id,
        "ReceiptHandle": f"{message.message_id}#{message.received}",
        "Body": message.body,
        "Attributes": {"ApproximateReceiveCount": str(message.received)},
    }
    return {**shown, "MessageAttributes": message.attributes} if message.attributes else shown
