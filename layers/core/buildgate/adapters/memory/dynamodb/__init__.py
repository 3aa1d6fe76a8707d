"""DynamoDB in memory, with its real conditions, transactions, indexes, limits and refusals."""

from buildgate.adapters.memory.dynamodb.service import DynamoDb

__all__ = ["DynamoDb"]
