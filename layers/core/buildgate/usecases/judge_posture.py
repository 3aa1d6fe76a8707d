"""How safely projects are set up, judged once a day, so that the score has a history and no reader needs IAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from buildgate.domain.errors import BuildgateError
from buildgate.domain.metrics.posture import Allowed, PostureDay, RoleLook, judge_project, risks_of
from buildgate.domain.times import day_of

if TYPE_CHECKING:
    from buildgate.ports import Clock
    from buildgate.usecases.analysis_ports import Projects

PROJECTS_A_ROUND = 20
"""IAM answers a few calls a second for a whole account: a large installation is gone through in rounds."""


class Roles(Protocol):
    """Service roles of projects."""

    def allowed(self, role_arn: str) -> tuple[Allowed, ...] | None:
        """Return what a role's policies allow, or None when there is no such role."""
        ...


class Postures(Protocol):
    """The posture of each project on each day that it was judged."""

    def judged(self) -> Mapping[str, str]:
        """Return every known project with the day on which it was judged last, empty for never."""
        ...

    def store(self, project: str, day: PostureDay) -> None:
        """Keep a project's day; doing it again sets it again."""
        ...

    def days(self, project: str, days: Sequence[str]) -> Sequence[PostureDay]: ...


@dataclass(frozen=True, slots=True)
class JudgePosture:
    """Judges the projects that were not judged today, a few each round. Safe to repeat; one failure holds up no other."""

    projects: Projects
    roles: Roles
    postures: Postures
    clock: Clock

    def __call__(self) -> int:
        """Return how many projects were judged."""
        today = day_of(self.clock.now())
        due = [name for name, last in self.postures.judged().items() if last != today][:PROJECTS_A_ROUND]
        known = {one.name: one for one in self.projects.settings(due)} if due else {}
        for name in due:
            settings = known.get(name)
            if settings is None:
                self.postures.store(name, PostureDay(today, None))
                continue
            role = self._look(settings.service_role, today)
            posture = judge_project(replace(settings, role=role))
            self.postures.store(name, PostureDay.of(today, posture, role))
        return len(due)

    def _look(self, role_arn: str, today: str) -> RoleLook | None:
        """Return what is risky about a role; None when IAM does not let us look."""
        if not role_arn:
            return None
        try:
            return RoleLook(today, risks_of(self.roles.allowed(role_arn)))
        except BuildgateError:
            return None
