"""Tries what its role does not grant, and says how that went."""

import os

import boto3
from botocore.exceptions import ClientError


def handler(event, context):
    try:
        boto3.client("dynamodb").get_item(TableName=os.environ["TABLE"], Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
    except ClientError as error:
        return {"code": error.response["Error"]["Code"]}
    return {"code": None}
