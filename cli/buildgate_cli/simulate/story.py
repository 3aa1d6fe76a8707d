"""Tells a broken day: what went wrong and what each function made of it, in the order in which it happened."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from buildgate.adapters.memory.faults import Fault
from buildgate_cli.simulate.schedule import Ended, Schedule, Trial
from buildgate_cli.simulate.shrinking import shrink

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate_cli.simulate.breaches import Breach
    from buildgate_cli.simulate.world import World

_NAMED: Final = re.compile(
    r"(?P<project>[\w.-]+):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?P<commit>\b[0-9a-f]{40}\b)|\b01[0-9a-z]{24}\b"
)
_QUIET: Final = {"function", "event_id", "correlation_id", "correlation_ids", "decision"} | {
    "sweep",
    "looks_for_pushes",
    "healed",
    "callback",
    "counted",
}


@dataclass(frozen=True, slots=True)
class Story:
    """A broken promise, the mishaps that it takes, and what happened, line by line."""

    seed: int
    breach: Breach
    mishaps: Sequence[str]
    lines: Sequence[str]

    def to_data(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "seed": self.seed,
            "promise": self.breach.promise.value,
            "broken_by": self.breach.what,
            "mishaps": list(self.mishaps),
            "story": list(self.lines),
        }


def told(trial: Trial, broken: Ended, *, prepare: Callable[[World], object] | None = None) -> Story:
    """Return the story of a broken day, after leaving out every mishap that it does not take."""
    promise = broken.breaches[0].promise

    def breaks(script: Mapping[str, Any]) -> bool:
        ended = Schedule(trial, broken.seed, script=script, prepare=prepare).play()
        return bool(ended.breaches) and ended.breaches[0].promise is promise

    script = shrink(broken.taken, breaks) if breaks(broken.taken) else dict(broken.taken)
    lines: list[str] = []
    day = Schedule(
        trial, broken.seed, script=script, prepare=prepare, tell=lambda at, text: lines.append(_line(at, text))
    )
    _listen(day, lines)
    ended = day.play()
    breach = ended.breaches[0] if ended.breaches else broken.breaches[0]
    lines.append(_line(breach.at_seconds, f"BROKEN: {breach.promise.value}: {breach.what}"))
    mishaps = [f"{place.removeprefix('buildgate-')}: {_said(value)}" for place, value in ended.taken.items()]
    return Story(broken.seed, breach, mishaps, _with_short_names(lines))


def _listen(day: Schedule, lines: list[str]) -> None:
    """Add a line for each fault, and for each invocation that has something to say."""
    timeline = day.world.aws.timeline
    day.weather.on_fault = lambda call, fault: lines.append(
        _line(timeline.elapsed, f"  {_short(call.caller)}: {fault.value}, {call.service}.{call.operation}")
    )
    day.world.tell = lambda fields: _said_by(fields, timeline.elapsed, lines)


def _said_by(fields: Mapping[str, Any], at: float, lines: list[str]) -> None:
    said = {name: value for name, value in fields.items() if name not in _QUIET}
    healed = fields.get("healed")
    if healed:
        said["healed"] = healed
    if said:
        text = ", ".join(f"{name} {value}" for name, value in said.items())
        lines.append(_line(at, f"{_short(fields.get('function', ''))}: {text}"))


def _with_short_names(lines: Sequence[str]) -> list[str]:
    """Return lines in which runs and builds are counted (`run-1`, `unit:2`) and commits are as short as people write them.

    The first line that has one says which it is.
    """
    names: dict[str, str] = {}
    numbers: Counter[str] = Counter()

    def named(match: re.Match[str]) -> str:
        whole, kind = match[0], match["project"] or "run"
        if match["commit"]:
            return whole[:8]
        known = names.get(whole)
        if known is None:
            numbers[kind] += 1
            known = names[whole] = f"run-{numbers[kind]}" if kind == "run" else f"{kind}:{numbers[kind]}"
        return known

    shown = [_NAMED.sub(named, line) for line in lines]
    return [*(f"{'':>9}  {short} is {whole}" for whole, short in names.items()), *shown]


def _short(function: str) -> str:
    return function.removeprefix("buildgate-").removesuffix("Function")


def _line(seconds: float, text: str) -> str:
    return f"{timedelta(seconds=round(seconds))!s:>9}  {text}"


def _said(value: Any) -> str:
    if isinstance(value, Fault):
        return value.value
    if isinstance(value, tuple):
        return "never" if not value else " and ".join(f"after {delay:.0f} s" for delay in value)
    if isinstance(value, float):
        return f"for {value:.0f} s"
    return "so" if value is True else str(value)
