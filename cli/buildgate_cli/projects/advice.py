"""What recent builds say about a project's machine, timeout and cache; each piece of advice with its evidence."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from buildgate_cli.builds import facts, ids
from buildgate_cli.human import dollars, duration, percent
from buildgate_cli.projects.policy import DEFAULT_MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from buildgate.domain.builds import Build
    from buildgate_cli.cloud_context import CloudContext
    from buildgate_cli.projects.model import Project

LEAST_BUILDS: Final = 5
"""Fewer builds than this are no evidence."""
IDLE_PERCENT: Final = 40.0
BUSY_PERCENT: Final = 85.0
SIZES: Final = (
    "BUILD_GENERAL1_SMALL",
    "BUILD_GENERAL1_MEDIUM",
    "BUILD_GENERAL1_LARGE",
    "BUILD_GENERAL1_XLARGE",
    "BUILD_GENERAL1_2XLARGE",
)
_WINDOW: Final = timedelta(days=14)
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Advice:
    """One change worth making: what, why, and what it saves per hundred builds at list price (None: not known)."""

    change: str
    evidence: str
    saves_micro_usd: int | None = None

    def to_data(self) -> dict[str, Any]:
        return {**asdict(self), "per_builds": 100}


def utilisation(cloudwatch: Any, project: str, now: datetime) -> dict[str, float]:
    """Return the highest CPU and memory use of builds in two weeks, in percent; AWS measures builds over a minute."""
    found = {}
    for name in ("CPUUtilizedPercent", "MemoryUtilizedPercent"):
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/CodeBuild",
            MetricName=name,
            Dimensions=[{"Name": "ProjectName", "Value": project}],
            StartTime=now - _WINDOW,
            EndTime=now,
            Period=_DAY_SECONDS,
            Statistics=["Maximum"],
        )
        points = [one["Maximum"] for one in answer.get("Datapoints", [])]
        if points:
            found[name] = max(points)
    return found


def recent(cloud: CloudContext, name: str, now: datetime) -> tuple[list[Build], dict[str, float]]:
    """Return a project's newest builds, a hundred at most, and what they used, nothing where that cannot be read."""
    client = cloud.client("codebuild", is_quick=True)
    builds, _ = facts.readable(ids.described(client, list(ids.newest_ids(client, name, ids.BATCH_SIZE))))
    try:
        used = utilisation(cloud.client("cloudwatch", is_quick=True), name, now) if builds else {}
    except (BotoCoreError, ClientError):
        used = {}
    return list(builds), used


def advise(project: Project, builds: Sequence[Build], used: Mapping[str, float]) -> list[Advice]:
    """Return the advice that finished builds of a project give evidence for; none below five builds."""
    finished = [
        one for one in builds if one.duration_seconds is not None and one.status.value in {"SUCCEEDED", "FAILED"}
    ]
    if len(finished) < LEAST_BUILDS:
        return []
    return [
        *_size(project, finished, used),
        *_timeout(project, finished),
        *_cache(project, finished),
        *_queue(finished),
    ]


def _cost(builds: Sequence[Build], kind: str, compute: str) -> float | None:
    costs = [facts.prices().cost_micro_usd(kind, compute, one.billed_seconds) for one in builds]
    known = [cost for cost in costs if cost is not None]
    return sum(known) / len(known) * 100 if len(known) == len(costs) else None


def _size(project: Project, builds: Sequence[Build], used: Mapping[str, float]) -> Iterator[Advice]:
    kind, compute = project.environment.type, project.environment.compute_type
    cpu, memory = used.get("CPUUtilizedPercent"), used.get("MemoryUtilizedPercent")
    if compute not in SIZES or cpu is None or memory is None:
        return
    place = SIZES.index(compute)
    seen = f"at most {_whole(cpu)} % of the CPU and {_whole(memory)} % of the memory were used in {_WINDOW.days} days"
    if cpu < IDLE_PERCENT and memory < IDLE_PERCENT and place > 0:
        smaller = SIZES[place - 1]
        before, after = _cost(builds, kind, compute), _cost(builds, kind, smaller)
        saved = round(before - after) if before is not None and after is not None else None
        yield Advice(f"use {smaller}", f"{seen}; the saving holds if builds take no longer", saved)
    elif (cpu > BUSY_PERCENT or memory > BUSY_PERCENT) and place + 1 < len(SIZES):
        yield Advice(f"try {SIZES[place + 1]}", f"{seen}: builds wait for their machine")


def _whole(share: float) -> int:
    """Return a share in whole percent, rounded up: something is never nothing."""
    return math.ceil(share)


def _timeout(project: Project, builds: Sequence[Build]) -> Iterator[Advice]:
    minutes = project.timeout_in_minutes or DEFAULT_MINUTES
    longest = max(one.duration_seconds or 0.0 for one in builds)
    enough = max(5, math.ceil(3 * longest / 60))
    if minutes >= 4 * enough:
        environment = project.environment
        cost = facts.prices().cost_micro_usd(environment.type, environment.compute_type, 60 * minutes)
        words = f"the longest of {len(builds)} builds took {duration(longest)}; a hung one costs {dollars(cost)}"
        yield Advice(f"set timeoutInMinutes to {enough} (it is {minutes})", words)


def _cache(project: Project, builds: Sequence[Build]) -> Iterator[Advice]:
    if project.cache is not None and project.cache.type != "NO_CACHE":
        return
    shares = [
        sum(one.phase_seconds.get(name, 0.0) for name in ("INSTALL", "PRE_BUILD")) / one.duration_seconds
        for one in builds
        if one.duration_seconds
    ]
    typical = statistics.median(shares) if shares else 0.0
    if typical > 0.3 and statistics.median(one.duration_seconds or 0.0 for one in builds) > 60:
        yield Advice("add a cache of dependencies", f"INSTALL and PRE_BUILD take {percent(typical)} of a typical build")


def _queue(builds: Sequence[Build]) -> Iterator[Advice]:
    waits = [one.queue_seconds or 0.0 for one in builds]
    if statistics.median(waits) > 60:
        yield Advice(
            "ask for a higher quota of concurrent builds, or start fewer at once",
            f"a typical build waits {duration(statistics.median(waits))} in the queue",
        )
