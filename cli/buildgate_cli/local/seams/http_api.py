"""An HTTP API's OpenAPI body becomes routes with their authorisers, and an authorised route stays shut.

SAM writes every route of an `AWS::Serverless::HttpApi` into the API's `Body`, which the emulator ignores. Here each
operation becomes an integration and a route. An operation whose security cannot be understood is refused: a route is
never open by accident. A route with IAM authorisation takes nothing but a valid Signature Version 4.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from .fitting import Function, Seam

_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_API = "ministack.services.apigateway"
_TYPE = "AWS::ApiGatewayV2::Api"
_INTEGRATION, _ANY = "x-amazon-apigateway-integration", "x-amazon-apigateway-any-method"
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", _ANY})
_FORBIDDEN = (403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
_UNAUTHORIZED = (401, {"Content-Type": "application/json"}, b'{"message":"Unauthorized"}')

SEAM = Seam("HTTP API")
SEAM.needs(_API, "_routes", "_integrations", "_authorizers")
SEAM.needs(_API, "_create_route", "_create_integration", "_create_authorizer")


@SEAM.replaces_entry(_PROVISIONERS, "_RESOURCE_HANDLERS", (_TYPE, "create"), "logical_id", "props", "stack_name")
def create_with_routes(original: Function) -> Function:
    """Create the API, then the routes of its body."""

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        api_id, attributes = original(logical_id, props, stack_name)
        _expand(api_id, props.get("Body"))
        return api_id, attributes

    return create


@SEAM.replaces_entry(
    _PROVISIONERS, "_RESOURCE_HANDLERS", (_TYPE, "update"), "physical_id", "old_props", "new_props", "stack_name"
)
def update_with_routes(original: Function) -> Function:
    """Update the API, then put the routes of the new body in the place of all that there are.

    That is why a template cannot have routes of its own beside a body: API Gateway overwrites them too (AWS
    CloudFormation, "AWS::ApiGatewayV2::Api", Body: the combination is not supported).
    """

    def update(physical_id: str, old_props: Any, new_props: Any, stack_name: str, logical_id: str | None = None) -> Any:
        api_id, attributes = original(physical_id, old_props, new_props, stack_name, logical_id)
        if new_props.get("Body") != old_props.get("Body") or api_id != physical_id:
            _forget(api_id)
            _expand(api_id, new_props.get("Body"))
        return api_id, attributes

    return update


def _expand(api_id: str, body: Any) -> None:
    """Create the authorisers, integrations and routes that an OpenAPI body describes."""
    if not isinstance(body, dict):
        return
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    authorizers = {name: _authorizer(api_id, name, scheme) for name, scheme in schemes.items()}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            if method in _METHODS:
                verb = "ANY" if method == _ANY else method.upper()
                _route(api_id, f"{verb} {path}", operation, authorizers)


def _forget(api_id: str) -> None:
    """Remove every route, integration and authoriser of an API, as the import of a definition does."""
    service = importlib.import_module(_API)
    for table in (service._routes, service._integrations, service._authorizers):  # noqa: SLF001
        table.get(api_id, {}).clear()


def _authorizer(api_id: str, name: str, scheme: dict[str, Any]) -> dict[str, str]:
    """Return what a route needs to name the authoriser that an OpenAPI security scheme stands for."""
    if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
        return {"authorizationType": "AWS_IAM"}
    described = scheme.get("x-amazon-apigateway-authorizer") or {}
    if described.get("type") != "jwt":
        message = f"security scheme {name}: only IAM and JWT authorisers are known to the local cloud"
        raise ValueError(message)
    source = described.get("identitySource", "$request.header.Authorization")
    wanted = {
        "name": name,
        "authorizerType": "JWT",
        "identitySource": [source] if isinstance(source, str) else source,
        "jwtConfiguration": described.get("jwtConfiguration") or {},
    }
    created = _made(importlib.import_module(_API)._create_authorizer(api_id, wanted))  # noqa: SLF001
    return {"authorizationType": "JWT", "authorizerId": created["authorizerId"]}


def _route(api_id: str, key: str, operation: dict[str, Any], authorizers: dict[str, dict[str, str]]) -> None:
    service = importlib.import_module(_API)
    described = operation.get(_INTEGRATION)
    if not described or described.get("type", "").lower() not in {"aws_proxy", "http_proxy"}:
        message = f"route {key}: no integration with a function or an address"
        raise ValueError(message)
    integration = _made(
        service._create_integration(  # noqa: SLF001
            api_id,
            {
                "integrationType": described["type"].upper(),
                "integrationUri": described.get("uri", ""),
                "integrationMethod": described.get("httpMethod", "POST"),
                "payloadFormatVersion": described.get("payloadFormatVersion", "2.0"),
            },
        )
    )
    route = {"routeKey": key, "target": f"integrations/{integration['integrationId']}"}
    _made(service._create_route(api_id, {**route, **_authorization(key, operation, authorizers)}))  # noqa: SLF001


def _authorization(key: str, operation: dict[str, Any], authorizers: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the authorisation of a route; unknown or combined schemes are refused."""
    required = [(name, scopes) for choice in operation.get("security") or [] for name, scopes in choice.items()]
    if not required or [name for name, _ in required] == ["NONE"]:
        return {"authorizationType": "NONE"}
    name, scopes = required[0]
    if len(required) > 1 or name not in authorizers:
        message = f"route {key}: security {[name for name, _ in required]} is not one known authoriser"
        raise ValueError(message)
    chosen: dict[str, Any] = dict(authorizers[name])
    if scopes and chosen["authorizationType"] == "JWT":
        chosen["authorizationScopes"] = scopes
    return chosen


def _made(answer: Any) -> dict[str, Any]:
    status, _headers, body = answer
    if status >= 400:
        raise ValueError(body.decode("utf-8", "replace"))
    made: dict[str, Any] = json.loads(body)
    return made


@SEAM.replaces(_API, "_validate_jwt_authorizer", "route", "authorizer", "headers", "query_params")
def refuse_tokens_without_an_end(original: Function) -> Function:
    """Refuse a token that never expires, and one whose times are no numbers, as API Gateway does.

    The rest is the emulator's: an RS256 signature by a key of the issuer, `iss`, `aud` or `client_id`, `nbf`, `iat`,
    scopes (Amazon API Gateway, "Control access to HTTP APIs with JWT authorizers").
    """

    async def validate(route: Any, authorizer: Any, headers: Any, query_params: Any) -> Any:
        try:
            claims, scopes, refused = await original(route, authorizer, headers, query_params)
        except (TypeError, ValueError):
            return None, None, _UNAUTHORIZED
        if refused is None and not isinstance((claims or {}).get("exp"), int | float):
            return None, None, _UNAUTHORIZED
        return claims, scopes, refused

    return validate


@SEAM.replaces(
    "ministack.app", "_enforce_execute_api", "api_id", "stage", "method", "execute_path", "headers", "query_params"
)
def keep_authorised_routes_shut(original: Function) -> Function:
    """Refuse an IAM route to anything but a request signed with a known key."""

    def enforce_execute_api(  # the emulator's own signature
        api_id: str,
        stage: str,
        method: str,
        execute_path: str,
        headers: dict[str, str],
        query_params: dict[str, list[str]],
        iam_action: str = "execute-api:Invoke",
    ) -> Any:
        app = importlib.import_module("ministack.app")
        wanted = app._execute_api_authorization_type(api_id, stage, method, execute_path)  # noqa: SLF001
        if iam_action == "execute-api:Invoke":
            if wanted is None:
                return None  # no such route: the API answers 404 itself
            if wanted == "AWS_IAM" and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
                return _FORBIDDEN
            if wanted == "JWT" and not headers.get("authorization"):
                return _UNAUTHORIZED
        refused = original(api_id, stage, method, execute_path, headers, query_params, iam_action)
        return _FORBIDDEN if refused and wanted == "AWS_IAM" else refused

    return enforce_execute_api
