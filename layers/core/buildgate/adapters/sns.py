"""Topics through a botocore-shaped client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain import payloads

if TYPE_CHECKING:
    from buildgate.domain.notices import Notice, Topic


class SnsTopics:
    """Publishes notices: chat applications and programs get the card, mailboxes a plain text."""

    def __init__(self, client: Any, arns: Mapping[Topic, str]) -> None:
        self._client = client
        self._arns = arns

    def publish(self, notice: Notice) -> None:
        card = json.dumps(notice.card, ensure_ascii=False)
        attributes = {"key": notice.ref.dedupe_key, "topic": notice.topic.value, payloads.NAME: str(payloads.FORMAT)}
        if notice.approver:
            attributes["approver"] = notice.approver
        if notice.correlation_id:
            attributes["correlation"] = notice.correlation_id
        with calling("SNS Publish"):
            self._client.publish(
                TopicArn=notice.topic_arn or self._arns[notice.topic],
                Subject=notice.subject,
                Message=json.dumps({"default": card, "email": notice.text}, ensure_ascii=False),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
