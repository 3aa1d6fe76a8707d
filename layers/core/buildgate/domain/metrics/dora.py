"""DORA's five metrics from what really happened: runs that released, failed, and were put right.

Rules (Four Keys' buckets over the window; days without a deployment count as zero):

- A *deployment* is a run of a pipeline with a release stage that succeeded, or that failed in its release stage. The
  release stage is the last whose name has one of the words release, deploy, production, prod, live or rollout in it, or
  the one that the pipeline's tag ``release-stage`` names.
- A deployment *failed* when its release stage failed, or when the next one within 24 hours puts it right: a rollback, a
  retry, a commit that was released before, or a branch or message that says hotfix, revert or rollback.
- *Rework* is a deployment that puts a failed one right.
- *Recovery* runs from the end of a failed deployment to the end of the next good one of the same pipeline.
- *Lead time* runs from the commit (the committer's date of the newest commit of the run, as the repository tells it) to the
  end of its release. Where the repository told no date, or one after the run was opened, it runs from that opening.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildgate.domain.metrics.statistics import median

RULES: Mapping[str, str] = {
    "deployment": "a run whose release stage ended: the last stage with release, deploy, prod, production, live or "
    "rollout in its name, or the one the pipeline's tag release-stage names",
    "deployment_frequency": "median days a week with a good deployment: 3 or more daily, 1 weekly; "
    "median a month 1 monthly",
    "lead_time": "median from the commit to the end of the release; under 24 h, 168 h, 730 h, 4,380 h",
    "change_fail_rate": "deployments whose release failed, or that a rollback, retry, hotfix or revert followed "
    "within 24 h; up to 15 %, under 46 %",
    "recovery_time": "median from the end of a failed deployment to the end of the next good one",
    "rework_rate": "deployments that put a failed one right",
}
_RELEASE = re.compile(r"(?i)(^|[^a-z])(release|deploy|deployment|prod|production|live|rollout)([^a-z]|$)")
_REMEDY = re.compile(r"(?i)(^|[^a-z])(hot-?fix|revert|roll-?back)([^a-z]|$|s )")
_SOON = timedelta(hours=24)
_WEEK = 7
MOST_RELEASES = 100
_HOURS = ((24, "elite: under a day"), (168, "high: under a week"), (730, "medium: under a month"))


@dataclass(frozen=True, slots=True)
class Deployment:
    """One run that reached its release. ``is_remedy`` says that a person called it a hotfix, revert or rollback."""

    run_id: str
    pipeline: str
    commit: str
    opened_at: datetime
    ended_at: datetime
    is_good: bool
    is_retry: bool = False
    is_remedy: bool = False
    committed_at: datetime | None = None

    @property
    def begun_at(self) -> datetime:
        """When its lead time began: a clock that ran ahead of ours begins nothing."""
        return self.opened_at if self.committed_at is None else min(self.opened_at, self.committed_at)

    @property
    def lead_hours(self) -> float:
        return (self.ended_at - self.begun_at).total_seconds() / 3600


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment as the list behind the numbers shows it."""

    run_id: str
    pipeline: str
    commit: str
    committed_at: datetime | None
    opened_at: datetime
    ended_at: datetime
    lead_hours: float
    is_failed: bool
    is_rework: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric. ``value`` is None when nothing was measured; ``runs`` are the runs behind it."""

    name: str
    value: float | None
    unit: str
    level: str
    rule: str
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dora:
    """The five metrics of a window, and the newest deployments they are made of, at most ``MOST_RELEASES``."""

    days: int
    deployments: int
    measures: tuple[Measure, ...]
    daily: Mapping[str, int]
    releases: tuple[Release, ...] = ()
    rule: str = RULES["deployment"]


def release_stage(names: Sequence[str], tags: Mapping[str, str]) -> int | None:
    """Return the index of a pipeline's release stage, or None when it has none: then it deploys nothing."""
    wanted = tags.get("release-stage")
    if wanted is not None:
        return names.index(wanted) if wanted in names else None
    return next((index for index in range(len(names) - 1, -1, -1) if _RELEASE.search(names[index])), None)


def is_remedy(ref: str, message: str) -> bool:
    """Return whether a branch or the first line of a commit's message calls itself a hotfix, revert or rollback."""
    return bool(_REMEDY.search(ref) or _REMEDY.search(message.split("\n", 1)[0]))


def measure(deployments: Sequence[Deployment], *, days: Sequence[str], observed_since: datetime | None = None) -> Dora:
    """Return the five metrics of deployments that ended in the window.

    Args:
        deployments: What ended in the window.
        days: The window's UTC days.
        observed_since: Frequency counts days from here on: days before the first run say nothing about deployments.
    """
    ordered = sorted(deployments, key=lambda one: one.ended_at)
    failed, remedies, recoveries = _put_right(ordered)
    good = [one for one in ordered if one.is_good]
    daily = dict.fromkeys(days, 0)
    for one in good:
        name = one.ended_at.strftime("%Y-%m-%d")
        if name in daily:
            daily[name] += 1
    leads = [one.lead_hours for one in good if one.lead_hours > 0]
    rate = len(failed) / len(ordered) if ordered else None
    rework = len(remedies) / len(ordered) if ordered else None
    begun = "" if observed_since is None else observed_since.strftime("%Y-%m-%d")
    frequency = _frequency([count for day, count in daily.items() if day >= begun])
    return Dora(
        len(days),
        len(ordered),
        (
            _measure("deployment_frequency", frequency[0], "days a week", frequency[1], [one.run_id for one in good]),
            _measure("lead_time", median(leads), "hours", _by_hours(median(leads)), [one.run_id for one in good]),
            _measure("change_fail_rate", rate, "ratio", _by_share(rate), sorted(failed)),
            _measure("recovery_time", median(recoveries), "hours", _by_hours(median(recoveries)), sorted(failed)),
            _measure("rework_rate", rework, "ratio", "no level is published" if ordered else _NONE, sorted(remedies)),
        ),
        daily,
        tuple(_release(one, failed, remedies) for one in ordered[: -MOST_RELEASES - 1 : -1]),
    )


_NONE = "not enough data"


def _measure(name: str, value: float | None, unit: str, level: str, runs: Sequence[str]) -> Measure:
    return Measure(name, value, unit, level, RULES[name], tuple(runs[-20:]))


def _release(one: Deployment, failed: set[str], remedies: set[str]) -> Release:
    return Release(
        one.run_id,
        one.pipeline,
        one.commit,
        one.committed_at,
        one.opened_at,
        one.ended_at,
        one.lead_hours,
        is_failed=one.run_id in failed,
        is_rework=one.run_id in remedies,
    )


def _put_right(ordered: Sequence[Deployment]) -> tuple[set[str], set[str], list[float]]:
    """Return the failed deployments, those that put one right, and the hours that recoveries took."""
    failed, remedies = {one.run_id for one in ordered if not one.is_good}, set()
    recoveries: list[float] = []
    for pipeline in {one.pipeline for one in ordered}:
        own = [one for one in ordered if one.pipeline == pipeline]
        released: set[str] = set()
        for before, after in itertools.pairwise(own):
            released.add(before.commit)
            is_back = after.commit in released and after.commit != before.commit
            puts_right = after.is_remedy or after.is_retry or is_back
            if after.ended_at - before.ended_at <= _SOON and puts_right:
                failed.add(before.run_id)
            if before.run_id in failed and (puts_right or not before.is_good):
                remedies.add(after.run_id)
        for index, one in enumerate(own):
            following = next((later for later in own[index + 1 :] if later.is_good), None)
            if one.run_id in failed and following is not None:
                recoveries.append((following.ended_at - one.ended_at).total_seconds() / 3600)
    return failed, remedies, recoveries


def _frequency(daily: Sequence[int]) -> tuple[float | None, str]:
    """Return the median days a week with a deployment, and the level; weeks are counted back from today."""
    if not any(daily):
        return None, _NONE
    if len(daily) < _WEEK:
        return None, f"{_NONE}: {len(daily)} days observed, {_WEEK} are needed"
    weeks = [daily[max(0, end - 7) : end] for end in range(len(daily), 0, -7)]
    full = [week for week in weeks if len(week) == 7] or weeks
    a_week = median([float(sum(count > 0 for count in week)) for week in full]) or 0.0
    months = [daily[max(0, end - 30) : end] for end in range(len(daily), 0, -30)]
    whole = [month for month in months if len(month) == 30] or months
    a_month = median([float(sum(month)) for month in whole]) or 0.0
    if a_week >= 3:
        return a_week, "elite: daily"
    if a_week >= 1:
        return a_week, "high: weekly"
    return a_week, "medium: monthly" if a_month >= 1 else "low: yearly"


def _by_hours(hours: float | None) -> str:
    if hours is None:
        return _NONE
    named = next((name for limit, name in _HOURS if hours < limit), None)
    return named or ("low: under six months" if hours < 4380 else "low: six months or more")


def _by_share(share: float | None) -> str:
    if share is None:
        return _NONE
    return "elite: up to 15 %" if share <= 0.15 else "medium: under 46 %" if share < 0.46 else "low: 46 % or more"
