"""What topics and reminders promise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildgate.adapters.reminders import LambdaReminders
from buildgate.adapters.sns import SnsTopics
from buildgate.domain.approvals import ApprovalRef
from buildgate.domain.errors import BuildgateError
from buildgate.domain.notices import Notice, NoticeRef, Topic
from buildgate.ports import Reminders, Topics
from contract.cases import Cloud, case
from run_records import RUN_ID


def notice(arn: str, **changes: Any) -> Notice:
    base = Notice(
        ref=NoticeRef(RUN_ID, "run-SUCCEEDED"),
        topic=Topic.SUCCESS,
        title="✅ shop: SUCCEEDED",
        description="Grüße, 東京",
        thread=RUN_ID,
        topic_arn=arn,
    )
    return base._replace(**changes)


@case(Topics)
def a_notice_is_published_as_a_card_under_its_key(cloud: Cloud) -> None:
    arn, messages = cloud.topic()

    SnsTopics(cloud.client("sns"), {}).publish(notice(arn, correlation_id="e1", approver="bob@example.com"))

    (came,) = messages()
    card = json.loads(came["text"])
    assert came["subject"] == "shop: SUCCEEDED"
    assert came["attributes"] == {
        "key": f"{RUN_ID}/run-SUCCEEDED",
        "fmt": "1",
        "topic": "success",
        "correlation": "e1",
        "approver": "bob@example.com",
    }
    assert (card["id"], card["content"]["description"]) == (f"{RUN_ID}/run-SUCCEEDED", "Grüße, 東京")


@case(Topics)
def a_notice_goes_to_the_topic_of_its_kind(cloud: Cloud) -> None:
    arn, messages = cloud.topic()
    other, others = cloud.topic()

    SnsTopics(cloud.client("sns"), {Topic.SUCCESS: arn, Topic.FAILURE: other}).publish(notice("", topic=Topic.FAILURE))

    (came,) = others()
    assert came["attributes"] == {"key": f"{RUN_ID}/run-SUCCEEDED", "topic": "failure", "fmt": "1"}
    SnsTopics(cloud.client("sns"), {Topic.SUCCESS: arn}).publish(notice(""))
    assert [one["attributes"]["topic"] for one in messages()] == ["success"]


@case(Topics)
def a_topic_that_is_not_there_is_a_failure_with_a_name(cloud: Cloud) -> None:
    arn, _ = cloud.topic()

    with pytest.raises(BuildgateError):
        SnsTopics(cloud.client("sns"), {}).publish(notice(f"{arn}-nope"))


@case(Reminders)
def a_reminder_is_told_what_to_ask_again(cloud: Cloud) -> None:
    ref = ApprovalRef(RUN_ID, 1, 1, "entry")

    LambdaReminders(cloud.client("lambda"), cloud.reminder).remind(ref, correlation_id="e1")

    told = cloud.reminded()[-1]
    assert {name: told[name] for name in ("run_id", "approval", "input")} == {
        "run_id": RUN_ID,
        "approval": ref.to_text(),
        "input": {"correlation_id": "e1", "fmt": 1},
    }
