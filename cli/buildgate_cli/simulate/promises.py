"""What must hold when a world is at rest: nothing runs, nothing is owed, and every count can be made again."""

from __future__ import annotations

import json
import marshal
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from buildgate.adapters.table.build_items import head_of
from buildgate.adapters.table.codec import decode_item
from buildgate.adapters.table.day_items import days_of
from buildgate.domain.metrics.recount import comparable
from buildgate.domain.metrics.rollups import fold
from buildgate_cli.simulate.breaches import Promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildgate_cli.simulate.watching import Watch
    from buildgate_cli.simulate.world import World

PLANTED: Final = {
    "variable": "planted-variable-7f3a91c0",
    "exported": "planted-exported-4b2d11aa",
    "commit": "planted-commit-90ab33ef",
    "comment": "planted-comment-61cc20d4",
    "key": "AKIAPLANTED000000001",
    "buildspec": "planted-buildspec-18fd20be",
    "report": "planted-report-d3c07a55",
}
"""Secrets that a simulated team leaves lying about, by where; none may ever be seen again."""
_WAIT: Final = {"QUEUED", "RUNNING"}


def check(watch: Watch) -> None:
    """Check all that must hold at rest, and note in the watch what does not."""
    items = [decode_item(row.item) for row in watch.world.table.rows()]
    for one in (_bounded, _orphans, _recounted, _told, _started):
        one(watch, items)
    _kept(watch)
    _secrets(watch)


def is_at_rest(world: World) -> bool:
    """Return whether nothing is left to do: no open work in the table, no build and no execution that runs."""
    if any("g2p" in row.item for row in world.table.rows()):
        return False
    running = any(one.status == "RUNNING" for one in world.aws.stepfunctions.executions.values())
    return not running and all(build.is_over for build in world.aws.codebuild.builds())


def _runs(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in items if item["sk"] == "RUN"]


def _bounded(watch: Watch, items: list[dict[str, Any]]) -> None:
    for run in _runs(items):
        if run["status"] in _WAIT:
            watch.breach(Promise.BOUNDED, f"run {run['run_id']} is {run['status']} still")
    for execution in watch.world.aws.stepfunctions.executions.values():
        if execution.status == "RUNNING":
            watch.breach(Promise.BOUNDED, f"execution {execution.name} runs still")
    for item in items:
        if item["sk"] == "LANE" and (item.get("holder") or item.get("waiting")):
            watch.breach(Promise.BOUNDED, f"somebody is still in {item['pk']}")
        if item.get("g2p") and not item["g2p"].endswith("NOTICE") and item["sk"] != "RUN":
            watch.breach(Promise.BOUNDED, f"{item['pk']} {item['sk']} is open work still")


def _orphans(watch: Watch, items: list[dict[str, Any]]) -> None:
    for build in watch.world.aws.codebuild.builds():
        if not build.is_over:
            watch.breach(Promise.ORPHANED, f"build {build.build_id} runs still")


def _recounted(watch: Watch, items: list[dict[str, Any]]) -> None:
    heads = [head_of(item) for item in items if item["sk"] == "HEAD"]
    by_scope: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        if item["sk"].startswith("D#") and item["pk"].startswith(("PROJECT#", "PIPELINE#")):
            by_scope.setdefault(item["pk"], []).append(item)
    counted = {(pk, day.day): day.counters for pk, own in by_scope.items() for day in days_of(own)}
    again = {
        (scope.key, day): counts for (scope, day), counts in fold(heads, seen_at=watch.world.aws.clock.now()).items()
    }
    keys = sorted(counted.keys() | again.keys())
    wrong = next((key for key in keys if not _agree(counted.get(key, {}), again.get(key, {}))), None)
    if wrong is not None:
        watch.breach(Promise.RECOUNTED, f"the totals of {wrong} are {counted.get(wrong)}, not {again.get(wrong)}")
    real = Counter(f"PROJECT#{build.build_id.split(':')[0]}" for build in watch.world.aws.codebuild.builds())
    known = Counter(f"PROJECT#{head.project}" for head in heads)
    if real != known:
        watch.breach(Promise.COUNTED_ONCE, f"CodeBuild had {dict(real)}, known are {dict(known)}")


def _agree(stored: Mapping[str, int], again: Mapping[str, int]) -> bool:
    one, other = comparable(stored, again)
    return one == other


def _told(watch: Watch, items: list[dict[str, Any]]) -> None:
    keys = {published.attributes.get("key", "") for published in watch.world.aws.sns.published}
    if "" in keys:
        watch.breach(Promise.TOLD, "a message went out without a key")
    noted = {item["pk"].split("#", 1)[1] for item in items if item["sk"].startswith("N#")}
    for item in items:
        if item["sk"].startswith("N#") and item["state"] != "SENT":
            watch.breach(Promise.TOLD, f"{item['pk']} {item['sk']} is owed still")
    for item in items:
        if item["sk"] == "HEAD" and not item["facts"].get("slot"):
            key = f"{item['build_id']}/build-{item['status']}"
            if key not in keys:
                watch.breach(Promise.TOLD, f"nobody was told that build {item['build_id']} is {item['status']}")
    for run in _runs(items):
        key = f"{run['run_id']}/run-{run['status']}"
        if run["status"] not in _WAIT and (key not in keys or run["run_id"] not in noted):
            watch.breach(Promise.TOLD, f"nobody was told that run {run['run_id']} is {run['status']}")


def _started(watch: Watch, items: list[dict[str, Any]]) -> None:
    opened = Counter(run["commit"] for run in _runs(items) if run["trigger"] in {"push", "reconcile"})
    for commit, times in opened.items():
        if times > len(watch.pipelines):
            watch.breach(Promise.STARTED, f"commit {commit} was started {times} times")
    for branch, commit in watch.newest.items():
        if commit not in opened:
            watch.breach(Promise.STARTED, f"the newest commit {commit} of {branch} was never started")


def _kept(watch: Watch) -> None:
    aws = watch.world.aws
    kept = sum(len(queue.messages) for queue in aws.sqs.queues.values())
    lost = len(aws.lambdas.given_up) + len(aws.events.refused)
    if kept != lost:
        watch.breach(Promise.KEPT, f"{lost} events were given up or refused, {kept} are in a failure queue")


def _secrets(watch: Watch) -> None:
    for place, text in seen(watch.world).items():
        for what, secret in PLANTED.items():
            if secret in text:
                at = text.index(secret)
                watch.breach(
                    Promise.SECRET, f"the secret in a {what} is in {place}: ...{text[max(0, at - 60) : at + 10]}"
                )


def seen(world: World) -> dict[str, str]:
    """Return all that leaves the functions, as text: the table, the log, the notices and the failure queues.

    An event that a rule could not hand over is none of it: EventBridge keeps it whole, as CodeBuild sent it.
    """
    whole = {json.dumps(event) for event in world.aws.events.refused}
    kept = [one.body for queue in world.aws.sqs.queues.values() for one in queue.messages if one.body not in whole]
    return {
        "the table": marshal.dumps([row.item for row in world.table.rows()]).decode("latin-1"),
        "the log": str(world.lines),
        "a notice": "\n".join(f"{one.subject} {one.message}" for one in world.aws.sns.published),
        "what a function is handed": "\n".join(world.handed),
        "a page": "\n".join(world.pages),
        "a failure queue": "\n".join(kept),
    }
