"""Every kind of source by its name; a client is made for the kinds that are asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from buildgate.adapters.sources.answers import refused
from buildgate.domain.errors import Corrupt, Rejected

if TYPE_CHECKING:
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import Fetched, SourceFacts


class Clients(Protocol):
    """Gives clients by service name."""

    def client(self, service: str) -> Any: ...


class Asked(Protocol):
    """One kind of source."""

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]: ...


_PLACES = {
    "artifacts": "artifacts:Artifacts",
    "ecr": "images:EcrScans",
    "inspector": "images:InspectorFindings",
    "sonarqube": "sonarqube:SonarQube",
    "cloudwatch": "metrics:CloudWatchMetrics",
    "endpoint": "endpoint:Endpoint",
}
"""Kind -> module and class; loaded when asked for, since most gates have no source."""


class AskedSources:
    """Asks the source of the right kind. What AWS refuses for good is a refusal; what it cannot answer now is raised."""

    def __init__(self, aws: Clients, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._aws = aws
        self._pause = pause
        self._made: dict[str, Asked] = {}

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        if source.kind not in self._made:
            module, name = _PLACES[source.kind].split(":")
            kind = getattr(import_module(f"buildgate.adapters.sources.{module}"), name)
            self._made[source.kind] = kind(self._aws, pause=self._pause)
        try:
            return self._made[source.kind].fetch(source, facts)
        except (Rejected, Corrupt) as error:
            return [refused(source.kind, "refused", error.reason)]
