"""Stores of many builds for benchmarks of reading, and SDK clients in front of the in-memory table."""

from __future__ import annotations

import itertools
import json
import random
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.session import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.adapters.table.build_items import head_item
from buildgate.adapters.table.codec import encode_item
from buildgate.adapters.table.day_items import growing_key, packed_item, packed_key
from buildgate.domain.builds import BuildHead, BuildStatus, CacheProbe
from buildgate.domain.metrics.rollups import DayTotals, Scope, increments
from buildgate.domain.times import day_of
from buildgate.runtime import clients
from simulated_cloud import ALICE, SimulatedCloud

TABLE = "buildgate-Table"
PROJECT = "shop-unit"
PIPELINE = "shop"
DAYS = 30
ORDINARY = "desk-unit"
"""A project with thirty builds a day, beside the busy one: its days must not cost more in a larger store."""

ORDINARY_BUILDS = 30 * DAYS
GROWING = 40
PHASES = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")


def heads(count: int, now: datetime, project: str = PROJECT) -> Iterator[BuildHead]:
    """Yield builds spread over thirty days, the newest first, with durations as a busy project has them."""
    dice = random.Random(1)
    for number in range(count):
        ended = now - timedelta(days=DAYS - 1) * (number / max(1, count))
        seconds = dice.lognormvariate(5.3, 0.35)
        yield BuildHead(
            build_id=f"{project}:{uuid.UUID(int=dice.getrandbits(128))}",
            project=project,
            status=dice.choices([BuildStatus.SUCCEEDED, BuildStatus.FAILED], [9, 1])[0],
            started_at=ended - timedelta(seconds=seconds),
            ended_at=ended,
            duration_seconds=seconds,
            queue_seconds=dice.expovariate(0.5),
            cost_micro_usd=20_000,
            compute_type="BUILD_GENERAL1_SMALL",
            environment_type="LINUX_CONTAINER",
            image="aws/codebuild/standard:7.0",
            branch="main",
            phase_seconds=dict.fromkeys(PHASES, seconds / 8),
            cache=CacheProbe(dice.choice(["hit", "miss"]), "deps", "", 1000, 2.0),
        )


def items(count: int, now: datetime, *, kept: int, project: str = PROJECT) -> Iterator[dict[str, Any]]:
    """Yield the items that `count` builds leave: the newest `kept` of them by themselves, and the days of all.

    A day's last builds are in the item that grows, as many as fit before it is emptied; the others in the packed one.
    """
    pipelines = [Scope("PIPELINE", PIPELINE)] if project == PROJECT else []
    days: dict[str, list[dict[str, int]]] = {}
    for number, head in enumerate(heads(count, now, project)):
        if number < kept:
            yield head_item(head)
        growing, packed = days.setdefault(day_of(head.ended_at or head.started_at), [{}, {}])
        day = growing if growing.get("n", 0) < GROWING else packed
        for name, value in increments(head).items():
            day[name] = day.get(name, 0) + value
    for name, (growing, packed) in days.items():
        for scope in (Scope("PROJECT", project), *pipelines):
            yield {"pk": scope.key, "sk": growing_key(name), **growing}
            if packed:
                yield packed_item(scope, DayTotals(name, packed), packed_key(name))
    yield {"pk": "PROJECTS", "sk": project}


def batches(rows: Iterable[dict[str, Any]], table: str) -> Iterator[dict[str, Any]]:
    """Yield the requests of BatchWriteItem that write rows, twenty-five each."""
    puts: list[dict[str, Any]] = []
    for row in rows:
        puts.append({"PutRequest": {"Item": encode_item(row)}})
        if len(puts) == 25:
            yield {"RequestItems": {table: puts}}
            puts = []
    if puts:
        yield {"RequestItems": {table: puts}}


def store(count: int, *, kept: int) -> MemoryAws:
    """Return a deployed table in memory with what `count` builds left."""
    cloud = SimulatedCloud(schedules=False, checks_parameters=False)
    dynamodb = cloud.aws.client("dynamodb")
    now = cloud.aws.clock.now()
    of_an_ordinary_project = items(ORDINARY_BUILDS, now, kept=ORDINARY_BUILDS, project=ORDINARY)
    for row in itertools.chain(items(count, now, kept=kept), of_an_ordinary_project):
        dynamodb.put_item(TableName=TABLE, Item=encode_item(row))
    return cloud.aws


def request(path: str) -> dict[str, Any]:
    """Return the event of an operator's GET."""
    path, _, query = path.partition("?")
    context = {"http": {"method": "GET"}, "authorizer": {"iam": {"userArn": ALICE}}, "requestId": "r"}
    return {"rawPath": path, "rawQueryString": query, "requestContext": context}


def address(view: str) -> dict[str, Any]:
    """Return the event that asks for a view of the project."""
    return request(f"/v1/metrics/projects/{PROJECT}/{view}?days={DAYS}")


class Sdk:
    """SDK clients in front of the in-memory table: the same answer to the same request, kept, so that the server costs nothing."""

    def __init__(self, aws: MemoryAws) -> None:
        self.clock = aws.clock
        self.calls = 0
        self._aws = aws
        self._kept: dict[tuple[str, bytes], bytes] = {}
        self.dynamodb = self._wired(clients.Session().client("dynamodb"))
        self.stock = self._wired(Session().create_client("dynamodb"))

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        return self.dynamodb if service == "dynamodb" else self._aws.client(service)

    def _wired(self, client: Any) -> Any:
        client.meta.events.register("before-send.dynamodb", self._answer)
        return client

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        key = (operation, request.body)
        if key not in self._kept:
            method = getattr(self._aws.client("dynamodb"), xform_name(operation))
            self._kept[key] = json.dumps(method(**json.loads(request.body))).encode()
        answer = AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, None)
        answer._content = self._kept[key]
        return answer
