"""Failure queues are emptied by trying again, and a doctor says when that is needed; on the in-memory AWS."""

from __future__ import annotations

import json

from buildgate.adapters.memory.faults import Fault
from buildgate_cli.ops.doctor import examine, isolation_in
from buildgate_cli.ops.redrive import redrive
from fault_world import calm, counted, fail_while, solo, start


def given_up():
    cloud = solo()
    fail_while(cloud, "dynamodb", 3600)
    start(cloud)
    cloud.aws.timeline.advance(hours=1)
    return cloud


def drive(cloud, queue="ExecutionFailureQueueUrl", **more):
    url = cloud.deployment.outputs[queue]
    return list(redrive(cloud.aws.client("sqs"), cloud.aws.client("lambda"), url, limit=100, **more))


def findings(cloud, ask=lambda: None):
    client = cloud.aws.client
    return {one.what: one for one in examine(client, cloud.deployment.outputs, ask=ask, now=cloud.aws.clock.now())}


def test_what_was_given_up_is_done_and_leaves_its_queue():
    cloud = given_up()
    cloud.aws.timeline.advance(hours=1)

    retried = drive(cloud)

    assert [one.outcome for one in retried] == ["done", "done"]
    assert counted(cloud) == 1
    assert cloud.failures() == []


def test_a_dry_run_changes_nothing():
    cloud = given_up()

    retried = drive(cloud, is_dry=True)

    assert {one.outcome for one in retried} == {"would"}
    assert "DynamoDB" in retried[0].reason
    assert len(cloud.failures()) == 2
    assert [one.outcome for one in drive(cloud, is_dry=True)] == ["would", "would"]


def test_what_fails_again_stays_in_its_queue_with_its_reason():
    cloud = given_up()
    cloud.aws.faults.plan = lambda call: Fault.OUTAGE if call.service == "dynamodb" else Fault.NONE

    retried = drive(cloud)

    assert {one.outcome for one in retried} == {"failed"}
    assert len(cloud.failures()) == 2


def test_an_event_that_was_not_delivered_goes_to_its_target_without_its_variables():
    cloud = solo()
    cloud.aws.events.deliveries = lambda _: ()
    start(cloud)
    cloud.aws.timeline.advance(minutes=5)
    event = {**cloud.aws.events.accepted[-1]}
    event["detail"]["additional-information"]["environment"]["environment-variables"] = [
        {"name": "A", "value": "hidden"}
    ]
    queue = cloud.deployment.outputs["DeliveryFailureQueueUrl"]
    target = {
        "TARGET_ARN": {
            "DataType": "String",
            "StringValue": cloud.aws.lambdas.arn_prefix + cloud.function("record_build").name,
        }
    }
    cloud.aws.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event), MessageAttributes=target)
    cloud.handed.clear()

    retried = drive(cloud, "DeliveryFailureQueueUrl")

    assert [one.outcome for one in retried] == ["done"]
    assert counted(cloud) == 1
    assert "hidden" not in "".join(cloud.handed)


def test_a_message_that_names_no_function_is_named_and_kept():
    cloud = solo()
    queue = cloud.deployment.outputs["ExecutionFailureQueueUrl"]
    for body in ("{", "[]", '{"a": 1}'):
        cloud.aws.sqs.send_message(QueueUrl=queue, MessageBody=body)

    assert [one.outcome for one in drive(cloud)] == ["unreadable"] * 3


def test_a_healthy_installation_has_nothing_to_mend():
    cloud = solo()
    start(cloud)
    cloud.aws.timeline.advance(minutes=10)

    assert {one.state for one in findings(cloud).values()} == {"ok"}


def test_the_doctor_names_full_queues_overdue_work_builds_set_aside_and_a_silent_api():
    cloud = given_up()
    calm(cloud)
    cloud.aws.events.deliveries = lambda event: (0.0,) if event["detail"]["build-status"] == "IN_PROGRESS" else ()
    start(cloud)
    cloud.aws.events.publish(
        {"source": "aws.codebuild", "detail-type": "CodeBuild Build State Change", "id": "x", "account": "1", "region": "r",
         "time": "2026-11-22T12:00:00Z", "detail": {"build-status": "IN_PROGRESS", "build-id": "x", "project-name": "x"}}
    )  # fmt: skip
    cloud.aws.timeline.advance(hours=1)

    def silent():
        raise TimeoutError("no answer")

    found = findings(cloud, silent)

    assert (found["API"].state, found["API"].says) == ("fail", "no answer")
    assert found["open builds"].state == "fail"
    assert found["ExecutionFailureQueue"].state == "warn"
    assert found["builds set aside"].state == "warn"
    assert all(one.fix for one in found.values() if one.state != "ok")


def test_the_doctor_says_what_keeps_builds_of_a_local_cloud_apart(tmp_path):
    def told(**isolation):
        (tmp_path / "cloud.json").write_text(json.dumps({"isolation": {"says": "as it is", **isolation}}))
        found = isolation_in(tmp_path)
        return found.state, found.says

    assert told(is_fenced=True, control_groups=2) == ("ok", "as it is")
    assert told(is_fenced=True, control_groups=None) == ("warn", "as it is")
    assert told(is_fenced=False, control_groups=1) == ("warn", "as it is")
    assert isolation_in(tmp_path / "none").state == "warn"
