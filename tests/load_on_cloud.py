"""Load on a running local cloud, and the emulator's own floor for each kind of it, measured in the same cloud.

What is measured is printed as a ratio to the floor: seconds differ from machine to machine and from hour to hour.
"""

from __future__ import annotations

import functools
import io
import json
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from buildgate_cli.local.codebuild import notices
from buildgate_cli.local.codebuild.progress import KIND
from buildgate_cli.local.codebuild.store import Store
from buildgate_cli.local.events import Event
from e2e.harness import RunningCloud
from e2e.shop import Shop
from local_cloud_asking import until

AT_ONCE = 10
"""How many calls are under way to start something; what they start goes on by itself, all of it at once."""

WITHIN_SECONDS = 900.0
COUNTER = '''
import os
import botocore.session

table = os.environ["TABLE"]
client = botocore.session.get_session().create_client("dynamodb")


def handler(event, context):
    """The least that a handler of an event can do: one write."""
    client.update_item(
        TableName=table,
        Key={"pk": {"S": "count"}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
'''


@dataclass(frozen=True)
class Taken:
    """Seconds that a load took, and the floor of the same number."""

    what: str
    number: int
    seconds: float
    floor_seconds: float
    floor: str

    @property
    def ratio(self) -> float:
        return self.seconds / self.floor_seconds

    def line(self) -> str:
        each = 1000 * self.seconds / self.number
        return f"{self.number:>5} {self.what:<34}{each:>8.0f} ms each{self.ratio:>8.1f} x {self.floor}"


class Load:
    """A shop in a cloud, and everybody who wants something of it at the same time."""

    def __init__(self, cloud: RunningCloud, shop: Shop) -> None:
        self.cloud = cloud
        self.shop = shop
        self.project = f"{shop.name}-release"

    def builds(self, number: int) -> Taken:
        """Measure builds that finish at once."""
        seconds = self.finish(number)
        return Taken("builds that finish at once", number, seconds, self._events_floor(number), "an event and a write")

    def finish(self, number: int) -> float:
        """Let builds finish all at once; return the seconds until every one is counted."""
        before = self.counted()
        events = list(self._finished(number))
        return timed(lambda: self._put(events), lambda: self.counted() >= before + number)

    def runs(self, number: int, *, meanwhile: Callable[[], object] = lambda: None) -> tuple[Taken, Counter[str]]:
        """Measure runs opened at once, and say how they ended."""
        began = time.monotonic()
        ended = self.run_all(number, meanwhile=meanwhile)
        seconds = time.monotonic() - began
        return Taken("runs of a pipeline", number, seconds, self._bare_builds(number), "a bare build"), ended

    def run_all(self, number: int, *, meanwhile: Callable[[], object] = lambda: None) -> Counter[str]:
        """Open runs of one pipeline, and say how they ended when all have and each is counted.

        `meanwhile` is done after the last one was opened, while they run.
        """
        before, api, started = self.counted(), self.cloud.api, list[str]()

        def start(_: int) -> None:
            started.append(api.post("pipelines", self.shop.name, "runs", body={"ref": "branch:main"})["run"]["run_id"])

        each(start, range(number))
        meanwhile()
        until(lambda: self._are_over(started) or None, within=WITHIN_SECONDS)
        until(lambda: self.counted() >= before + number or None, within=WITHIN_SECONDS)
        return Counter(api.get("runs", run_id)["run"]["status"] for run_id in started)

    def people(self, number: int, address: str, *, word: str) -> Taken:
        """Measure people who look at a page at the same time; each must see the word."""
        seconds = timed(lambda: self.look(number, address, word=word), lambda: True)
        with counting_function(self.cloud) as (name, _):
            functions = self.cloud.client("lambda")
            invoke = functools.partial(functions.invoke, FunctionName=name)
            floor = timed(lambda: each(lambda _: invoke(), range(number), at_once=number), lambda: True)
        return Taken("people on a page", number, seconds, floor, "an invocation and a write")

    def look(self, number: int, address: str, *, word: str, status: int = 200) -> None:
        """Let people look at a page at the same time; each must see the word."""

        def look(_: int) -> None:
            answer = self.cloud.ask("GET", address)
            assert (answer.status, word in answer.data.decode()) == (status, True), f"{address}: {answer.status}"

        each(look, range(number), at_once=number)

    def counted(self) -> int:
        """Return how many builds the totals hold; a build may end on the day after it began."""
        return int(self.cloud.api.get("metrics", "projects", self.project, days=2)["summary"]["builds"])

    def given_up(self) -> int:
        """Return how many messages the failure queues hold."""
        found = 0
        for output in ("DeliveryFailureQueueUrl", "ExecutionFailureQueueUrl"):
            url = self.cloud.description["outputs"][output]
            asked = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            found += int(asked["Attributes"]["ApproximateNumberOfMessages"])
        return found

    def _finished(self, number: int) -> Iterator[Event]:
        """Put finished builds into the local CodeBuild as if it had run them, and yield the events of their ends."""
        store = Store(self.cloud.home.path / "codebuild.sqlite3")
        try:
            (newest,) = self.cloud.client("codebuild").list_builds_for_project(projectName=self.project)["ids"][:1]
            record = json.dumps(store.get(KIND, newest))
            now = datetime.now(UTC)
            for place in range(number):
                build_id = f"{self.project}:{uuid.uuid4()}"
                made = json.loads(record.replace(newest, build_id))
                build = made["build"]
                build |= {"buildNumber": 10_000 + place, "startTime": now.timestamp() - 60, "endTime": now.timestamp()}
                build["environment"]["environmentVariables"] = []
                store.put(KIND, build_id, made, parent=self.project, rank=build["startTime"])
                yield notices.state_change(build, now)
        finally:
            store.close()

    def _put(self, events: list[Event]) -> None:
        client = self.cloud.client("events")

        def put(entries: list[dict[str, Any]]) -> None:
            assert client.put_events(Entries=entries)["FailedEntryCount"] == 0

        entries = [
            {
                "Source": event.source,
                "DetailType": event.detail_type,
                "Resources": list(event.resources),
                "Detail": json.dumps(event.detail),
                "Time": event.time,
            }
            for event in events
        ]
        each(put, [entries[start : start + 10] for start in range(0, len(entries), 10)])

    def _events_floor(self, number: int) -> float:
        """Return the seconds that as many events take whose handler writes once and does nothing else."""
        with counting_function(self.cloud) as (_, count):
            now = datetime.now(UTC)
            events = [Event("load.floor", "Floor", (), {"number": one}, now) for one in range(number)]
            return timed(lambda: self._put(events), lambda: count() >= number)

    def _bare_builds(self, number: int) -> float:
        """Return the seconds that as many builds of the project take with nobody waiting for them."""
        before, client, started = self.counted(), self.cloud.client("codebuild"), list[str]()

        def start(_: int) -> None:
            started.append(self._start_when_there_is_room(client))

        def are_over() -> bool:
            return all(
                build["buildComplete"]
                for at in range(0, number, 100)
                for build in client.batch_get_builds(ids=started[at : at + 100])["builds"]
            )

        seconds = timed(lambda: each(start, range(number)), are_over)
        until(lambda: self.counted() >= before + number or None, within=WITHIN_SECONDS)
        return seconds

    def _start_when_there_is_room(self, client: Any) -> str:
        def start() -> str | None:
            try:
                return str(client.start_build(projectName=self.project)["build"]["id"])
            except client.exceptions.AccountLimitExceededException:
                return None

        return str(until(start, within=300))

    def _are_over(self, run_ids: list[str]) -> bool:
        runs = [self.cloud.api.get("runs", run_id)["run"] for run_id in run_ids]
        return all(run["status"] not in {"QUEUED", "RUNNING"} for run in runs)


def each(do: Callable[[Any], object], items: Iterable[Any], *, at_once: int = AT_ONCE) -> None:
    """Do something for each item, several at once; the first failure is raised."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(do, items))


def timed(do: Callable[[], object], is_over: Callable[[], bool], *, within: float = WITHIN_SECONDS) -> float:
    """Return the seconds from the beginning of `do` until `is_over`."""
    began = time.monotonic()
    do()
    until(lambda: is_over() or None, within=within)
    return time.monotonic() - began


@contextmanager
def counting_function(cloud: RunningCloud) -> Iterator[tuple[str, Callable[[], int]]]:
    """Deploy a function that counts events of the source `load.floor`; gives its name, and how many it has counted."""
    name = f"load-floor-{uuid.uuid4().hex[:8]}"
    tables, functions, events = (cloud.client(one) for one in ("dynamodb", "lambda", "events"))
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    tables.create_table(
        TableName=name,
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", COUNTER)
    arn = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=_role(cloud, name),
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"TABLE": name}},
        Timeout=30,
    )["FunctionArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["load.floor"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "floor", "Arn": arn}])

    def counted() -> int:
        item = tables.get_item(TableName=name, Key={"pk": {"S": "count"}}, ConsistentRead=True).get("Item")
        return int(item["n"]["N"]) if item else 0

    try:
        yield name, counted
    finally:
        events.remove_targets(Rule=name, Ids=["floor"])
        events.delete_rule(Name=name)
        functions.delete_function(FunctionName=name)
        tables.delete_table(TableName=name)


def _role(cloud: RunningCloud, name: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    allowed = {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="count",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    return str(role["Role"]["Arn"])
