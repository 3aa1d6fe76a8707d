"""What may go wrong on a day, how often, and how it is let loose on a world."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from buildgate.adapters.memory.builds import BuildPlan, seeded_plans
from buildgate.adapters.memory.client import Call
from buildgate.adapters.memory.faults import Fault, no_faults
from buildgate.adapters.memory.lambdas import Function
from buildgate_cli.errors import UserError
from buildgate_cli.simulate.fate import Fate
from buildgate_cli.simulate.promises import PLANTED
from buildgate_cli.simulate.world import World

KINDS: Final[Mapping[str, str]] = {
    "crash": "a function dies before or after a call",
    "throttle": "a service refuses a call, for too many came",
    "outage": "a service fails, or cannot be reached",
    "downtime": "a service fails at every call for minutes",
    "lost-answer": "a call succeeds and its answer never comes",
    "conflict": "someone else writes the same item at the same time",
    "overtake": "other work runs between two calls of a function",
    "drop": "an event never comes",
    "duplicate": "an event comes twice or thrice",
    "delay": "an event comes late, and so out of order",
    "batch": "events are held back, and come together",
    "refuse": "an event cannot be handed over, and goes to the failure queue of its rule",
    "slow": "a function takes long, or longer than it may",
    "full": "a function has no room to run, for others took it",
    "lag": "an index follows its table late",
    "repeat-notice": "SNS delivers a message twice",
    "builds": "builds fail, fault, run out of time or wait in the queue",
    "reports": "a build's report is bad, missing or cut off",
    "people": "people push again, click late, twice or not at all, reject, and stop runs",
    "strangers": "a scanner posts to links, links are forged, and a build claims the place of another",
}
"""What `--faults` may name."""
_CALLS: Final[Mapping[str, tuple[tuple[Fault, float], ...]]] = {
    "crash": ((Fault.CRASH_BEFORE, 0.02), (Fault.CRASH_AFTER, 0.02)),
    "throttle": ((Fault.THROTTLE, 0.02),),
    "outage": ((Fault.OUTAGE, 0.01), (Fault.UNREACHABLE, 0.005)),
    "lost-answer": ((Fault.LOST_ANSWER, 0.02),),
    "conflict": ((Fault.CONFLICT, 0.03),),
}
_DOWNTIME, _LONGEST_DOWNTIME = 0.001, 240.0
_SLOW, _FULL, _REFUSED, _HELD_BACK = 0.03, 0.02, 0.01, 0.15
_EXPORTED: Final = {"API_TOKEN": PLANTED["exported"], "NOTE": f"token={PLANTED['exported']}"}
_TOO_LONG: Final = 1_000.0
_LONGEST_CALL: Final = 20.0
_BATCH_SECONDS: Final = 300
_OVERTAKEN_BY: Final = "overtaken by other work"
_MOST_AT_ONCE: Final = 3
_DROPPED, _DOUBLED, _DELAYED, _OVERTAKEN, _REPEATED = 0.13, 0.4, 0.5, 0.1, 0.2


def kinds_of(text: str) -> frozenset[str]:
    """Return the kinds that a comma-separated list names; `all` and `none` are lists of their own.

    Raises:
        UserError: A kind is unknown.
    """
    if text in {"all", "none"}:
        return frozenset(KINDS) if text == "all" else frozenset()
    named = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(named - frozenset(KINDS))
    if unknown:
        raise UserError(f"There is no fault {unknown[0]!r}.", f"One of all, none, {', '.join(KINDS)}.")
    return named


@dataclass(slots=True)
class Weather:
    """The kinds of fault of a day, over one world; `met` counts what went wrong, by kind; `on_fault` hears of each call.

    `between` is what people do between two calls of a function that is overtaken.
    """

    world: World
    fate: Fate
    kinds: frozenset[str]
    met: Counter[str] = field(default_factory=Counter)
    on_fault: Callable[[Call, Fault], object] = lambda _call, _fault: None
    between: Callable[[], object] = lambda: None
    _calls: list[tuple[str, Fault, float]] = field(default_factory=list)
    _places: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _down: dict[str, float] = field(default_factory=dict)
    _downtime: float = 0.0
    _ratio: float = 0.0
    _is_bad: bool = False

    def __post_init__(self) -> None:
        self._calls = [
            (kind, fault, ratio) for kind, faults in _CALLS.items() if kind in self.kinds for fault, ratio in faults
        ]
        overtaken = _OVERTAKEN if "overtake" in self.kinds else 0.0
        self._downtime = _DOWNTIME if "downtime" in self.kinds else 0.0
        self._ratio = sum(ratio for *_, ratio in self._calls) + overtaken + self._downtime

    def rage(self) -> None:
        """Let everything go wrong now and then."""
        aws = self.world.aws
        self._is_bad = True
        aws.faults.plan = self._fault if self._ratio else no_faults
        aws.events.deliveries = self._deliveries
        if "refuse" in self.kinds:
            aws.events.is_refused = self._refused
        if "full" in self.kinds:
            aws.lambdas.is_crowded = self._crowded
        if "slow" in self.kinds:
            for function in aws.lambdas.functions.values():
                function.seconds = partial(self._lasts, f"running {function.name}")
        aws.sns.repeats = self._repeats
        aws.stepfunctions.closed_code = self._closed_code
        aws.codebuild.plan = self._build
        if "lag" in self.kinds:
            aws.lag_indexes(self._lag)

    def calm(self) -> None:
        """Let nothing go wrong any more; what is late still comes late."""
        aws = self.world.aws
        self._is_bad = False
        aws.faults.plan = no_faults
        aws.events.deliveries = lambda _: (0.0,)
        aws.events.is_refused = lambda _: False
        aws.lambdas.is_crowded = lambda _: False
        for function in aws.lambdas.functions.values():
            function.seconds = lambda: 0.0
        aws.sns.repeats = lambda _: 1
        aws.codebuild.plan = lambda _: BuildPlan(60)
        self.world.table.defer = None

    def happens(self, place: str, kind: str, ratio: float) -> bool:
        """Return whether a mishap of this kind happens here."""
        if not self._is_bad or kind not in self.kinds:
            return False
        is_so = self.fate.choose(place, lambda dice: True if dice.random() < ratio else None) is not None
        if is_so:
            self.met[kind] += 1
        return is_so

    def _fault(self, call: Call) -> Fault:
        """Return what becomes of a call of a function; what overtakes it happens before it."""
        made = call.caller, call.service, call.operation
        place = self._places.get(made)
        if place is None:
            place = self._places[made] = f"{call.caller} {call.service}.{call.operation}"
        what = self.fate.strike(place, self._ratio, self._mishap)
        if self._down and self._down.get(call.service, 0.0) > self.world.aws.timeline.elapsed:
            return Fault.OUTAGE
        if what is None:
            return Fault.NONE
        if isinstance(what, float):
            self.met["downtime"] += 1
            self._down[call.service] = self.world.aws.timeline.elapsed + what
            what = Fault.OUTAGE
            self.on_fault(call, what)
            return what
        if isinstance(what, Fault):
            self.on_fault(call, what)
            self.met[next(kind for kind, one, _ in self._calls if one is what)] += 1
            return what
        aws = self.world.aws
        if len(aws.lambdas.callers) < _MOST_AT_ONCE:
            self.met["overtake"] += 1
            self.between()
            aws.timeline.step(until=aws.timeline.elapsed + 1)
        return Fault.NONE

    def _mishap(self, number: float) -> Fault | str | float:
        """Return what a number below the ratio of all mishaps stands for; a number are seconds of downtime."""
        for _, fault, ratio in self._calls:
            number -= ratio
            if number < 0:
                return fault
        if number < self._downtime:
            return number / self._downtime * _LONGEST_DOWNTIME
        return _OVERTAKEN_BY

    def _refused(self, event: dict[str, Any]) -> bool:
        return self._strikes(f"handing over {event['detail-type']}", "refuse", _REFUSED)

    def _crowded(self, function: Function) -> bool:
        return self._strikes(f"room for {function.name}", "full", _FULL)

    def _strikes(self, place: str, kind: str, ratio: float) -> bool:
        is_so = self.fate.strike(place, ratio, lambda _: True) is not None
        self.met[kind] += is_so
        return is_so

    def _lasts(self, place: str) -> float:
        """Return how long a function runs: most often no time at all, and now and then longer than it may."""
        seconds = self.fate.strike(place, _SLOW, lambda number: _slowness(number / _SLOW))
        self.met["slow"] += seconds is not None
        return seconds or 0.0

    def _deliveries(self, event: dict[str, Any]) -> Sequence[float]:
        delays = self.fate.choose(f"delivery of {event['detail-type']}", self._drawn_delays)
        if delays is None:
            return (0.0,)
        self.met["drop"] += not delays
        self.met["duplicate"] += len(delays) > 1
        elapsed = self.world.aws.timeline.elapsed
        is_batch = any(delay and not round(elapsed + delay, 3) % _BATCH_SECONDS for delay in delays)
        self.met["batch"] += is_batch
        self.met["delay"] += any(delays) and not is_batch
        return delays

    def _drawn_delays(self, dice: random.Random) -> tuple[float, ...] | None:
        if "drop" in self.kinds and dice.random() < _DROPPED:
            return ()
        times = 1
        if "duplicate" in self.kinds and dice.random() < _DOUBLED:
            times = dice.choice([2, 2, 2, 3, 7])
        delays = [0.0] * times
        if "delay" in self.kinds:
            delays = [
                dice.choice([dice.uniform(0, 5), dice.uniform(0, 600)]) if dice.random() < _DELAYED else 0.0
                for _ in delays
            ]
        if "batch" in self.kinds and dice.random() < _HELD_BACK:
            delays = [_BATCH_SECONDS - self.world.aws.timeline.elapsed % _BATCH_SECONDS] * times
        return None if delays == [0.0] else tuple(delays)

    def _repeats(self, _: object) -> int:
        return 1 + self.happens("SNS delivers", "repeat-notice", _REPEATED)

    def _closed_code(self) -> str:
        code = self.fate.choose("a closed token", lambda dice: dice.choice([None, "TaskDoesNotExist"]))
        return code or "TaskTimedOut"

    def _lag(self) -> float:
        late = self.fate.choose("an index lags", lambda dice: dice.choice([0.01, 0.5, 20.0]))
        self.met["lag"] += late is not None
        return late or 0.0

    def _build(self, request: dict[str, Any]) -> BuildPlan:
        good = BuildPlan(60, exported=_EXPORTED)
        if "builds" not in self.kinds:
            return good
        plan = self.fate.choose(f"a build of {request['projectName']}", lambda dice: seeded_plans(dice)(request))
        self.met["builds"] += plan is not None and plan.status != "SUCCEEDED"
        return replace(plan or good, exported=_EXPORTED)


def _slowness(share: float) -> float:
    """Return how long a slow call lasts: a fifth of them for ever."""
    return _TOO_LONG if share < 0.2 else share * _LONGEST_CALL
