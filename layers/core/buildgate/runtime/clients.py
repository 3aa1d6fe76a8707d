"""The one door to the AWS SDK: botocore clients of one session, each made on first use.

botocore and not boto3: boto3 imports its transfer machinery with everything else, which a Lambda's start pays for.

Retries are `standard` and not `adaptive`: the latter learns a rate from a client that works all the time. In a sandbox that
slept it takes one throttled call for a rate of a call in two seconds, and the whole next invocation waits at it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

from buildgate.runtime.item_parsing import ItemParsers

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=3,
    read_timeout=20,
    user_agent_extra="buildgate",
)


class Aws(Protocol):
    """Gives clients by service name, such as ``dynamodb``."""

    def client(self, service: str) -> Any: ...


class Session:
    """One botocore session and the clients made of it, each at its first call or when it is warmed."""

    def __init__(self) -> None:
        self._session: botocore.session.Session | None = None
        self._clients: dict[str, _FirstUse] = {}

    def client(self, service: str) -> Any:
        return self._clients.setdefault(service, _FirstUse(self, service))

    def warm(self, *services: str) -> None:
        """Make clients now that every event will need, while Lambda gives a starting sandbox its full processor."""
        for service in services:
            self.client(service).meta  # noqa: B018 - looking is what makes it

    def make(self, service: str) -> Any:
        if self._session is None:
            self._session = botocore.session.get_session()
            self._session.register_component("response_parser_factory", ItemParsers())
        return self._session.create_client(service, config=_CONFIG)


class _FirstUse:
    """Stands for a client, which is made when something is first asked of it."""

    def __init__(self, session: Session, service: str) -> None:
        self._make = session.make
        self._service = service

    @cached_property
    def _client(self) -> Any:
        return self._make(self._service)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
