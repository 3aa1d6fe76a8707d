"""Clients over in-memory services: botocore's shape outside, one place through which every call passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

from botocore.exceptions import ClientError

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.shapes import check_parameters, service_model


class Call(NamedTuple):
    """One call that leaves the process: the service, the client's method name and its keyword arguments.

    `caller` is the function that makes it, empty outside of functions.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    caller: str = ""


Proceed = Callable[[], dict[str, Any]]
Boundary = Callable[[Call, Proceed], dict[str, Any]]


@dataclass(slots=True)
class Crossing:
    """What a call has to pass: a boundary, which is told who calls, the innermost of the `callers`.

    A boundary that `is_for_functions` only is not asked about calls that nobody in there makes.
    """

    boundary: Boundary
    callers: list[str]
    is_for_functions: bool = False


class Exceptions:
    """`client.exceptions`: one ClientError subclass per error code, made when first named."""

    def __getattr__(self, code: str) -> type[ClientError]:
        made = self.__dict__[code] = _exception(code)
        return made


@lru_cache(maxsize=1024)
def _exception(code: str) -> type[ClientError]:
    if code == "ClientError":
        return ClientError
    return cast("type[ClientError]", type(code, (ClientError,), {"__module__": __name__}))


class Meta:
    """`client.meta`, as far as callers look."""

    def __init__(self, region: str, service: str) -> None:
        self.region_name = region
        self.service = service
        self.endpoint_url = f"memory://{service}"


class Client:
    """A client of one service. Methods are those of the service's twin; refusals become ClientError."""

    def __init__(self, service: str, twin: object, crossing: Crossing, *, region: str, checks_parameters: bool) -> None:
        self.exceptions = Exceptions()
        self.meta = Meta(region, service)
        self._twin = twin
        self._crossing = crossing
        self._checks_parameters = checks_parameters

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        service, operation, crossing = self.meta.service, api_name(name), self._crossing
        method = getattr(self._twin, name, None)
        if method is None or operation not in service_model(service).operation_names:
            raise AttributeError(f"the in-memory {service} client has no operation {name!r}")

        def call(**parameters: Any) -> dict[str, Any]:
            if self._checks_parameters:
                check_parameters(service, operation, parameters)
            callers = crossing.callers
            try:
                if callers or not crossing.is_for_functions:
                    made = Call(service, name, parameters, callers[-1] if callers else "")
                    answer = crossing.boundary(made, lambda: method(**parameters))
                else:
                    answer = method(**parameters)
            except AwsError as error:
                raise self._client_error(error, operation) from None
            answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "RetryAttempts": 0}
            return answer

        self.__dict__[name] = call
        return call

    def _client_error(self, error: AwsError, operation: str) -> ClientError:
        response: dict[str, Any] = {
            "Error": {"Code": error.code, "Message": error.message},
            "message": error.message,
            "ResponseMetadata": {"HTTPStatusCode": error.status, "RetryAttempts": 0},
            **error.extra,
        }
        kind: type[ClientError] = getattr(self.exceptions, error.code)
        return kind(cast("Any", response), operation)

    def get_paginator(self, operation: str) -> Paginator:
        """Return an object whose `paginate(**parameters)` yields every page."""
        return Paginator(getattr(self, operation), operation)


_TOKENS = {
    "query": ("ExclusiveStartKey", "LastEvaluatedKey"),
    "scan": ("ExclusiveStartKey", "LastEvaluatedKey"),
    "list_objects_v2": ("ContinuationToken", "NextContinuationToken"),
    "get_differences": ("NextToken", "NextToken"),
}


class Paginator:
    """Follows an operation's continuation token."""

    def __init__(self, method: Callable[..., dict[str, Any]], operation: str) -> None:
        self._method = method
        self._sent, self._answered = _TOKENS.get(operation, ("nextToken", "nextToken"))

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages; `PaginationConfig` is accepted for its PageSize only by not being needed."""
        parameters.pop("PaginationConfig", None)
        while True:
            page = self._method(**parameters)
            yield page
            token = page.get(self._answered)
            if not token:
                return
            parameters[self._sent] = token


@lru_cache(maxsize=1024)
def api_name(operation: str) -> str:
    """Return the API's name of a client method: `get_item` is `GetItem`."""
    return "".join(word.capitalize() for word in operation.split("_"))
