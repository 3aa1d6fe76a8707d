"""What an update of an HTTP API's body leaves of its routes."""

import sys
from types import SimpleNamespace

import pytest

from buildgate_cli.local.seams import http_api

BODY = {
    "components": {"securitySchemes": {"tokens": {}}},
    "paths": {"/runs": {"get": {}}, "/links": {"x-amazon-apigateway-any-method": {}}},
}


def test_an_update_takes_the_routes_of_the_old_body_and_leaves_those_made_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    routes = {
        "a": {"routeKey": "GET /runs", "target": "integrations/1"},
        "b": {"routeKey": "ANY /links", "target": "integrations/2"},
        "c": {"routeKey": "ANY /oidc/v1/{proxy+}", "target": "integrations/3"},
    }
    integrations = {"1": {}, "2": {}, "3": {}}
    authorizers = {"x": {"name": "tokens"}, "y": {"name": "oidc"}}
    tables = SimpleNamespace(
        _routes={"api": routes}, _integrations={"api": integrations}, _authorizers={"api": authorizers}
    )
    monkeypatch.setitem(sys.modules, "ministack.services.apigateway", tables)

    http_api._forget("api", BODY)
    http_api._forget("unknown", BODY)
    http_api._forget("api", None)

    assert (set(routes), set(integrations), set(authorizers)) == ({"c"}, {"3"}, {"y"})
