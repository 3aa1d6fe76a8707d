"""Our clients answer as the SDK's own do; only the walk over each value of each item is left out."""

import json

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.session import get_session

from buildgate.adapters.table.codec import encode_item
from buildgate.runtime.clients import Session

ITEM = encode_item(
    {"pk": "BUILD#a", "sk": "HEAD", "n": 3, "share": 0.25, "is_open": True, "gone": None, "none": 0}
    | {"facts": {"ph": [1, -1], "cache": {"result": "hit", "key": ""}}, "empty": {}, "variables": [["A", "PLAINTEXT"]]}
)
ANSWERS = {
    "query": ({"Items": [ITEM, {}], "Count": 2, "LastEvaluatedKey": {"pk": {"S": "x"}}}, {"TableName": "t"}),
    "get_item": ({"Item": ITEM}, {"TableName": "t", "Key": {"pk": {"S": "x"}}}),
    "batch_get_item": (
        {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {"t": {"Keys": [{"pk": {"S": "x"}}]}}},
        {"RequestItems": {"t": {"Keys": [{"pk": {"S": "x"}}]}}},
    ),
    "update_item": ({"Attributes": ITEM}, {"TableName": "t", "Key": {"pk": {"S": "x"}}}),
}


def answering(client, status, body):
    """Let a client get this answer to whatever it asks."""

    def answer(request, **_):
        made = AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, None)
        made._content = json.dumps(body).encode()
        return made

    client.meta.events.register("before-send.dynamodb", answer)
    return client


def both(status, body):
    stock = get_session().create_client("dynamodb", region_name="us-east-1")
    return answering(Session().client("dynamodb"), status, body), answering(stock, status, body)


@pytest.mark.parametrize("operation", ANSWERS)
def test_an_answer_is_what_the_sdk_makes_of_it(operation, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    body, asked = ANSWERS[operation]

    ours, stock = (getattr(client, operation)(**asked) for client in both(200, body))

    assert ours == stock


def test_why_a_transaction_was_cancelled_is_read_with_its_items(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    reasons = [{"Code": "ConditionalCheckFailed", "Message": "no", "Item": ITEM}, {"Code": "None"}]
    body = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons}
    found = []
    for client in both(400, body):
        with pytest.raises(ClientError) as caught:
            client.get_item(TableName="t", Key={"pk": {"S": "x"}})
        found.append((caught.value.response["Error"], caught.value.response["CancellationReasons"]))

    assert found[0] == found[1]
    assert found[0][1] == reasons
