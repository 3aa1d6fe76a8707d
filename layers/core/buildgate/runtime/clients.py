"""The one door to the AWS SDK: botocore clients of one session, each made on first use.

botocore and not boto3: boto3 imports its transfer machinery with everything else, which a Lambda's start pays for.
"""

from __future__ import annotations

from typing import Any, Protocol

import botocore.session
from botocore.config import Config

_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 5},
    connect_timeout=3,
    read_timeout=20,
    user_agent_extra="buildgate",
)


class Aws(Protocol):
    """Gives clients by service name, such as ``dynamodb``."""

    def client(self, service: str) -> Any: ...


class Session:
    """One botocore session and the clients made of it."""

    def __init__(self) -> None:
        self._session: botocore.session.Session | None = None
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            if self._session is None:
                self._session = botocore.session.get_session()
            self._clients[service] = self._session.create_client(service, config=_CONFIG)
        return self._clients[service]
