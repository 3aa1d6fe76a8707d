"""What IAM is asked about requests to our own services, and which routes the start-up probe expects to be shut."""

import pytest

from buildgate_cli.local.callers import Authorised, resources_of
from buildgate_cli.local.jsonservice import Caller, ServiceError
from buildgate_cli.local.probe import Route, routes_of

CODEBUILD = "arn:aws:codebuild:us-east-1:000000000000:project/"
CODECOMMIT = "arn:aws:codecommit:us-east-1:000000000000:"


@pytest.mark.parametrize(
    ("service", "request_", "expected"),
    [
        ("codebuild", {"projectName": "shop-unit"}, [CODEBUILD + "shop-unit"]),
        ("codebuild", {"ids": ["shop-unit:1-2", "shop-lint:3"]}, [CODEBUILD + "shop-unit", CODEBUILD + "shop-lint"]),
        ("codebuild", {"ids": ["shop-unit:1", "shop-unit:2"]}, [CODEBUILD + "shop-unit"]),
        ("codebuild", {"id": "arn:aws:codebuild:us-east-1:000000000000:build/shop:1"}, [CODEBUILD + "shop"]),
        ("codebuild", {"names": ["a", "b"]}, [CODEBUILD + "a", CODEBUILD + "b"]),
        ("codebuild", {"name": "a"}, [CODEBUILD + "a"]),
        ("codebuild", {}, ["*"]),
        ("codecommit", {"repositoryName": "shop"}, [CODECOMMIT + "shop"]),
        ("codecommit", {"repositoryNames": ["a", "b"]}, [CODECOMMIT + "a", CODECOMMIT + "b"]),
        ("codecommit", {}, ["*"]),
    ],
)
def test_a_request_is_checked_against_every_resource_it_names(service, request_, expected):
    assert list(resources_of(service, request_)) == expected


class OnlyShop:
    """Allows what touches the project `shop`."""

    def may(self, caller, service, operation, resource, tags):
        return resource.endswith("/shop") or tags.get("team") == "shop"


class Builds:
    service = "codebuild"

    def handle(self, operation, request, caller):
        if operation == "BatchGetProjects":
            return {
                "projects": [{"tags": [{"key": "team", "value": "shop"}]}] if request["names"] == ["tagged"] else []
            }
        return {"done": operation}


def test_what_no_policy_allows_is_denied_with_the_words_of_aws():
    guarded = Authorised(Builds(), OnlyShop())
    caller = Caller("KEY", "arn:aws:sts::000000000000:assumed-role/start/fn")

    assert guarded.handle("StartBuild", {"projectName": "shop"}, caller) == {"done": "StartBuild"}
    assert guarded.handle("StartBuild", {"projectName": "tagged"}, caller) == {"done": "StartBuild"}
    with pytest.raises(ServiceError, match="not authorized to perform: codebuild:StartBuild") as denied:
        guarded.handle("StartBuild", {"projectName": "other"}, caller)
    assert denied.value.code == "AccessDeniedException"


def test_every_route_is_expected_shut_unless_the_template_opens_it():
    events = {
        "A": {"Type": "HttpApi", "Properties": {"Method": "get", "Path": "/v1/runs/{id}"}},
        "B": {
            "Type": "HttpApi",
            "Properties": {"Method": "POST", "Path": "/approvals/{id}", "Auth": {"Authorizer": "NONE"}},
        },
        "C": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}},
        "D": {
            "Type": "HttpApi",
            "Properties": {"Method": "ANY", "Path": "/x/{proxy+}", "Auth": {"Authorizer": "Oidc"}},
        },
    }
    function = {"Type": "AWS::Serverless::Function", "Properties": {"Events": events}}
    absent = {"Ref": "AWS::NoValue"}
    tokens = {"x-amazon-apigateway-any-method": {"security": [{"oidc": []}]}}
    written = {
        "/oidc/{path+}": {"Fn::If": ["HasOidc", tokens, absent]},
        "/health": {"get": {"security": [{"NONE": []}]}, "post": {"Fn::If": ["HasPost", {}, absent]}},
    }
    api = {"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": {"paths": written}}}

    routes = list(routes_of({"Resources": {"F": function, "T": {"Type": "AWS::SNS::Topic"}, "A": api}}))

    assert routes == [
        Route("GET", "/v1/runs/{id}", is_public=False),
        Route("POST", "/approvals/{id}", is_public=True),
        Route("GET", "/x/{proxy+}", is_public=False),
        Route("GET", "/oidc/{path+}", is_public=False),
        Route("GET", "/health", is_public=True),
        Route("POST", "/health", is_public=False),
    ]
    assert routes[0].example == "/v1/runs/probe"
