"""What every port on AWS promises beyond the stores, as functions of a cloud: they run wherever there is one.

`CASES` lists them with the ports that they are about (`port_cases` has them all). A cloud hands out clients of its
services, and does what nobody asks AWS for through an API: it ends a build, lets a task wait, makes a commit, opens a
mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from buildgate.domain.builds import SlotRef
from run_records import RUN_ID

SLOT = SlotRef(RUN_ID, 0, 1, "unit")
ROLE = "arn:aws:iam::000000000000:role/builds"
QUICK = "version: 0.2\nphases:\n  build:\n    commands:\n      - 'true'\n"
SLOW = "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 60\n"
JUNIT = b'<testsuite name="t" tests="1"><testcase name="a" classname="t" time="1"/></testsuite>'


class Cloud(Protocol):
    """A cloud as the cases need it."""

    machine: str
    """A state machine of one task, which waits for its token."""

    reminder: str
    """A function that only remembers what it is told."""

    def client(self, service: str) -> Any: ...

    def name(self) -> str:
        """Return a name that nobody has."""
        ...

    def bucket(self) -> str:
        """Return a new bucket with versions."""
        ...

    def repository(self) -> str:
        """Return a new, empty repository."""
        ...

    def commit(
        self, repository: str, files: Mapping[str, str | None], *, branch: str = "main", message: str = "Change"
    ) -> str:
        """Put files (None takes one away) into a branch, as alice, and return the commit."""
        ...

    def token(self) -> str:
        """Return the token of a task that waits."""
        ...

    def fate(self, token: str) -> str:
        """Return what became of such a task: it waits, went on, or failed and with what."""
        ...

    def end(self, build_id: str) -> None:
        """Wait until a build has ended, or let it end; it succeeds."""
        ...

    def project(self, buildspec: str, **more: Any) -> str:
        """Return a new build project."""
        ...

    def topic(self) -> tuple[str, Callable[[], Sequence[Mapping[str, Any]]]]:
        """Return a new topic, and what asks for the messages that came: `subject`, `text`, `attributes`."""
        ...

    def scanned(self) -> str:
        """Return a repository of images whose image `v1` was scanned, with findings."""
        ...

    def reminded(self) -> Sequence[Mapping[str, Any]]:
        """Return what the reminder was told, after at least one came."""
        ...


@dataclass(frozen=True)
class Case:
    """One promise, and the ports that it is about."""

    ports: tuple[type, ...]
    check: Callable[[Any], None]

    @property
    def name(self) -> str:
        return self.check.__name__


CASES: list[Case] = []


def case(*ports: type) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def keep(check: Callable[[Any], None]) -> Callable[[Any], None]:
        CASES.append(Case(ports, check))
        return check

    return keep


def project_request(name: str, buildspec: str, **more: Any) -> dict[str, Any]:
    """Return what CreateProject takes for a project without a source."""
    return {
        "name": name,
        "source": {"type": "NO_SOURCE", "buildspec": buildspec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": ROLE,
    } | more
