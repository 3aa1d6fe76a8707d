"""Does what the event says: the conformance suite's hand inside the cloud."""

import json
import os
import time
import uuid

import boto3
from greeting import greet

TABLE = os.environ["TABLE"]


class Unavailable(Exception):
    """An error that machines retry."""


class Rejected(Exception):
    """An error that machines do not retry."""


RAISED = {"Unavailable": Unavailable, "Rejected": Rejected}


def put(pk, **values):
    item = {"pk": {"S": pk}, "sk": {"S": f"{time.time():.6f}#{uuid.uuid4()}"}, "data": {"S": json.dumps(values)}}
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)


def handler(event, context):
    if "requestContext" in event:
        return answer(event)
    if "approval" in event:
        put("reminders", **event)
        return {}
    do = event["do"]
    if do in {"raise", "park", "start"}:
        put(event["key"], token=event.get("token"), retry=event.get("retry"), at=time.time())
    if do == "raise":
        raise RAISED[event["error"]]("line one\nValueError: not this one")
    if do == "note":
        put(event["as"], **event)
    if do == "work":
        put(event["key"], started=time.time())
        time.sleep(event["seconds"])
        put(event["key"], ended=time.time())
    return {"said": greet(os.environ["GREETING"]), "environment": sorted(os.environ)} if do == "greet" else {}


def answer(event):
    seen = {
        "path": event["rawPath"],
        "method": event.get("requestContext", {}).get("http", {}).get("method"),
        "query": event.get("rawQueryString"),
        "route": event["routeKey"],
        "authorizer": event["requestContext"].get("authorizer"),
        "body": event.get("body"),
        "is_base64": event.get("isBase64Encoded"),
        "parameters": event.get("pathParameters"),
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
