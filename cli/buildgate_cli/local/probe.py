"""A look from outside at what was deployed: no route that should be shut may be open.

What should be shut comes from the template; what is shut is tried over HTTP, without credentials and with false ones.
"""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEND: Final = "The local cloud does not start with an open door: restore the pinned packages with `make clean setup`."
_CODE: Final = ExitCode.UNAVAILABLE
_ANY: Final = "x-amazon-apigateway-any-method"
_FALSE_CREDENTIALS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"Authorization": "Bearer anything"},
    {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/execute-api/aws4_request"},
)


@dataclass(frozen=True)
class Route:
    """One route of the template's HTTP API."""

    method: str
    path: str
    is_public: bool

    @property
    def example(self) -> str:
        """A path that reaches the route."""
        return re.sub(r"\{[^}]*\}", "probe", self.path)


def routes_of(template: Mapping[str, Any]) -> Iterator[Route]:
    """Yield the routes that the template declares, each with whether it was meant to be public."""
    resources = template["Resources"]
    for resource in resources.values():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        for event in (resource["Properties"].get("Events") or {}).values():
            properties = event.get("Properties") or {}
            if event.get("Type") == "HttpApi" and "Path" in properties:
                method = str(properties.get("Method", "ANY")).upper()
                authorizer = (properties.get("Auth") or {}).get("Authorizer")
                yield Route("GET" if method in {"ANY", "*"} else method, properties["Path"], authorizer == "NONE")
    for resource in resources.values():
        if resource.get("Type") == "AWS::Serverless::HttpApi":
            yield from _defined(resource["Properties"].get("DefinitionBody") or {})


def _defined(definition: Mapping[str, Any]) -> Iterator[Route]:
    """Yield the routes that an API's own OpenAPI definition describes, those under a condition too."""
    for path, operations in (definition.get("paths") or {}).items():
        for name, operation in _chosen(operations).items():
            is_public = _chosen(operation).get("security") == [{"NONE": []}]  # without any the default applies
            yield Route("GET" if name == _ANY else name.upper(), path, is_public)


def _chosen(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is there when a value's condition holds, or the value itself where it has none."""
    return value["Fn::If"][1] if "Fn::If" in value else value


def refuse_open_routes(template: Mapping[str, Any], *, host: str, port: int) -> int:
    """Ask every authorised route for an answer it must not give; return how many there are.

    Raises UserError naming the first route that answered anything but 401 or 403.
    """
    shut = [route for route in routes_of(template) if not route.is_public]
    for route in shut:
        for headers in _FALSE_CREDENTIALS:
            status = _status(host, port, route, headers)
            if status not in {401, 403}:
                told = f"{route.method} {route.path} must be refused without credentials, but answered {status}."
                raise UserError(told, _MEND, _CODE)
    return len(shut)


def refuse_open_services(*, port: int) -> None:
    """Ask the emulated AWS itself with keys that nobody was given. Raises UserError when it answers."""
    for authorization in (None, "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"):
        headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
        if authorization:
            headers["Authorization"] = authorization
        status = _status("127.0.0.1", port, Route("POST", "/", is_public=False), headers)
        if status not in {400, 401, 403}:
            raise UserError(f"The emulated AWS answered {status} to a request nobody signed.", _MEND, _CODE)


def _status(host: str, port: int, route: Route, headers: Mapping[str, str]) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request(route.method, route.example, headers=dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()
