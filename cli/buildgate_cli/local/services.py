"""The services that this cloud provides whole, wired to the emulated ones: CodeCommit on git, CodeBuild on processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .clock import clock_of
from .codebuild import LocalCodeBuild
from .codecommit.service import LocalCodeCommit
from .events import bus_emitter, with_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .jsonservice import JsonService
    from .state import Home


@dataclass(frozen=True)
class OwnServices:
    """What was built, and how it is started and ended."""

    codecommit: LocalCodeCommit
    codebuild: LocalCodeBuild

    @property
    def all(self) -> tuple[JsonService, ...]:
        """The services, for the server."""
        return (self.codecommit, self.codebuild)

    def start(self, url: str) -> None:
        """Let pushes reach CodeCommit at the server's address, and take up builds that an earlier cloud left open."""
        self.codecommit.open_hooks(url)
        self.codebuild.start()

    def stop(self) -> None:
        """End what the services started."""
        self.codebuild.stop()


def own_services(
    home: Home, client: Callable[[str], Any], cloud_variables: Callable[[str], Mapping[str, str]]
) -> OwnServices:
    """Build the services. `client(name)` gives clients of the emulated ones.

    `cloud_variables(role_arn)` says what a build needs in its environment to reach this cloud in its service role.
    """
    emit = with_faults(bus_emitter(client("events")), home.path)
    now = clock_of(home.path)
    codecommit = LocalCodeCommit(home.path, emit, now=now)
    codebuild = LocalCodeBuild(
        home.path,
        client,
        emit,
        repositories=home.repositories,
        cloud_variables=cloud_variables,
        now=now,
    )
    return OwnServices(codecommit, codebuild)
