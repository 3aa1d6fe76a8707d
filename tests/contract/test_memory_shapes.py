"""Every answer of the in-memory AWS fits the API model that botocore parses real answers by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.validate import ParamValidator

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.client import Call, Proceed, api_name
from buildgate.adapters.memory.lambdas import Function
from buildgate.adapters.memory.shapes import service_model
from simulated_cloud import PROJECT

TOPIC = "arn:aws:sns:us-east-1:000000000000:t"
QUEUE = "memory://sqs/q"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:one"
ASL = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
KEY = {"pk": {"S": "a"}}
WHOLE = {"ReturnConsumedCapacity": "INDEXES"}
TABLE = {
    "TableName": "table",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "create_table", TABLE),
    ("dynamodb", "describe_table", {"TableName": "table"}),
    ("dynamodb", "list_tables", {}),
    (
        "dynamodb",
        "update_time_to_live",
        {"TableName": "table", "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}},
    ),
    ("dynamodb", "put_item", {"TableName": "table", "Item": KEY, **WHOLE}),
    ("dynamodb", "update_item", {"TableName": "table", "Key": KEY, "ReturnValues": "ALL_NEW"}),
    ("dynamodb", "get_item", {"TableName": "table", "Key": KEY, **WHOLE}),
    (
        "dynamodb",
        "query",
        {
            "TableName": "table",
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "a"}},
            "Limit": 1,
        },
    ),
    ("dynamodb", "scan", {"TableName": "table", **WHOLE}),
    ("dynamodb", "batch_get_item", {"RequestItems": {"table": {"Keys": [KEY]}}, **WHOLE}),
    ("dynamodb", "batch_write_item", {"RequestItems": {"table": [{"PutRequest": {"Item": KEY}}]}, **WHOLE}),
    ("dynamodb", "transact_write_items", {"TransactItems": [{"Put": {"TableName": "table", "Item": KEY}}], **WHOLE}),
    ("dynamodb", "transact_get_items", {"TransactItems": [{"Get": {"TableName": "table", "Key": KEY}}], **WHOLE}),
    ("dynamodb", "delete_item", {"TableName": "table", "Key": KEY, "ReturnValues": "ALL_OLD"}),
    ("s3", "create_bucket", {"Bucket": "b"}),
    ("s3", "put_bucket_versioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Enabled"}}),
    ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"body"}),
    ("s3", "get_object", {"Bucket": "b", "Key": "k", "Range": "bytes=1-2"}),
    ("s3", "head_object", {"Bucket": "b", "Key": "k"}),
    ("s3", "list_objects_v2", {"Bucket": "b", "Delimiter": "/"}),
    ("s3", "delete_object", {"Bucket": "b", "Key": "k"}),
    ("sns", "create_topic", {"Name": "t"}),
    ("sns", "subscribe", {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "alice@example.com"}),
    ("sns", "list_subscriptions_by_topic", {"TopicArn": TOPIC}),
    ("sns", "get_topic_attributes", {"TopicArn": TOPIC}),
    ("sns", "publish", {"TopicArn": TOPIC, "Message": "m"}),
    ("sns", "publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]}),
    ("sns", "delete_topic", {"TopicArn": TOPIC}),
    ("sqs", "create_queue", {"QueueName": "q"}),
    ("sqs", "get_queue_url", {"QueueName": "q"}),
    ("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "m"}),
    ("sqs", "get_queue_attributes", {"QueueUrl": QUEUE, "AttributeNames": ["All"]}),
    ("sqs", "receive_message", {"QueueUrl": QUEUE}),
    ("sqs", "delete_message", {"QueueUrl": QUEUE, "ReceiptHandle": "message-000001#1"}),
    ("events", "put_events", {"Entries": [{"Source": "app", "DetailType": "t", "Detail": "{}"}]}),
    ("events", "put_events", {"Entries": [{"Source": "aws.app", "DetailType": "t", "Detail": "{}"}]}),
    ("lambda", "invoke", {"FunctionName": "f", "Payload": b"{}"}),
    ("lambda", "invoke", {"FunctionName": "f", "Payload": b"{}", "InvocationType": "Event"}),
    ("codebuild", "create_project", {"name": "unit", **PROJECT}),
    ("codebuild", "batch_get_projects", {"names": ["unit", "nope"]}),
    ("codebuild", "list_projects", {}),
    ("codebuild", "start_build", {"projectName": "unit", "sourceVersion": "a" * 40}),
    ("codebuild", "list_builds", {}),
    ("codebuild", "list_builds_for_project", {"projectName": "unit"}),
    ("codebuild", "batch_get_reports", {"reportArns": ["arn:nope"]}),
    ("codecommit", "create_repository", {"repositoryName": "shop"}),
    ("codecommit", "get_repository", {"repositoryName": "shop"}),
    ("codecommit", "list_repositories", {}),
    ("codecommit", "list_branches", {"repositoryName": "shop"}),
    ("stepfunctions", "create_state_machine", {"name": "m", "definition": ASL, "roleArn": "arn:role"}),
    ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE, "name": "one"}),
    ("stepfunctions", "describe_execution", {"executionArn": EXECUTION}),
    ("stepfunctions", "list_executions", {"stateMachineArn": MACHINE}),
    ("stepfunctions", "get_execution_history", {"executionArn": EXECUTION}),
    ("stepfunctions", "stop_execution", {"executionArn": EXECUTION}),
]


class Checked:
    """A boundary that refuses answers which botocore's model does not know."""

    def __init__(self) -> None:
        self.operations: set[tuple[str, str]] = set()

    def __call__(self, call: Call, proceed: Proceed) -> dict[str, Any]:
        answer = proceed()
        shape = service_model(call.service).operation_model(api_name(call.operation)).output_shape
        # Streams are no data, and lengths are checked of requests only.
        known = {name: value for name, value in answer.items() if name not in ("Body", "Payload") and value != []}
        if shape is not None:
            report = ParamValidator().validate(known, shape)
            assert not report.has_errors(), f"{call.operation}: {report.generate_report()}"
        self.operations.add((call.service, call.operation))
        return answer


@pytest.fixture
def aws() -> MemoryAws:
    aws = MemoryAws()
    aws.boundary = Checked()
    aws.lambdas.deploy(Function("f", lambda: lambda *_: {"ok": True}))
    return aws


def test_answers_fit_the_models(aws):
    for service, operation, request in CALLS:
        getattr(aws.client(service), operation)(**request)

    assert len(aws.boundary.operations) >= 50


def test_builds_and_commits_fit_the_models(aws):
    aws.client("codebuild").create_project(name="unit", **PROJECT)
    aws.client("codecommit").create_repository(repositoryName="shop")
    one = aws.codecommit.push("shop", "main", {"a": "1", "b": "1"})
    two = aws.codecommit.push("shop", "main", {"a": "2"})
    commits, builds = aws.client("codecommit"), aws.client("codebuild")
    build_id = builds.start_build(projectName="unit", sourceVersion=two)["build"]["id"]
    arn = "arn:aws:codebuild:us-east-1:000000000000:report/unit:1"
    report = {"arn": arn, "status": "SUCCEEDED", "type": "TEST", "exportConfig": {"exportConfigType": "S3"}}
    aws.codebuild.settle(build_id, "FAILED", phase="INSTALL", reports=[report], exported={"X": "1"})

    builds.batch_get_builds(ids=[build_id, "unit:nope"])
    builds.batch_get_reports(reportArns=[arn])
    builds.stop_build(id=build_id)
    commits.get_branch(repositoryName="shop", branchName="main")
    commits.get_commit(repositoryName="shop", commitId=two)
    commits.get_differences(repositoryName="shop", beforeCommitSpecifier=one, afterCommitSpecifier=two, MaxResults=1)
    commits.get_file(repositoryName="shop", filePath="a")
