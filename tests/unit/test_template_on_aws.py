"""What AWS refuses of a template and the local cloud might not: the template as SAM writes it out, against documented limits."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from template_model import ROOT, Template

LONG_NAME = "n" * 170
"""Stands for the name or ARN of any resource: a function's name has 64 characters at the most."""

FUNCTION_POLICY_BYTES = 20_480
"""Lambda, "Lambda quotas": resource-based policy of a function."""

STATEMENT_ID_CHARACTERS = 100
"""Lambda, API "AddPermission": longest StatementId."""

ROLE_POLICY_CHARACTERS = 10_240
"""IAM, "IAM and AWS STS quotas": all inline policies of a role together, without white space."""

KNOWN_BY_THEIR_MACHINE = {"states:SendTaskSuccess", "states:SendTaskFailure"}
"""The reference lists no resource, but AWS asks for the machine: "not authorized to perform: states:SendTaskFailure on
resource: arn:aws:states:...:stateMachine:..." is what it says of a task of a function (aws-cdk, grantTaskResponse)."""

OPTIONAL_KINDS = {"dataset"}
"""What an action can be narrowed to, but has not been born with: cloudwatch:GetMetricData."""

ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:x:x:table/x",
    "AWS::Lambda::Function": "arn:aws:lambda:x:x:function:x",
    "AWS::S3::Bucket": "arn:aws:s3:::x",
    "AWS::SNS::Topic": "arn:aws:sns:x:x:x",
    "AWS::SQS::Queue": "arn:aws:sqs:x:x:x",
}

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
ABSENT = {"Ref": "AWS::NoValue"}


@cache
def written_out() -> dict[str, dict[str, Any]]:
    """Return the resources that CloudFormation gets of the template once SAM has transformed it."""
    source = json.loads(json.dumps(Template.load().data))
    for resource in source["Resources"].values():
        for key in {"CodeUri", "ContentUri", "DefinitionUri"} & set(resource.get("Properties", {})):
            resource["Properties"][key] = "s3://bucket/key"
    written: dict[str, dict[str, Any]] = Translator({}, Parser()).translate(source, {})["Resources"]
    return written


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one.get("Properties", {}) for name, one in written_out().items() if one["Type"] == kind}


def chosen(value: Any, conditions: Mapping[str, bool]) -> Any:
    """Return a value with its `Fn::If` decided; what becomes no value is left out."""
    if isinstance(value, dict):
        if set(value) == {"Fn::If"}:
            name, then, otherwise = value["Fn::If"]
            return chosen(then if conditions[name] else otherwise, conditions)
        decided = {key: chosen(one, conditions) for key, one in value.items()}
        return {key: one for key, one in decided.items() if one != ABSENT}
    return [chosen(one, conditions) for one in value] if isinstance(value, list) else value


def api_body(*, has_issuer: bool) -> dict[str, Any]:
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    body: dict[str, Any] = chosen(api["Body"], {"HasOidc": has_issuer})
    return body


def securities(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the security schemes that each route of a definition asks for."""
    return {
        f"{method} {path}": [name for choice in operation.get("security", []) for name in choice]
        for path, operations in body["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def size(value: Any) -> int:
    """Return the length of a policy without white space, with the longest names in the place of references."""
    return len(json.dumps(named(value), separators=(",", ":")))


def named(value: Any) -> Any:
    if isinstance(value, dict) and "Fn::Sub" in value:
        text = value["Fn::Sub"]
        return re.sub(r"\$\{(AWS::|__)\w+\}", "us-gov-west-01", text if isinstance(text, str) else text[0])
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
        return LONG_NAME
    if isinstance(value, dict):
        return {key: named(one) for key, one in value.items()}
    return [named(one) for one in value] if isinstance(value, list) else value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def grants() -> Iterator[tuple[str, str, str]]:
    """Yield each role, action and ARN that a policy puts together."""
    for name, role in of_type("AWS::IAM::Role").items():
        for statement in (one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]):
            for action in set(listed(statement["Action"])) - KNOWN_BY_THEIR_MACHINE:
                yield from ((name, action, arn) for arn in arns(statement["Resource"]))


def arn_shapes(services: Mapping[str, Any], action: str) -> list[str]:
    """Return patterns of the ARNs on which an action can be granted, by the Service Authorization Reference."""
    prefix, _, verb = action.partition(":")
    service = services[prefix]
    kinds = {kind.lower() for kind in service["Actions"][verb.lower()].get("Resources", [])}
    if not kinds:
        return [r"\*"]
    formats = [
        shape for kind, one in service["Resources"].items() if kind.lower() in kinds for shape in one["ARNFormats"]
    ]
    return [re.sub(r"\$\{\w+\}", "[^:]*", shape) for shape in formats] + [r"\*"] * (kinds <= OPTIONAL_KINDS)


def arns(value: Any) -> list[str]:
    """Return the ARNs that a statement's `Resource` may come to, invented where CloudFormation makes them up."""
    if isinstance(value, list):
        return [arn for one in value for arn in arns(one)]
    if isinstance(value, str):
        return [value]
    function, given = next(iter(value.items()))
    if function == "Fn::If":
        return arns(given[1:])
    if function == "Fn::Sub":
        text = given if isinstance(given, str) else given[0]
        text = re.sub(r"\$\{(\w+)\.Arn\}", lambda found: ARNS[written_out()[found[1]]["Type"]], text)
        return [re.sub(r"\$\{[\w:]+\}", "x", text)]
    name = given if function == "Ref" else given[0]
    return [ARNS[written_out()[name]["Type"]]]


def test_no_resource_stands_beside_the_definition_of_the_api_but_its_stage() -> None:
    kinds = {one["Type"] for one in written_out().values() if one["Type"].startswith("AWS::ApiGatewayV2::")}

    assert kinds == {"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"}


@pytest.mark.parametrize("has_issuer", [True, False])
def test_each_route_asks_for_one_scheme_that_the_definition_has(*, has_issuer: bool) -> None:
    body = api_body(has_issuer=has_issuer)
    known = {*body["components"]["securitySchemes"], "NONE"}

    wrong = {route: asked for route, asked in securities(body).items() if len(asked) != 1 or not known >= {*asked}}

    assert wrong == {}


def test_tokens_are_taken_below_one_path_and_only_where_there_is_an_issuer() -> None:
    with_one, without = api_body(has_issuer=True), api_body(has_issuer=False)

    taken = [route for route, asked in securities(with_one).items() if asked == ["oidc"]]
    assert taken == ["x-amazon-apigateway-any-method /oidc/v1/{path+}"]
    assert with_one["components"]["securitySchemes"]["oidc"]["x-amazon-apigateway-authorizer"] == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": {"Ref": "OidcIssuer"}, "audience": [{"Ref": "OidcAudience"}]},
    }
    assert "oidc" not in json.dumps(without).lower()


def test_the_routes_fit_into_the_policies_of_their_functions() -> None:
    statements: dict[str, list[Any]] = {}
    for one in of_type("AWS::Lambda::Permission").values():
        statement = {
            "Sid": "s" * STATEMENT_ID_CHARACTERS,
            "Effect": "Allow",
            "Principal": {"Service": one["Principal"]},
            "Action": one["Action"],
            "Resource": f"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:{'f' * 64}",
            "Condition": {"ArnLike": {"AWS:SourceArn": one["SourceArn"]}},
        }
        statements.setdefault(json.dumps(one["FunctionName"]), []).append(statement)

    too_big = {name: size(each) for name, each in statements.items() if size(each) > FUNCTION_POLICY_BYTES}

    assert too_big == {}


def test_the_policies_of_each_role_fit() -> None:
    sizes = {
        name: sum(size(policy["PolicyDocument"]) for policy in role.get("Policies", []))
        for name, role in of_type("AWS::IAM::Role").items()
    }

    assert {name: one for name, one in sizes.items() if one > ROLE_POLICY_CHARACTERS} == {}


def test_a_function_may_write_to_the_queue_of_its_failures() -> None:
    roles = of_type("AWS::IAM::Role")
    unable = [
        name
        for name, one in of_type("AWS::Lambda::EventInvokeConfig").items()
        if "sqs:SendMessage" not in json.dumps(roles[f"{one['FunctionName']['Ref']}Role"]["Policies"])
    ]

    assert unable == []


def test_a_queue_takes_from_eventbridge_what_it_says_about_itself() -> None:
    statements = [
        one
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        for one in policy["PolicyDocument"]["Statement"]
        if one["Principal"] == {"Service": "events.amazonaws.com"}
    ]

    assert statements
    assert [set(one["Condition"]) for one in statements] == [{"ArnLike"}]
    assert [set(one["Condition"]["ArnLike"]) for one in statements] == [{"aws:SourceArn"}]


def test_each_action_is_granted_on_resources_that_it_knows() -> None:
    found = find_spec("cfnlint")  # looked at, not imported: its reference is all that is wanted
    assert found
    assert found.origin
    reference = Path(found.origin).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(reference.read_text(encoding="utf-8"))

    unknown = [
        grant
        for grant in grants()
        if not any(re.fullmatch(shape, grant[2]) for shape in arn_shapes(services, grant[1]))
    ]

    assert unknown == []


def test_nothing_is_bound_to_one_partition_of_aws() -> None:
    files = [ROOT / "template.yaml", *(ROOT / "statemachines").glob("*.asl.json")]

    assert [path.name for path in files if "arn:aws" in path.read_text(encoding="utf-8")] == []
