"""What became of runs after their gates had spoken: the labels that backtesting measures a gate by."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal

from buildgate.domain.runs import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from buildgate.domain.gates.backtest import Outcome
    from buildgate.domain.gates.record import JudgementHead
    from buildgate.domain.runs import Run

Fate = Literal["held", "failed", "reverted", "rolled back"]
OUTCOMES: Final[Mapping[Fate, Outcome]] = {"held": "good", "failed": "bad", "reverted": "bad", "rolled back": "bad"}
_REVERTS = re.compile(r"\b[Rr]everts? commit ([0-9a-f]{7,40})\b")
_SHORT = 7


def reverted(messages: Iterable[str]) -> frozenset[str]:
    """Return the commits that messages say they revert, in git's own words (`This reverts commit ...`)."""
    return frozenset(commit for message in messages for commit in _REVERTS.findall(message))


class Afterwards:
    """What became of judged runs, told by the runs of the same pipeline.

    - reverted: the message of a later run's commit says that it reverts the run's own.
    - failed: the run failed or timed out in a stage after the gate's own.
    - rolled back: the run succeeded, and the next success of its line with another commit went back: to the commit that
      the run had replaced, or to one that an earlier run of the line had built. However it was done: by a retry of an
      older run, a run started by hand, or a branch that was moved back.
    - held: the run succeeded, and the next success of its line with another commit did not go back.
    - None, unknown: everything else. A run that its gate stopped shows nothing, nor does one that a person rejected, or
      one that failed in the gate's own stage, where every candidate gate would have been judged beside the failure.

    A line is a branch of a repository, or all its tags: releases by tag follow one another under different names.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        """Take the pipeline's runs of that time and since, in any order; a few from before tell more."""
        self._runs = sorted(runs, key=lambda run: (run.opened_at, run.run_id))
        self._places = {run.run_id: place for place, run in enumerate(self._runs)}
        self._lines: dict[tuple[str, ...], list[Run]] = defaultdict(list)
        self._reverts: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for place, run in enumerate(self._runs):
            self._lines[_line(run)].append(run)
            for commit in reverted([run.source.message]):
                self._reverts[commit[:_SHORT]].append((commit, place))

    def fate(self, head: JudgementHead) -> Fate | None:
        """Return what became of the judged run; None while it is not known."""
        place = self._places.get(head.run_id)
        if place is None or head.is_blocking:
            return None
        run = self._runs[place]
        if self._is_reverted(run, place):
            return "reverted"
        if run.status in {RunStatus.FAILED, RunStatus.TIMED_OUT}:
            return None if run.reason.startswith(f"stage {head.stage}:") else "failed"
        return self._end(run) if run.status is RunStatus.SUCCEEDED else None

    def _is_reverted(self, run: Run, place: int) -> bool:
        said = self._reverts.get(run.source.commit[:_SHORT], ())
        return any(run.source.commit.startswith(commit) for commit, later in said if later > place)

    def _end(self, run: Run) -> Fate | None:
        line = self._lines[_line(run)]
        place = line.index(run)
        successor = next(_other_successes(line[place + 1 :], run), None)
        if successor is None:
            return None
        former = {one.source.commit for one in line[:place]} | {run.source.old_commit}
        return "rolled back" if successor.source.commit in former else "held"


def outcome(head: JudgementHead, runs: Iterable[Run]) -> Outcome | None:
    """Return whether the judged run turned out good or bad; None while it is not known. See `Afterwards`."""
    fate = Afterwards(runs).fate(head)
    return OUTCOMES[fate] if fate else None


def _line(run: Run) -> tuple[str, ...]:
    source = run.source
    return (source.repository, source.ref_type, "" if source.ref_type == "tag" else source.ref)


def _other_successes(later: Sequence[Run], run: Run) -> Iterator[Run]:
    """Yield the later runs that succeeded with another commit; with none at all every run is another."""
    for one in later:
        is_other = not run.source.commit or one.source.commit != run.source.commit
        if one.status is RunStatus.SUCCEEDED and is_other:
            yield one
