"""What the bad hours of one local cloud share: a small shop, and what has to hold after each of them."""

from __future__ import annotations

import json
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from buildgate_cli.local.call_faults import MET_FILE, RULES_FILE
from buildgate_cli.local.clock import CLOCK_FILE
from e2e.harness import RunningCloud
from e2e.shop import Shop
from local_cloud_asking import until

if TYPE_CHECKING:
    import pytest

NAME = "shop-hours"
PROJECT = f"{NAME}-release"
FUNCTIONS = Path(__file__).parents[2] / "functions"
BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - {}\n"
MOMENT = "sleep 1"
"""What a build does in the middle of which something has to happen."""


def shop_in(cloud: RunningCloud, factory: pytest.TempPathFactory) -> Shop:
    """Return the cloud's shop, made by whoever asks first."""
    if NAME not in cloud.kept:
        made = Shop.make(cloud, NAME, factory.mktemp("shop"), stages=["release"], approval={})
        cloud.kept[NAME] = made
    return cloud.kept[NAME]


def expect_calm(cloud: RunningCloud) -> None:
    """Take the faults away: nothing was given up, and the project's totals equal a recount of its builds."""
    (cloud.home.path / "event-faults.json").unlink(missing_ok=True)
    (cloud.home.path / CLOCK_FILE).unlink(missing_ok=True)
    (cloud.home.path / RULES_FILE).unlink(missing_ok=True)
    ended = cloud.client("codebuild").list_builds_for_project(projectName=PROJECT)["ids"]
    assert until(lambda: counted(cloud) if counted(cloud) >= len(ended) else None) == len(ended)
    assert given_up(cloud) == []


def counted(cloud: RunningCloud) -> int:
    """Return how many builds the totals hold, of whatever days: clocks are put forward into tomorrow, too."""
    wanted = {":p": {"S": f"PROJECT#{PROJECT}"}, ":d": {"S": "D#"}}
    request = {"KeyConditionExpression": "pk = :p AND begins_with(sk, :d)", "ExpressionAttributeValues": wanted}
    table = cloud.description["outputs"]["TableName"]
    days = cloud.client("dynamodb").query(TableName=table, ConsistentRead=True, **request)["Items"]
    return sum(int(day["n"]["N"]) for day in days if "n" in day)


def given_up(cloud: RunningCloud) -> list[str]:
    found = []
    for output in ("DeliveryFailureQueueUrl", "ExecutionFailureQueueUrl"):
        url = cloud.description["outputs"][output]
        found += cloud.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", [])
    return [message["Body"] for message in found]


def pushed(shop: Shop, command: str = "true") -> str:
    """Return the run of a push that changes something, and whose build is this command."""
    shop.write("buildspec-release.yml", BUILDSPEC.format(command))
    shop.write("change.txt", uuid.uuid4().hex)
    return shop.run_of(shop.push())


def wait_for_its_build(cloud: RunningCloud, run_id: str) -> str:
    def look() -> str | None:
        stages = cloud.api.get("runs", run_id)["run"]["stages"]
        return next((build["build_id"] for stage in stages for build in stage["builds"] if build["build_id"]), None)

    return str(until(look))


def ended_build(cloud: RunningCloud, run_id: str) -> dict:
    """Wait until CodeBuild has ended the one build of a run, whoever heard of it."""
    build_id, codebuild = wait_for_its_build(cloud, run_id), cloud.client("codebuild")
    return dict(
        until(
            lambda: next((b for b in codebuild.batch_get_builds(ids=[build_id])["builds"] if b["buildComplete"]), None)
        )
    )


def released(cloud: RunningCloud, shop: Shop, command: str = "true") -> dict:
    return cloud.run(pushed(shop, command))


def asked(shop: Shop, timeout: str) -> tuple[str, str]:
    """Start a run that waits for an approval of at most this time; return the run and the link to decide by.

    The cloud's time runs sixty times faster for approvals: a day is 24 minutes.
    """
    shop.write("buildspec-release.yml", BUILDSPEC.format("true"))
    shop.push(ref="asked")
    data = yaml.safe_load((shop.folder / "pipeline.yaml").read_text())
    data |= {"name": f"shop-hours-asked-{timeout}", "triggers": [{"repository": shop.name, "branches": ["nothing"]}]}
    data["stages"][0]["approval"] = {"approvers": ["alice@example.com"], "timeout": timeout, "channel": "link"}
    shop.write("pipeline-asked.yaml", yaml.safe_dump(data, sort_keys=False))
    shop.buildgate("pipeline", "apply", "pipeline-asked.yaml")
    started = shop.buildgate("run", "start", data["name"], "--branch", "asked", "--json")
    run_id = json.loads(started.stdout)["run"]["run_id"]
    return run_id, shop.link(shop.waiting_approval(run_id))


def workers(cloud: RunningCloud) -> dict[int, str]:
    """Return the processes that run handlers, each with the folder its function has in the checkout."""
    names = {path.read_bytes(): path.parent.name for path in FUNCTIONS.glob("*/app.py")}
    found = {}
    for process in Path("/proc").iterdir():
        try:
            folder = (process / "cwd").readlink()
            code = (folder / "app.py").read_bytes() if folder.is_relative_to(cloud.home.path) else b""
        except OSError:
            continue
        if code in names:
            found[int(process.name)] = names[code]
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def emulator_of(cloud: RunningCloud) -> int:
    """Return the emulator's process: handlers branch off a process of its, or off one that branched off that."""
    pid = until(lambda: next(iter(workers(cloud)), None))
    while b"buildgate_cli.local.emulator_main" not in Path(f"/proc/{pid}/cmdline").read_bytes():
        pid = parent(pid)
    return pid


@contextmanager
def no_file_may_grow(pid: int, *, beyond: int = 64) -> Iterator[None]:
    """Let a process, and what it starts, write no more than some bytes into any file, as on a full disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def break_events(cloud: RunningCloud, *rules: dict) -> None:
    """Let events meet these rules (`local/events.py`)."""
    (cloud.home.path / "event-faults.json").write_text(json.dumps(rules))


@contextmanager
def calls_that_fail(cloud: RunningCloud, *rules: dict) -> Iterator[list[dict]]:
    """Let calls meet these rules (`call_faults`); afterwards those that did are in the list."""
    met, path = cloud.home.path / MET_FILE, cloud.home.path / RULES_FILE
    met.write_text("")
    path.write_text(json.dumps(rules))
    found: list[dict] = []
    try:
        yield found
    finally:
        path.unlink()
        found += [json.loads(line) for line in met.read_text().splitlines()]


def function(cloud: RunningCloud, name: str) -> dict:
    """Return what Lambda says of a function by its name in the template, without `Function`."""
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    return next(one for page in pages for one in page["Functions"] if f"-{name}Function-" in one["FunctionName"])


@contextmanager
def shut(cloud: RunningCloud, *names: str) -> Iterator[None]:
    """Let functions run not at all for a while: none of them has any concurrency."""
    functions = cloud.client("lambda")
    full = [function(cloud, name)["FunctionName"] for name in names]
    try:
        for name in full:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        yield
    finally:
        for name in full:
            functions.delete_function_concurrency(FunctionName=name)


def shift(cloud: RunningCloud, seconds: float) -> None:
    """Put the clock of the whole cloud forward or back."""
    (cloud.home.path / CLOCK_FILE).write_text(str(seconds))


def recounted(cloud: RunningCloud, *scope: str) -> list[dict]:
    """Return where the totals of a scope differ from a recount of its builds."""
    return list(cloud.api.get("metrics", *scope, "verify", days=2)["differences"])
