"""One bad day, short or long: a pipeline, people, bad weather, and then a calm in which everything must come right."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildgate.domain.builds import SlotRef
from buildgate.domain.times import from_text
from buildgate_cli.simulate import evidence, promises
from buildgate_cli.simulate.fate import Fate
from buildgate_cli.simulate.people import People
from buildgate_cli.simulate.strangers import LOOSE_PROJECT
from buildgate_cli.simulate.watching import Watch
from buildgate_cli.simulate.weather import KINDS, Weather
from buildgate_cli.simulate.world import PROJECT, World

if TYPE_CHECKING:
    from buildgate.adapters.memory.builds import FakeBuild
    from buildgate.domain.pipelines import Pipeline
    from buildgate_cli.simulate.breaches import Breach

_BAD_HOPS: Final = (30, 90, 240, 540)
_RECORDING_HOPS: Final = (120, 700)
_LONG_BAD_HOPS: Final = (60,) * 60 + (600,) * 60 + (1800,) * 48
_QUARTER: Final = 900
_CALM_QUARTERS: Final = (1,) * 12 + (4,) * 12 + (16,) * 12
_LATEST_EVENT: Final = 1_000
"""Seconds after which nothing of the bad time can still be under way: the latest event, and two tries of a function."""
_LONG_CALM: Final = 3_600
"""Seconds of calm after which every build that ended has been heard of."""
_RACING: Final = 3
_BETWEEN_PUSHES: Final = 2
_VARIABLE: Final = {"name": "DB_PASSWORD", "value": promises.PLANTED["variable"], "type": "PLAINTEXT"}
_ENVIRONMENT: Final = {**PROJECT["environment"], "environmentVariables": [_VARIABLE]}
_BUILDSPEC: Final = (
    f"version: 0.2\nphases: {{build: {{commands: ['login --password {promises.PLANTED['buildspec']}']}}}}\n"
)
_LEAKY: Final[dict[str, Any]] = {"environment": _ENVIRONMENT, "source": {**PROJECT["source"], "buildspec": _BUILDSPEC}}


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a pipeline, the kinds of fault it meets, builds by hand beside it, and short days or long ones.

    Without a pipeline only builds by hand are started: that they are counted once is tried many times faster alone.
    """

    pipeline: Pipeline | None
    kinds: frozenset[str] = frozenset(KINDS)
    loose_builds: int = 0
    is_long: bool = False

    @property
    def pushes(self) -> int:
        """How many pushes race each other; more than one where runs of a stage take turns."""
        stages = self.pipeline.stages if self.pipeline else ()
        return _RACING if any(stage.mode != "parallel" for stage in stages) else 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a day ended. `outcomes` counts runs by status, `passed` places by name; waits are in virtual seconds."""

    seed: int
    breaches: tuple[Breach, ...]
    taken: Mapping[str, Any]
    passed: Mapping[str, int] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    builds: int = 0
    events: int = 0
    invocations: int = 0
    longest_run_seconds: float = 0.0
    longest_healing_seconds: float = 0.0


class Schedule:
    """One day of a trial. The same trial, seed and script are the same day."""

    def __init__(
        self,
        trial: Trial,
        seed: int,
        *,
        script: Mapping[str, Any] | None = None,
        tell: Callable[[float, str], object] | None = None,
        prepare: Callable[[World], object] | None = None,
    ) -> None:
        """Make the day; `tell` is handed what happens, in words, and `prepare` changes the world before it begins."""
        self.trial, self.seed = trial, seed
        self.fate = Fate(seed, script)
        self.world = World(seed=seed, checks_parameters=False, schedules=False)
        self.world.project(LOOSE_PROJECT, **_LEAKY)
        if trial.pipeline is not None:
            self.world.install(trial.pipeline, **_LEAKY)
        if prepare is not None:
            prepare(self.world)
        self.weather = Weather(self.world, self.fate, trial.kinds)
        self.watch = Watch(self.world, {trial.pipeline.name: trial.pipeline} if trial.pipeline else {})
        self._told = tell
        self.people = People(self.world, trial.pipeline, self.weather, self.watch, self._tell)
        beats = self.world.deployment.schedules
        self._beats = beats if trial.is_long else [one for one in beats if "Reconcile" in one.function]
        self._gated = any(stage.gates for stage in trial.pipeline.stages) if trial.pipeline else False
        self._left: set[str] = set()
        self._calm_at = 0.0

    def _tell(self, text: str) -> None:
        if self._told is not None:
            self._told(self.world.aws.timeline.elapsed, text)

    def play(self) -> Ended:
        """Live through the day, and check every promise after each step and at rest."""
        with redirect_stdout(io.StringIO()):
            self._live()
        return self._ended()

    def _live(self) -> None:
        if self.trial.pipeline is not None:
            self._tick()
            self._go(30)
        self.watch.start()
        self.weather.rage()
        for _ in range(self._loose_builds()):
            self.people.start_loose_build()
        self._push()
        for hop in self._bad_hops():
            if not self._hop(hop):
                return
        self.weather.calm()
        self._tell("from here on nothing goes wrong any more")
        self._calm_at = self.world.aws.timeline.elapsed
        self._come_to_rest()

    def _push(self) -> None:
        """Push once, or where runs take turns several times in a row, so that they race."""
        self.people.push()
        for _ in range(self.trial.pushes - 1):
            self._go(_BETWEEN_PUSHES)
            self.people.push()

    def _loose_builds(self) -> int:
        """Return how many builds are started by hand: without a pipeline one, two and so on in turn, by the seed."""
        most = self.trial.loose_builds
        return 1 + self.seed % most if self.trial.pipeline is None and most else most

    def _bad_hops(self) -> Sequence[int]:
        if self.trial.is_long:
            return _LONG_BAD_HOPS
        return _RECORDING_HOPS if self.trial.pipeline is None else _BAD_HOPS

    def _hop(self, seconds: float) -> bool:
        """Beat the schedule, let time pass, and let people act; False when a promise broke."""
        self._tick()
        self._go(seconds)
        self.people.act()
        self._go(0)
        return not self.watch.broken

    def _come_to_rest(self) -> None:
        """Let calm time pass until nothing is left to do, or until every bounded wait is over; then check."""
        timeline = self.world.aws.timeline
        for seconds in self._calm_hops():
            if not self._hop(seconds):
                return
            if timeline.elapsed - self._calm_at > _LONG_CALM:
                self.watch.look_for_waiting()
            is_late = timeline.elapsed - self._calm_at > _LATEST_EVENT
            if is_late and promises.is_at_rest(self.world) and self._is_known():
                break
        promises.check(self.watch)

    def _calm_hops(self) -> Iterator[float]:
        """Yield how long the calm lasts until the next look: up to a quarter hour, when branches are looked at."""
        if self.trial.pipeline is None:
            yield _LATEST_EVENT + 1
        for quarters in _CALM_QUARTERS:
            yield _QUARTER - self.world.aws.timeline.elapsed % _QUARTER + (quarters - 1) * _QUARTER

    def _is_known(self) -> bool:
        """Return whether the newest push of each branch has come through."""
        cursors = [row.item for row in self.world.table.rows() if row.item["sk"]["S"].startswith("REF#")]
        known = {item["commit"]["S"] for item in cursors if "commit" in item}
        return set(self.watch.newest.values()) <= known

    def _tick(self) -> None:
        for schedule in self._beats:
            self.world.deployment.tick(schedule)

    def _go(self, seconds: float) -> None:
        """Let time pass step by step; the first broken promise ends it."""
        timeline = self.world.aws.timeline
        end = timeline.elapsed + seconds
        while not self.watch.broken and timeline.step(until=end):
            self._leave_reports()
            self.watch.look()
        if not self.watch.broken:
            timeline.advance(max(0.0, end - timeline.elapsed))

    def _leave_reports(self) -> None:
        """Let each build that has ended leave its stage's report before anyone hears of its end."""
        if self._gated:
            self._leave_those_of_ended_builds()

    def _leave_those_of_ended_builds(self) -> None:
        for build in self.world.aws.codebuild.builds():
            if build.is_over and build.build_id not in self._left:
                self._left.add(build.build_id)
                self._leave_report(build)

    def _leave_report(self, build: FakeBuild) -> None:
        given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
        if "BUILDGATE_REPORTS" not in given or self.trial.pipeline is None:
            return
        ref = SlotRef.from_text(given["BUILDGATE_SLOT"])
        stage = self.trial.pipeline.stages[ref.stage]
        if not stage.gates or stage.builds[0].name != ref.name:
            return
        quality = None
        if self.weather.happens(f"the report of {stage.name}", "reports", 0.2):
            quality = self.fate.choose(f"the report of {stage.name} is", lambda dice: dice.choice(evidence.POOR))
        if quality is not None:
            self.watch.poor.add((ref.run_id, ref.stage, ref.attempt))
            self._tell(f"the report of stage {stage.name} is {quality}")
        evidence.leave(self.world, build, stage, quality)

    def _ended(self) -> Ended:
        world = self.world
        runs = [row.item for row in world.table.rows() if row.item["sk"]["S"] == "RUN"]
        builds = world.aws.codebuild.builds()
        return Ended(
            seed=self.seed,
            breaches=tuple(self.watch.broken),
            taken=self.fate.taken,
            passed=self.fate.passed,
            met=self.weather.met,
            outcomes=Counter(item["status"]["S"] for item in runs),
            builds=len(builds),
            events=len(world.aws.events.accepted),
            invocations=sum(one.invocations for one in world.aws.lambdas.functions.values()),
            longest_run_seconds=max((_seconds(item) for item in runs), default=0.0),
            longest_healing_seconds=world.aws.timeline.elapsed - self._calm_at if self._calm_at else 0.0,
        )


def _seconds(item: Mapping[str, Any]) -> float:
    """Return how long a run took from its opening to its end; 0 for one that has not ended."""
    if "finished_at" not in item:
        return 0.0
    return (from_text(item["finished_at"]["S"]) - from_text(item["started_at"]["S"])).total_seconds()
