"""What to change, with the evidence, what it would save, the command, and the way back. No guesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildgate.domain.metrics.caches import CacheAnalysis
from buildgate.domain.metrics.fingerprints import Failure
from buildgate.domain.metrics.spending import Spending
from buildgate.domain.metrics.summary import Summary
from buildgate.domain.metrics.trends import ChangePoint


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation. Savings are per 30 days, None where they cannot be said; ``confidence`` is low, medium, high."""

    name: str
    title: str
    evidence: str
    saving_seconds: float | None
    saving_micro_usd: int | None
    confidence: str
    apply: str
    undo: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What advice is made from: the analyses of one project's window."""

    project: str
    days: int
    summary: Summary
    cache: CacheAnalysis
    spending: Spending
    failures: Sequence[Failure]
    changes: Sequence[ChangePoint]


def advise(evidence: Evidence) -> tuple[Advice, ...]:
    """Return the advice that the evidence bears, the dearest first; an empty tuple when it bears none."""
    rules = (_probe, _bad_keys, _slower, _flaky, _retries, _queue, _unpriced)
    found = [advice for rule in rules for advice in rule(evidence)]
    return tuple(sorted(found, key=lambda one: -(one.saving_micro_usd or 0)))


def _a_month(evidence: Evidence, amount: float) -> float:
    return amount / max(1, evidence.days) * 30


def _probe(evidence: Evidence) -> Iterator[Advice]:
    cache = evidence.cache
    if evidence.summary.builds >= 10 and cache.probed == 0:
        yield Advice(
            "measure-cache",
            "Let builds say what their cache does",
            f"{evidence.summary.builds} builds in {evidence.days} days, none reports its cache",
            None,
            None,
            "high",
            "buildgate buildspec generate --help   # --cache-key writes the probe\n\n" + cache.block,
            "remove the cache block and the probe's lines from the buildspec",
        )


def _bad_keys(evidence: Evidence) -> Iterator[Advice]:
    for key in evidence.cache.keys:
        if key.saved_seconds is not None and key.saved_seconds < 0:
            saving = None if key.saved_micro_usd is None else round(_a_month(evidence, -key.saved_micro_usd))
            yield Advice(
                "drop-cache-key",
                f"Stop caching under {key.key}",
                f"a hit takes {-(key.saved_seconds_per_hit or 0):.0f} s longer than a miss ({key.pairs} comparisons)",
                _a_month(evidence, -key.saved_seconds),
                saving,
                "high" if key.pairs >= 10 else "medium",
                "remove this key's paths from the buildspec's cache block",
                "put the paths back",
            )


def _slower(evidence: Evidence) -> Iterator[Advice]:
    for change in evidence.changes[-2:]:
        if change.after_seconds > change.before_seconds:
            extra = change.after_seconds - change.before_seconds
            yield Advice(
                "duration-regression",
                f"Builds became {extra:.0f} s slower with {change.first_build_id}",
                f"{change.before_seconds:.0f} s before, {change.after_seconds:.0f} s after (medians, "
                f"chance {change.chance:.1%}); differed: {', '.join(change.differed) or 'nothing that is recorded'}",
                extra * evidence.summary.builds / max(1, evidence.days) * 30,
                None,
                "high" if change.chance < 0.001 else "medium",
                f"buildgate metrics trend {evidence.project} --days {evidence.days}",
                "nothing to undo: this is where to look",
            )


def _flaky(evidence: Evidence) -> Iterator[Advice]:
    for failure in evidence.failures:
        if failure.kind == "flaky":
            yield Advice(
                "flaky-failure",
                f"Mend or quarantine what fails by chance in {failure.phase}",
                f"{failure.count} times: {failure.message[:100]} ({failure.evidence})",
                None,
                round(_a_month(evidence, failure.cost_micro_usd)),
                "medium",
                f"buildgate metrics failures {evidence.project} --days {evidence.days}",
                "nothing to undo",
            )


def _retries(evidence: Evidence) -> Iterator[Advice]:
    spending = evidence.spending
    if spending.retries >= 5 and spending.retries_micro_usd > spending.total_micro_usd * 0.1:
        share = spending.retries_micro_usd / spending.total_micro_usd
        yield Advice(
            "retries",
            "Retries are a large part of the bill",
            f"{spending.retries} retries, {share:.0%} of the cost",
            None,
            round(_a_month(evidence, spending.retries_micro_usd)),
            "medium",
            f"buildgate metrics failures {evidence.project}",
            "nothing to undo",
        )


def _queue(evidence: Evidence) -> Iterator[Advice]:
    queue = evidence.summary.queue_p95_seconds
    work = evidence.summary.p50_seconds
    if queue is not None and work and queue > 60 and queue > work / 2:
        yield Advice(
            "queue",
            "Builds wait for a free host",
            f"one in twenty waits {queue:.0f} s or more; half the builds take {work:.0f} s in all",
            None,
            None,
            "medium",
            "aws service-quotas list-service-quotas --service-code codebuild   # then ask for more concurrent builds",
            "quotas cost nothing while they are not used",
        )


def _unpriced(evidence: Evidence) -> Iterator[Advice]:
    if evidence.spending.cost_unknown:
        yield Advice(
            "unknown-price",
            "Some builds have no known price",
            f"{evidence.spending.cost_unknown} builds ran on compute that the price table does not have",
            None,
            None,
            "high",
            "add the price to layers/core/buildgate/data/prices.json",
            "remove the row",
        )
