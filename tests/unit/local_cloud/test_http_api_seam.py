"""What an update of an HTTP API's body leaves of its routes."""

import sys
from types import SimpleNamespace

import pytest

from buildgate_cli.local.seams import http_api


def test_a_new_body_takes_the_place_of_every_route_of_its_api_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"a": {"routeKey": "GET /runs"}, "b": {"routeKey": "ANY /oidc/v1/{proxy+}"}}
    tables = {name: {"api": dict(made), "other": dict(made)} for name in ("_routes", "_integrations", "_authorizers")}
    monkeypatch.setitem(sys.modules, "ministack.services.apigateway", SimpleNamespace(**tables))

    http_api._forget("api")
    http_api._forget("unknown")

    assert tables == {name: {"api": {}, "other": made} for name in tables}
