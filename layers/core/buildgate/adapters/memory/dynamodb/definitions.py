"""Table definitions, as CreateTable (and so CloudFormation) writes them."""

from __future__ import annotations

from typing import Any

from buildgate.adapters.memory.dynamodb.stores import Index, KeySchema
from buildgate.adapters.memory.dynamodb.tables import Table
from buildgate.adapters.memory.errors import invalid


def new_table(definition: dict[str, Any]) -> Table:
    """Return an empty table for a definition."""
    kinds = {entry["AttributeName"]: entry["AttributeType"] for entry in definition["AttributeDefinitions"]}
    schema = key_schema(definition["KeySchema"], kinds)
    indexes = {
        entry["IndexName"]: _index(entry, schema, kinds) for entry in definition.get("GlobalSecondaryIndexes", ())
    }
    used = {*schema.attributes, *(name for index in indexes.values() for name in index.schema.attributes)}
    if used != kinds.keys():
        raise invalid(
            "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: {sorted(kinds)}, keys used: {sorted(used)}"
        )
    return Table(definition["TableName"], schema, indexes, definition)


def key_schema(entries: list[dict[str, str]], kinds: dict[str, str]) -> KeySchema:
    """Return the key attributes and their kinds."""
    roles = {entry["KeyType"]: entry["AttributeName"] for entry in entries}
    missing = [name for name in roles.values() if name not in kinds]
    if missing:
        raise invalid(
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            f"AttributeDefinitions. Keys: {sorted(roles.values())}, AttributeDefinitions: {sorted(kinds)}"
        )
    return KeySchema(roles["HASH"], roles.get("RANGE"), {name: kinds[name] for name in roles.values()})


def _index(entry: dict[str, Any], table: KeySchema, kinds: dict[str, str]) -> Index:
    schema = key_schema(entry["KeySchema"], kinds)
    projection = entry["Projection"]
    projected = frozenset((*table.attributes, *schema.attributes, *projection.get("NonKeyAttributes", ())))
    return Index(entry["IndexName"], schema, projection["ProjectionType"], projected)


def described_table(table: Table, arn: str, status: str = "ACTIVE") -> dict[str, Any]:
    """Return a `TableDescription`."""
    described = {
        "TableName": table.name,
        "TableArn": arn + table.name,
        "TableStatus": status,
        "KeySchema": table.definition["KeySchema"],
        "AttributeDefinitions": table.definition["AttributeDefinitions"],
        "ItemCount": sum(len(partition.rows) for partition in table.partitions.values()),
    }
    indexes = table.definition.get("GlobalSecondaryIndexes")
    if indexes:
        described["GlobalSecondaryIndexes"] = [{**entry, "IndexStatus": "ACTIVE"} for entry in indexes]
    return described
