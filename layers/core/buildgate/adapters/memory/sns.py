"""SNS in memory: topics, subscriptions with filter policies, and a record of every delivery."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.patterns import matches

if TYPE_CHECKING:
    from buildgate.adapters.memory.timeline import Timeline

MAX_MESSAGE_BYTES = 256 * 1024
MAX_SUBJECT = 100
MAX_BATCH = 10


@dataclass(frozen=True, slots=True)
class Published:
    """A message as its topic accepted it."""

    topic_arn: str
    message_id: str
    subject: str
    message: str
    attributes: dict[str, str]
    is_by_protocol: bool
    at_seconds: float

    def text_for(self, protocol: str) -> str:
        """Return the body that a subscriber of this protocol gets."""
        if not self.is_by_protocol:
            return self.message
        bodies = json.loads(self.message)
        return str(bodies.get(protocol, bodies["default"]))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a subscriber got it."""

    endpoint: str
    protocol: str
    body: str
    published: Published


@dataclass(slots=True)
class Subscription:
    """Who gets a topic's messages; `receive` is called with each delivery, and may raise to refuse it."""

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    filter_policy: dict[str, Any] = field(default_factory=dict)
    receive: Callable[[Delivery], object] | None = None


@dataclass(slots=True)
class Sns:
    """Topics by ARN. `repeats` says how often a delivery happens: 1 on a good day."""

    timeline: Timeline
    arn_prefix: str
    topics: dict[str, dict[str, str]] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)
    repeats: Callable[[Published], int] = lambda _: 1

    def create_topic(self, *, Name: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Create a topic, or find it."""
        arn = self.arn_prefix + Name
        self.topics.setdefault(arn, {"TopicArn": arn})
        return {"TopicArn": arn}

    def delete_topic(self, *, TopicArn: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Delete a topic and its subscriptions."""
        self.topics.pop(TopicArn, None)
        self.subscriptions = {
            arn: subscription for arn, subscription in self.subscriptions.items() if subscription.topic_arn != TopicArn
        }
        return {}

    def get_topic_attributes(self, *, TopicArn: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Return a topic's attributes."""
        self._check_topic(TopicArn)
        return {"Attributes": dict(self.topics[TopicArn])}

    def subscribe(self, **request: Any) -> dict[str, Any]:
        """Subscribe an endpoint; it is confirmed at once."""
        topic_arn, protocol = request["TopicArn"], request["Protocol"]
        self._check_topic(topic_arn)
        arn = f"{topic_arn}:{len(self.subscriptions) + 1:08x}-0000-4000-8000-000000000000"
        policy = json.loads(request.get("Attributes", {}).get("FilterPolicy", "{}"))
        self.subscriptions[arn] = Subscription(arn, topic_arn, protocol, request.get("Endpoint", ""), policy)
        return {"SubscriptionArn": arn}

    def unsubscribe(self, *, SubscriptionArn: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """End a subscription; harmless when it has ended."""
        self.subscriptions.pop(SubscriptionArn, None)
        return {}

    def list_subscriptions_by_topic(self, *, TopicArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """List a topic's subscriptions."""
        self._check_topic(TopicArn)
        found = [one for one in self.subscriptions.values() if one.topic_arn == TopicArn]
        return {
            "Subscriptions": [
                {
                    "SubscriptionArn": one.arn,
                    "TopicArn": TopicArn,
                    "Protocol": one.protocol,
                    "Endpoint": one.endpoint,
                    "Owner": TopicArn.split(":")[4],
                }
                for one in found
            ]
        }

    def publish(self, **request: Any) -> dict[str, Any]:
        """Publish one message to every subscription whose filter lets it through."""
        topic_arn = request["TopicArn"]
        self._check_topic(topic_arn)
        _check_message(request)
        attributes = {name: _attribute(value) for name, value in request.get("MessageAttributes", {}).items()}
        published = Published(
            topic_arn,
            f"{len(self.published) + 1:08x}-0000-4000-8000-000000000000",
            request.get("Subject", ""),
            request["Message"],
            attributes,
            request.get("MessageStructure") == "json",
            self.timeline.elapsed,
        )
        self.published.append(published)
        for subscription in list(self.subscriptions.values()):
            if subscription.topic_arn == topic_arn and matches(subscription.filter_policy, attributes):
                for _ in range(self.repeats(published)):
                    self.timeline.after(0, partial(self._deliver, subscription, published), "a notice arrives")
        return {"MessageId": published.message_id}

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        """Publish up to ten messages, each on its own."""
        entries = request["PublishBatchRequestEntries"]
        if len(entries) > MAX_BATCH:
            raise AwsError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise AwsError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
        done, failed = [], []
        for entry in entries:
            members = {name: value for name, value in entry.items() if name != "Id"}
            try:
                answer = self.publish(TopicArn=request["TopicArn"], **members)
                done.append({"Id": entry["Id"], **answer})
            except AwsError as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
        return {"Successful": done, "Failed": failed}

    def _deliver(self, subscription: Subscription, published: Published) -> None:
        delivery = Delivery(
            subscription.endpoint, subscription.protocol, published.text_for(subscription.protocol), published
        )
        self.delivered.append(delivery)
        if subscription.receive is not None:
            subscription.receive(delivery)

    def _check_topic(self, arn: str) -> None:
        if arn not in self.topics:
            raise AwsError("NotFound", "Topic does not exist", status=404)


def _attribute(value: dict[str, Any]) -> str:
    return str(value.get("StringValue", ""))


def _check_message(request: dict[str, Any]) -> None:
    message = request["Message"]
    size = len(message.encode()) + sum(
        len(name) + len(_attribute(value).encode()) for name, value in request.get("MessageAttributes", {}).items()
    )
    if not message:
        raise _invalid("Empty message")
    if size > MAX_MESSAGE_BYTES:
        raise _invalid("Message too long")
    subject = request.get("Subject")
    if subject is not None and not _is_subject(subject):
        raise _invalid("Subject")
    for name, value in request.get("MessageAttributes", {}).items():
        if not value.get("StringValue") and not value.get("BinaryValue"):
            raise AwsError("ParameterValueInvalid", f"The message attribute '{name}' must contain a non-empty value")
    if request.get("MessageStructure") == "json":
        _check_bodies(message)


def _is_subject(subject: str) -> bool:
    return 0 < len(subject) <= MAX_SUBJECT and subject.isascii() and subject.isprintable() and subject[0] != " "


def _check_bodies(message: str) -> None:
    try:
        bodies = json.loads(message)
    except ValueError as error:
        raise _invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(bodies, dict) or not isinstance(bodies.get("default"), str):
        raise _invalid("Message Structure - No default entry in JSON message body")


def _invalid(what: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {what}")
