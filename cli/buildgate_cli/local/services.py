"""The services that this cloud provides whole, wired to the emulated ones: CodeCommit on git, CodeBuild on processes."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .codecommit.service import LocalCodeCommit
from .events import bus_emitter, with_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonservice import JsonService
    from .state import Home


@dataclass(frozen=True)
class OwnServices:
    """What was built, and how it is ended."""

    all: tuple[JsonService, ...]
    codecommit: LocalCodeCommit

    def open_hooks(self, url: str) -> None:
        """Let pushes reach CodeCommit at the server's address."""
        self.codecommit.open_hooks(url)

    def stop(self) -> None:
        """End what the services started."""
        for service in self.all:
            stop = getattr(service, "stop", None)
            if stop is not None:
                stop()


def own_services(home: Home, client: Callable[[str], Any]) -> OwnServices:
    """Build the services; `client(name)` gives clients of the emulated ones."""
    emit = with_faults(bus_emitter(client("events")), home.path)
    codecommit = LocalCodeCommit(home.path, emit)
    services: list[Any] = [codecommit]
    if (Path(__file__).parent / "codebuild" / "service.py").is_file():
        module = importlib.import_module("buildgate_cli.local.codebuild.service")
        services.append(module.LocalCodeBuild(home.path, client, home.repositories, sys.executable))
    return OwnServices(tuple(services), codecommit)
