"""Looks at builds that run, for people who watch: CodeBuild is asked in which phase each is, at most every few seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from buildgate.domain.builds import Build, BuildHead
from buildgate.domain.errors import BuildgateError

if TYPE_CHECKING:
    from buildgate.ports import Clock, Launcher

FRESH: Final = timedelta(seconds=3)
"""How long a look holds, whoever asks: a page and a command that watch one run cost one call every three seconds."""
MOST_BUILDS: Final = 100
"""What one BatchGetBuilds takes. Of more builds at once the newest are looked at."""


class LookAtBuilds:
    """Adds to recorded builds the phase in which they are now. Nothing is written, so looking may be repeated.

    Events say how a build begins and ends; between them the record stands still. What was seen is kept for ``FRESH``,
    a look that failed too: where CodeBuild does not answer, what is recorded is shown.
    """

    def __init__(self, launcher: Launcher, clock: Clock) -> None:
        self._launcher = launcher
        self._clock = clock
        self._seen: dict[str, tuple[datetime, Build | None]] = {}

    def __call__(self, heads: Mapping[str, BuildHead]) -> dict[str, BuildHead]:
        """Return the heads, those of running builds with their phase and the seconds of the phases that have ended."""
        found = self.running(list(heads.values()))
        return {build_id: with_phases(head, found.get(build_id)) for build_id, head in heads.items()}

    def running(self, heads: Sequence[BuildHead]) -> Mapping[str, Build]:
        """Return what CodeBuild says of those builds that are recorded as running, as far as it is known now."""
        open_heads = [head for head in heads if not head.status.is_finished]
        newest = sorted(open_heads, key=lambda head: head.started_at, reverse=True)[:MOST_BUILDS]
        now = self._clock.now()
        self._seen = {build_id: seen for build_id, seen in self._seen.items() if now - seen[0] < FRESH}
        asked = [head.build_id for head in newest if head.build_id not in self._seen]
        if asked:
            answers = {build.build_id: build for build in self._answers(asked)}
            self._seen |= {build_id: (now, answers.get(build_id)) for build_id in asked}
        looks = {head.build_id: self._seen[head.build_id][1] for head in newest}
        return {build_id: build for build_id, build in looks.items() if build is not None}

    def _answers(self, build_ids: Sequence[str]) -> Sequence[Build]:
        try:
            return self._launcher.builds(build_ids)
        except BuildgateError:
            return ()  # throttled or away: whoever watches asks again in a moment


def with_phases(head: BuildHead, build: Build | None) -> BuildHead:
    """Return the head with the build's phases. Its status stays: a status counts from the moment it is recorded."""
    if build is None:
        return head
    return head._replace(current_phase=build.current_phase, phase_seconds=build.phase_seconds)
