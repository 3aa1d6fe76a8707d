"""Bad hours of one local cloud: its events, its functions and its messages fail it in turn.

Each test lives through one fault with the same small pipeline. What is asked of every one: the run ends as it should,
each build is counted once, and the failure queues are empty.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.harness import RunningCloud
from e2e.hours import break_events, function, given_up, released, workers
from e2e.shop import Shop
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad hours"), pytest.mark.timeout(240)]
SPARED = {"serve_api"}
"""Functions a person waits for: they see an error and ask again."""
STATE_CHANGE = {"source": "aws.codebuild", "detail-type": "CodeBuild Build State Change"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owed(cloud: RunningCloud) -> list[str]:
    """Return whose notices have not gone out."""
    table = cloud.description["outputs"]["TableName"]
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    return [item["pk"]["S"] for item in items if item.get("state") == {"S": "OWED"}]


def worked(pid: int) -> int:
    """Return the clock ticks a process has computed."""
    try:
        return sum(int(field) for field in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    except OSError:
        return 0


@contextmanager
def killing_each_function_once(cloud: RunningCloud) -> Iterator[set[str]]:
    """Kill every function's process once, while it works; what was killed is in the set."""
    killed: set[str] = set()
    done = threading.Event()

    def hunt() -> None:
        before: dict[int, int] = {}
        while not done.wait(0.01):
            for pid, name in workers(cloud).items():
                ticks = worked(pid)
                if name not in {*killed, *SPARED} and pid in before and ticks > before[pid]:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(name)
                before[pid] = ticks

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        done.set()
        hunter.join()


def test_events_that_come_late_twice_and_in_the_wrong_order_count_once(cloud, shop):
    before = len(shop.runs())
    late = {**STATE_CHANGE, "detail": {"build-status": "IN_PROGRESS"}, "action": "delay", "seconds": 4, "times": 1}
    break_events(
        cloud,
        late,
        {"source": "aws.codebuild", "action": "duplicate", "times": 50},
        {"source": "aws.codecommit", "action": "duplicate", "times": 5},
    )

    run = released(cloud, shop)

    assert run["status"] == "SUCCEEDED"
    assert len(shop.runs()) == before + 1


def test_functions_killed_in_mid_invocation_are_made_up_for(cloud, shop):
    with killing_each_function_once(cloud) as killed:
        run = released(cloud, shop)

    assert run["status"] == "SUCCEEDED"
    assert len(killed) >= 4, killed


def test_a_topic_that_is_gone_holds_no_run_up_and_its_notice_follows(cloud, shop):
    topic = cloud.description["outputs"]["SuccessTopicArn"]
    cloud.client("sns").delete_topic(TopicArn=topic)

    run = released(cloud, shop)
    was_owed = owed(cloud)
    cloud.topic(topic.rpartition(":")[2])

    assert run["status"] == "SUCCEEDED"
    assert f"RUN#{run['run_id']}" in was_owed
    until(lambda: owed(cloud) == [] or None)


def test_a_subscriber_that_is_down_holds_neither_the_run_nor_the_other_subscribers_up(cloud, shop):
    topic = cloud.description["outputs"]["SuccessTopicArn"]
    nobody = f"http://127.0.0.1:{free_port()}/"
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=nobody)

    run = released(cloud, shop)

    assert run["status"] == "SUCCEEDED"
    assert cloud.notice(containing=run["run_id"])


@contextmanager
def without_permissions(cloud: RunningCloud, name: str) -> Iterator[None]:
    """Take a function's permissions from its role, and give them back."""
    iam, role = cloud.client("iam"), function(cloud, name)["Role"].rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    taken = {one: iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"] for one in names}
    for one in names:
        iam.delete_role_policy(RoleName=role, PolicyName=one)
    try:
        yield
    finally:
        for one, document in taken.items():
            iam.put_role_policy(RoleName=role, PolicyName=one, PolicyDocument=json.dumps(document))


def test_what_a_function_gave_up_is_seen_by_the_doctor_and_done_by_a_redrive(cloud, shop):
    with without_permissions(cloud, "RecordBuild"):
        run = released(cloud, shop)
        until(lambda: given_up(cloud) or None)
    (queue,) = [one for one in diagnosis(shop) if one["what"] == "ExecutionFailureQueue"]
    planned = json.loads(shop.buildgate("ops", "redrive", "--dry-run", "--json").stdout)["messages"]

    done = json.loads(shop.buildgate("ops", "redrive", "--json").stdout)["messages"]

    assert run["status"] == "SUCCEEDED"
    assert (queue["state"], "redrive" in queue["fix"]) == ("warn", True)
    assert {(one["outcome"], "RecordBuild" in one["function"]) for one in planned} == {("would", True)}
    assert {one["outcome"] for one in done} == {"done"}
    states = {one["what"]: one["state"] for one in diagnosis(shop)}
    is_apart = cloud.description["isolation"]["is_fenced"] and cloud.description["isolation"]["control_groups"]
    assert states.pop("isolation of builds") == ("ok" if is_apart else "warn")
    assert set(states.values()) == {"ok"}


def diagnosis(shop: Shop) -> list[dict]:
    return list(json.loads(shop.buildgate("ops", "doctor", "--json").stdout)["findings"])
