"""Which machine a project's builds need: told by builds that ran on several, or by what they used. Never a guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.costs import PriceTable
from buildgate.domain.metrics.advice import Advice
from buildgate.domain.metrics.statistics import mean, median

LEAST_TRIALS = 5
IDLE_PERCENT = 40.0
FULL_PERCENT = 85.0
LEAST_SAMPLES = 30
_MANY = 20
_ALLOWED_SLOWER = 1.1
_CHEAPER = 0.9


class Size(NamedTuple):
    """What a compute type has."""

    cpus: int
    memory_gb: float


SIZES: Mapping[str, Size] = {
    "BUILD_GENERAL1_SMALL": Size(2, 4),
    "BUILD_GENERAL1_MEDIUM": Size(4, 8),
    "BUILD_GENERAL1_LARGE": Size(8, 16),
    "BUILD_GENERAL1_XLARGE": Size(36, 72),
    "BUILD_GENERAL1_2XLARGE": Size(72, 144),
}
"""Smallest first ("Build environment compute modes and types" in the CodeBuild guide, Linux on demand)."""


@dataclass(frozen=True, slots=True)
class Utilisation:
    """What builds of a project used, in percent of their machine, as CodeBuild measures builds of over a minute.

    ``samples`` is how many minutes were measured; figures are None where nothing was.
    """

    samples: int
    cpu_mean: float | None
    cpu_peak: float | None
    memory_peak: float | None


def machine_advice(
    project: str, heads: Sequence[BuildHead], *, days: int, used: Utilisation | None, prices: PriceTable
) -> tuple[Advice, ...]:
    """Return advice about the compute type, from a trial where there is one, else from what was used.

    Args:
        project: Its name.
        heads: The window's finished builds.
        days: The window's days: savings are for thirty.
        used: What builds used of their machines, None when it could not be asked.
        prices: The dated list prices.
    """
    timed = [head for head in heads if head.status is BuildStatus.SUCCEEDED and head.work_seconds is not None]
    if not timed:
        return ()
    newest = max(timed, key=lambda head: head.started_at)
    tried = tuple(_by_trial(project, timed, newest, days))
    return tried or tuple(_by_use(project, timed, newest, (days, used, prices)))


def _by_trial(project: str, timed: Sequence[BuildHead], newest: BuildHead, days: int) -> Iterator[Advice]:
    groups: dict[str, list[BuildHead]] = {}
    for head in timed:
        if (head.environment_type, head.image) == (newest.environment_type, newest.image):
            groups.setdefault(head.compute_type, []).append(head)
    now = _Trial.of(groups.pop(newest.compute_type, []))
    others = {name: trial for name, heads in groups.items() if (trial := _Trial.of(heads)) is not None}
    if now is None or not others:
        return
    name, best = min(others.items(), key=lambda pair: pair[1].micro_usd)
    if best.micro_usd > now.micro_usd * _CHEAPER or best.seconds > now.seconds * _ALLOWED_SLOWER:
        return
    a_month = now.builds / max(1, days) * 30
    yield Advice(
        "compute-type",
        f"Build on {name} instead of {newest.compute_type}",
        f"{best.builds} builds on {name}: {best.seconds:.0f} s and ${best.micro_usd / 1e6:.4f} each; "
        f"{now.builds} on {newest.compute_type}: {now.seconds:.0f} s and ${now.micro_usd / 1e6:.4f} (medians of working "
        "time, means of cost, same image)",
        (now.seconds - best.seconds) * a_month,
        round((now.micro_usd - best.micro_usd) * a_month),
        "high" if min(best.builds, now.builds) >= _MANY else "medium",
        _change(project, newest.compute_type, name),
        _change(project, name, newest.compute_type),
    )


class _Trial(NamedTuple):
    """Builds on one compute type: how many, their median working time and their mean cost."""

    builds: int
    seconds: float
    micro_usd: float

    @classmethod
    def of(cls, heads: Sequence[BuildHead]) -> _Trial | None:
        costs = [float(head.cost_micro_usd) for head in heads if head.cost_micro_usd is not None]
        times = [head.work_seconds or 0.0 for head in heads]
        if len(heads) < LEAST_TRIALS or len(costs) < len(heads):
            return None
        return cls(len(heads), median(times) or 0.0, mean(costs) or 0.0)


def _by_use(
    project: str,
    timed: Sequence[BuildHead],
    newest: BuildHead,
    known: tuple[int, Utilisation | None, PriceTable],
) -> Iterator[Advice]:
    days, used, prices = known
    names = list(SIZES)
    if used is None or used.samples < LEAST_SAMPLES or newest.compute_type not in SIZES:
        return
    if used.cpu_mean is None or used.cpu_peak is None or used.memory_peak is None:
        return
    place = names.index(newest.compute_type)
    said = (
        f"{used.samples} measured minutes: CPU {used.cpu_mean:.0f} % on the mean and {used.cpu_peak:.0f} % at most, "
        f"memory {used.memory_peak:.0f} % at most"
    )
    smaller = names[place - 1] if place else ""
    if smaller and max(used.cpu_peak, used.memory_peak) <= IDLE_PERCENT and _fits(newest.compute_type, smaller, used):
        mine = [head for head in timed if head.compute_type == newest.compute_type]
        yield Advice(
            "compute-type",
            f"Build on {smaller} instead of {newest.compute_type}",
            f"{said}; {smaller} has room for that",
            None,
            _saved(mine, smaller, prices, days),
            "high" if used.samples >= 10 * LEAST_SAMPLES else "medium",
            _change(project, newest.compute_type, smaller),
            _change(project, smaller, newest.compute_type),
        )
    elif place + 1 < len(names) and max(used.cpu_mean, used.memory_peak) >= FULL_PERCENT:
        larger = names[place + 1]
        yield Advice(
            "compute-trial",
            f"Try {larger}: builds fill {newest.compute_type}",
            f"{said}; whether a larger machine is worth its price, only a trial tells",
            None,
            None,
            "low",
            f"for n in 1 2 3 4 5; do buildgate build start {project} --compute {larger}; done\n"
            f"buildgate metrics recommend {project}   # compares the two",
            "nothing to undo: the override is for these builds only",
        )


def _fits(now: str, smaller: str, used: Utilisation) -> bool:
    cpu = (used.cpu_peak or 0.0) * SIZES[now].cpus / SIZES[smaller].cpus
    memory = (used.memory_peak or 0.0) * SIZES[now].memory_gb / SIZES[smaller].memory_gb
    return max(cpu, memory) <= FULL_PERCENT


def _saved(heads: Sequence[BuildHead], smaller: str, prices: PriceTable, days: int) -> int | None:
    """Return what thirty days would cost less if each build took as long as it did; None without both prices."""
    saved = 0
    for head in heads:
        after = prices.cost_micro_usd(head.environment_type, smaller, head.work_seconds)
        if after is None or head.cost_micro_usd is None:
            return None
        saved += head.cost_micro_usd - after
    return round(saved / max(1, days) * 30)


def _change(project: str, now: str, then: str) -> str:
    return (
        f"# {project}.yaml\n   environment:\n-    computeType: {now}\n+    computeType: {then}\n"
        f"buildgate project apply {project}.yaml"
    )
