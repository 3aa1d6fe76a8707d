"""The in-memory AWS that hands out clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.client import Boundary, Call, Client, Proceed, straight_through
from buildgate.adapters.memory.dynamodb import DynamoDb

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryAws:
    """Services in one process, without network or threads, at the time that `now` (epoch seconds) tells.

    `boundary` is the one place through which every call passes; replace it to inject faults. Parameters are checked
    against botocore's models unless `checks_parameters` is off, which makes calls several times faster.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
        boundary: Boundary = straight_through,
        checks_parameters: bool = True,
    ) -> None:
        self.region = region
        self.account = account
        self.boundary = boundary
        self._checks_parameters = checks_parameters
        self.dynamodb = DynamoDb(now, region=region, account=account)
        self._twins: dict[str, object] = {"dynamodb": self.dynamodb}
        self._clients: dict[str, Client] = {}

    def client(self, service: str) -> Any:
        """Return the client of a service, the same one each time."""
        if service not in self._clients:
            if service not in self._twins:
                raise LookupError(f"no in-memory twin of the service {service!r}")
            self._clients[service] = Client(
                service,
                self._twins[service],
                self._cross,
                region=self.region,
                checks_parameters=self._checks_parameters,
            )
        return self._clients[service]

    def _cross(self, call: Call, proceed: Proceed) -> dict[str, Any]:
        return self.boundary(call, proceed)
