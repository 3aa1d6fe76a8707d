"""Deploying to the local cloud: what changed is updated in place, what did not is left alone."""

import json

import pytest

from buildgate_cli.errors import UserError
from buildgate_cli.local.bundle import Deployment

pytestmark = pytest.mark.xdist_group("conformance")

FUNCTION = """
import words
def handler(event, context):
    return words.SAID
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String, Default: dev}}
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer, CompatibleRuntimes: [python3.13]}
  Speak:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: code, Layers: [!Ref Words]}
Outputs:
  Speak: {Value: !Ref Speak}
  Stage: {Value: !Ref Stage}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(FUNCTION)
    (tmp_path / "layer" / "words").mkdir(parents=True)
    (tmp_path / "layer" / "words" / "__init__.py").write_text("SAID = 'first'\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def deploying(asked, project):
    stack = project.name.replace("_", "-")[:60]
    yield lambda **parameters: Deployment(asked.client, stack).deploy(project / "template.yaml", parameters)
    asked.client("cloudformation").delete_stack(StackName=stack)


def said(asked, outputs):
    return json.loads(asked.client("lambda").invoke(FunctionName=outputs["Speak"])["Payload"].read())


def test_changed_code_of_a_layer_reaches_the_function_under_the_same_name(asked, project, deploying):
    first = deploying(Stage="local", Unknown="left out")
    assert said(asked, first) == "first"

    (project / "layer" / "words" / "__init__.py").write_text("SAID = 'second'\n")
    second = deploying(Stage="local")

    assert said(asked, second) == "second"
    assert second == first


def test_a_changed_parameter_is_deployed_and_an_unchanged_template_left_alone(asked, project, deploying):
    first = deploying(Stage="local")
    stack = project.name.replace("_", "-")[:60]
    events = asked.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]

    assert deploying(Stage="local") == first
    assert asked.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"] == events
    assert deploying(Stage="other")["Stage"] == "other"


def test_a_stack_that_cannot_come_up_says_why_and_can_be_mended(asked, project, deploying):
    wrong = "{Type: AWS::Lambda::EventInvokeConfig, Properties: {FunctionName: nobody, Qualifier: live}}"
    broken = TEMPLATE.replace("Resources:", f"Resources:\n  Wrong: {wrong}")
    (project / "template.yaml").write_text(broken)

    with pytest.raises(UserError, match=r"Wrong: .*nobody"):
        deploying()

    (project / "template.yaml").write_text(TEMPLATE)
    assert said(asked, deploying()) == "first"


API = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {Issuer: {Type: String, Default: ""}}
Conditions: {HasIssuer: !Not [!Equals [!Ref Issuer, ""]]}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: {title: routes, version: "1.0"}
        paths:
          /links: {get: {x-amazon-apigateway-integration: &there {type: http_proxy, uri: "http://127.0.0.1:1/"}}}
          /tokens/{path+}: !If
            - HasIssuer
            - x-amazon-apigateway-any-method: {security: [{oidc: []}], x-amazon-apigateway-integration: *there}
            - !Ref AWS::NoValue
        components:
          securitySchemes:
            oidc: !If
              - HasIssuer
              - type: oauth2
                x-amazon-apigateway-authorizer:
                  {type: jwt, jwtConfiguration: {issuer: !Ref Issuer, audience: [buildgate]}}
              - !Ref AWS::NoValue
Outputs: {Api: {Value: !Ref Api}}
"""
BESIDE = """
  Beside:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: HTTP_PROXY, IntegrationUri: "http://127.0.0.1:1/"}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: "ANY /tokens/{proxy+}", Target: !Sub "integrations/${Beside}"}
Outputs:"""


def routes(asked, api):
    """Return the routes of an API, each with what it asks for, and the issuers of its authorisers."""
    client = asked.client("apigatewayv2")
    found = {one["RouteKey"]: one["AuthorizationType"] for one in client.get_routes(ApiId=api)["Items"]}
    assert len(client.get_integrations(ApiId=api)["Items"]) == len(found)
    return found, [one["JwtConfiguration"]["Issuer"] for one in client.get_authorizers(ApiId=api)["Items"]]


def test_a_definition_has_the_route_of_an_issuer_while_there_is_one_and_leaves_nothing_of_others(
    asked, project, deploying
):
    template, issuer = project / "template.yaml", "https://login.example.com"
    template.write_text(API.replace("\nOutputs:", BESIDE))
    api = deploying()["Api"]
    assert routes(asked, api) == ({"GET /links": "NONE", "ANY /tokens/{proxy+}": "NONE"}, [])

    template.write_text(API)

    assert deploying(Issuer=issuer)["Api"] == api
    assert routes(asked, api) == ({"GET /links": "NONE", "ANY /tokens/{path+}": "JWT"}, [issuer])
    deploying(Issuer="")
    assert routes(asked, api) == ({"GET /links": "NONE"}, [])
    deploying(Issuer=issuer)
    assert routes(asked, api) == ({"GET /links": "NONE", "ANY /tokens/{path+}": "JWT"}, [issuer])
