"""A template deployed in memory has the table, rules, schedules, machines, routes and failure queues it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.deployment import Deployment, deploy
from buildgate.adapters.memory.http import Route
from buildgate.adapters.memory.templates import Resolver

TEMPLATE = """
Parameters:
  Link: {Type: String, Default: ""}
Conditions:
  HasLink: !Not [!Equals [!Ref Link, ""]]
Globals:
  Function:
    Timeout: 30
    Environment:
      Variables: {TABLE: !Ref Items}
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Gone:
    Type: AWS::SQS::Queue
  Walk:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub "${AWS::StackName}-walk"
      DefinitionUri: walk.asl.json
      DefinitionSubstitutions: {Work: !GetAtt Work.Arn}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/work
      Environment:
        Variables:
          BASE: !If [HasLink, !Ref Link, !Sub "https://${Api}.example.com"]
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Gone.Arn}}
      Events:
        Pushed:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [app]}
            InputTransformer:
              InputPathsMap: {n: $.detail.n}
              InputTemplate: '{"n": <n>}'
            DeadLetterConfig: {Arn: !GetAtt Gone.Arn}
        PushedAlsoIfSwitchedOn:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [app]}, State: DISABLED}
        Beat:
          Type: Schedule
          Properties: {Schedule: rate(1 minute)}
        Page:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: GET, Path: "/pages/{id}", Auth: {Authorizer: NONE}}
        Send:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: POST, Path: "/things/{rest+}"}
  Api:
    Type: AWS::Serverless::HttpApi
Outputs:
  Machine: {Value: !Ref Walk}
  Base: {Value: !Sub ["${a}/${Items.Arn}", {a: x}]}
"""
WALK = {
    "StartAt": "Work",
    "States": {"Work": {"Type": "Task", "Resource": "${Work}", "Parameters": {"n": 1}, "End": True}},
}


class Stack:
    """The template above, with one function that notes its events."""

    def __init__(self, folder: Path) -> None:
        (folder / "template.yaml").write_text(TEMPLATE)
        (folder / "walk.asl.json").write_text(json.dumps(WALK))
        self.events: list[Any] = []
        self.environment: Mapping[str, str] = {}
        self.answer: Any = {"statusCode": 200, "body": "ok"}
        self.aws = MemoryAws()
        self.deployed: Deployment = deploy(self.aws, folder / "template.yaml", self._load)

    def _load(self, code_uri: str, environment: Mapping[str, str]) -> Any:
        assert code_uri == "functions/work"
        self.environment = environment

        def handler(event: Any, _: Any) -> Any:
            self.events.append(event)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return handler

    def emit(self, **detail: Any) -> None:
        entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps(detail)}
        self.aws.client("events").put_events(Entries=[entry])
        self.aws.timeline.advance(1)

    def dead(self) -> list[Any]:
        return [json.loads(message.body) for message in self.aws.sqs.queue("buildgate-Gone").messages]


@pytest.fixture
def stack(tmp_path) -> Stack:
    return Stack(tmp_path)


def test_references_are_resolved(stack):
    stack.emit(n=1)

    assert stack.environment["TABLE"] == "buildgate-Items"
    assert stack.environment["BASE"] == "https://memory.example.com"
    assert stack.deployed.outputs == {
        "Machine": "arn:aws:states:us-east-1:000000000000:stateMachine:buildgate-walk",
        "Base": "x/arn:aws:dynamodb:us-east-1:000000000000:table/buildgate-Items",
    }


def test_a_rule_sends_what_its_transformer_makes_and_a_disabled_one_nothing(stack):
    stack.emit(n=7, secret="hush")

    assert stack.events == [{"n": 7}]


def test_a_failed_event_ends_in_the_functions_queue(stack):
    stack.answer = RuntimeError("broken")
    stack.emit(n=7)

    assert stack.dead()[0]["requestPayload"] == {"n": 7}


def test_an_event_that_cannot_be_delivered_ends_whole_in_the_rules_queue(stack):
    stack.aws.events.is_refused = lambda _: True
    stack.emit(n=7)

    assert (stack.dead()[0]["detail"], stack.events) == ({"n": 7}, [])


def test_a_machine_runs_with_its_substitutions(stack):
    stack.aws.client("stepfunctions").start_execution(stateMachineArn=stack.deployed.outputs["Machine"])
    stack.aws.timeline.settle()

    assert stack.events == [{"n": 1}]


def test_schedules_beat(stack):
    stack.deployed.start_schedules()
    stack.aws.timeline.advance(minutes=3)

    assert [event["detail-type"] for event in stack.events] == ["Scheduled Event"] * 3


def test_items_past_their_time_are_deleted_when_told(stack):
    client, soon = stack.aws.client("dynamodb"), str(int(stack.aws.timeline.time()) + 60)
    client.put_item(TableName="buildgate-Items", Item={"pk": {"S": "a"}, "ttl": {"N": soon}})

    assert stack.aws.dynamodb.expire() == 0
    stack.aws.timeline.advance(61)
    assert stack.aws.dynamodb.expire() == 1


def test_open_and_guarded_routes_answer(stack):
    http = stack.deployed.http

    assert http.request("GET", "/pages/a?k=1&k=2").body == b"ok"
    assert stack.events[-1]["pathParameters"] == {"id": "a"}
    assert stack.events[-1]["queryStringParameters"] == {"k": "1,2"}
    assert http.request("POST", "/things/a/b", "{}").status == 403
    assert http.request("GET", "/nope").status == 404
    answer = http.request(
        "POST", "/things/a/b", "x=1", {"Content-Type": "application/x-www-form-urlencoded"}, caller="me"
    )
    assert answer.status == 200
    assert (stack.events[-1]["isBase64Encoded"], stack.events[-1]["body"]) == (True, "eD0x")
    assert stack.events[-1]["requestContext"]["authorizer"]["iam"]["userArn"] == "me"


def test_a_broken_function_is_an_internal_error_without_its_reason(stack):
    stack.answer = RuntimeError("secret")

    answer = stack.deployed.http.request("GET", "/pages/a")

    assert (answer.status, answer.data) == (500, {"message": "Internal Server Error"})


def test_a_function_that_answers_plain_data_answers_json(stack):
    stack.answer = {"n": 1}

    assert stack.deployed.http.request("GET", "/pages/a").data == {"n": 1}


def test_a_route_does_not_cross_slashes():
    route = Route("GET", "/v1/{a}/b", "f", True)

    assert route.match("GET", "/v1/x/b") == {"a": "x"}
    assert route.match("GET", "/v1/x/y/b") is None
    assert route.match("POST", "/v1/x/b") is None


def test_unknown_functions_of_a_template_are_named():
    resolver = Resolver({}, {}, str, lambda *_: "")

    assert resolver.of({"Fn::Join": ["-", ["a", {"Ref": "b"}]]}) == "a-b"
    with pytest.raises(ValueError, match="Fn::Cidr"):
        resolver.of({"Fn::Cidr": []})
