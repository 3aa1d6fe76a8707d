"""What SNS would have mailed: every message of every topic, kept as one file each in the home's inbox.

A queue of the emulator is subscribed to all topics, so that nothing is lost while the cloud is down; a thread moves
its messages into files. Approval notices addressed to one person carry the message attribute `approver`.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from .state import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .state import Home

LOG = logging.getLogger(__name__)
QUEUE: Final = "buildgate-local-inbox"
WAIT_SECONDS: Final = 2
_QUEUE_ARN: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"
_QUEUE_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": _QUEUE_ARN,
        }
    ],
}
_LINK: Final = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Notice:
    """One message as SNS sent it. `at` is SNS's own time, ISO 8601 in UTC."""

    id: str
    at: str
    topic: str
    subject: str | None
    message: str
    attributes: Mapping[str, str]

    @property
    def approver(self) -> str | None:
        """Whom the message is for, when it is for one person."""
        return self.attributes.get("approver")

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses in the text."""
        return tuple(dict.fromkeys(link.rstrip(".,;)") for link in _LINK.findall(self.message)))

    def to_data(self) -> dict[str, Any]:
        """Return the notice as it is stored and printed as JSON."""
        return {**asdict(self), "links": list(self.links)}


def parse_notice(body: str) -> Notice:
    """Return the notice in an SNS envelope as SQS delivers it. Raises ValueError, KeyError or TypeError for others."""
    envelope: Any = json.loads(body)
    if not isinstance(envelope, dict):
        raise TypeError("an SNS envelope is an object")
    attributes = {name: str(value["Value"]) for name, value in (envelope.get("MessageAttributes") or {}).items()}
    return Notice(
        id=envelope["MessageId"],
        at=envelope["Timestamp"],
        topic=envelope["TopicArn"],
        subject=envelope.get("Subject"),
        message=envelope["Message"],
        attributes=attributes,
    )


def read_notices(home: Home) -> Iterator[Notice]:
    """Yield the stored notices, oldest first; files that are no notices are passed over."""
    for path in sorted(home.inbox.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            data.pop("links", None)
            yield Notice(**data)
        except (ValueError, TypeError, OSError):
            LOG.warning("%s is not a notice", path)


class Inbox:
    """The thread that empties the queue into files."""

    def __init__(self, home: Home, client: Callable[[str], Any], show: Callable[[Notice], None] | None = None) -> None:
        self._home = home
        self._sqs, self._sns = client("sqs"), client("sns")
        self._show = show
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._url = ""

    def start(self) -> None:
        """Subscribe the queue to every topic there is, and begin. Safe to repeat after a restart of the cloud."""
        self._url = self._sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(_QUEUE_POLICY)})
        self._subscribe()
        self._thread = threading.Thread(target=self._loop, name="inbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it has not fetched stays in the queue."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(0.2)  # it may sit in a long poll; what that would bring stays in the queue

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._fetch()
                self._subscribe()
            except Exception as error:  # noqa: BLE001 - the emulator may be gone for a moment; the inbox outlives that
                if not self._stopping.wait(1):
                    LOG.warning("the inbox could not be read: %s", error)

    def _subscribe(self) -> None:
        """Subscribe to topics that are new, those users make or make again included."""
        topics = {topic["TopicArn"] for topic in self._listed("list_topics", "Topics")}
        listed = self._listed("list_subscriptions", "Subscriptions")
        subscribed = {one["TopicArn"] for one in listed if one["Endpoint"] == _QUEUE_ARN}
        for topic in topics - subscribed:
            self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_QUEUE_ARN)

    def _listed(self, operation: str, member: str) -> Iterator[dict[str, Any]]:
        for page in self._sns.get_paginator(operation).paginate():
            yield from page[member]

    def _fetch(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS)
        for message in answer.get("Messages", []):
            try:
                self._store(parse_notice(message["Body"]))
            except (ValueError, KeyError, TypeError):
                LOG.warning("a message in the inbox's queue is no notice")
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _store(self, notice: Notice) -> None:
        name = re.sub(r"[^0-9A-Za-z]+", "-", f"{notice.at}-{notice.id}")
        if not (self._home.inbox / f"{name}.json").exists():
            self._home.write(f"inbox/{name}.json", notice.to_data())
            if self._show is not None:
                self._show(notice)
