"""A handler as today's Powertools samples write it: logger, metrics, tracer, parser, idempotency, ten models, boto3."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.parser import envelopes, event_parser
from pydantic import BaseModel, create_model

FIELDS = {
    **{f"name_{number}": (str, ...) for number in range(5)},
    **{f"amount_{number}": (float, ...) for number in range(2)},
    "share": (float | None, None),
    "words": (list[str], ...),
    "labels": (dict[str, str], ...),
}
MODELS: list[type[BaseModel]] = [create_model(f"Model{number}", **FIELDS) for number in range(10)]

logger, metrics, tracer = Logger(), Metrics(), Tracer()
table = boto3.resource("dynamodb").Table("builds")
sns = boto3.client("sns")
stepfunctions = boto3.client("stepfunctions")
persistence = DynamoDBPersistenceLayer(table_name="seen")


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
@idempotent(persistence_store=persistence, config=IdempotencyConfig())
@event_parser(model=MODELS[0], envelope=envelopes.EventBridgeEnvelope)
def handler(event, context):
    return None
