"""Schedules for hypothesis: lists of mishaps, each at a place that a good day passes, played by the simulator's script.

A shorter list is a simpler day, and an earlier passage of a place a simpler mishap: what hypothesis shrinks is therefore
the story of a broken promise. The command shrinks by itself, for hypothesis is no part of what it is installed with.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate_cli.simulate.schedule import Schedule, Trial

MOST = 12
"""Mishaps of one day: with more of them days are broken in the same ways, only longer to tell."""
_AGAIN = 6
"""How often more than on a good day a place may be passed: functions that fail are tried again."""
_CALL = st.sampled_from([*[fault for fault in Fault if fault is not Fault.NONE], "overtaken by other work", 90.0])
_DELIVERY = st.sampled_from([(0.0, 0.0), (), (300.0,), (0.0, 400.0), (30.0, 0.0, 500.0)])
_BUILD = st.sampled_from([BuildPlan(60, "FAILED"), BuildPlan(1), BuildPlan(700), BuildPlan(300, "FAULT", 200)])
_VALUES = {
    "buildgate-": _CALL,
    "delivery of ": _DELIVERY,
    "an index lags": st.sampled_from([0.5, 20.0]),
    "running ": st.sampled_from([5.0, 1_000.0]),
    "room for ": st.just(True),
    "handing over ": st.just(True),
    "a build of ": _BUILD,
}


def scripts(trial: Trial, seed: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return scripts of up to so many mishaps for this day of a trial, as `Schedule` plays them."""
    good = Schedule(trial, seed, script={}).play()
    places = [
        st.tuples(st.just(place), st.integers(1, times + _AGAIN), values)
        for place, times in sorted(good.passed.items())
        for start, values in _VALUES.items()
        if place.startswith(start)
    ]
    mishaps = st.lists(st.one_of(places), max_size=MOST, unique_by=lambda one: one[:2])
    return mishaps.map(lambda found: {f"{place} #{number}": value for place, number, value in found})
