"""DynamoDB, in memory: the operations, named and shaped as botocore's client names and shapes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.dynamodb import reads, transactions
from buildgate.adapters.memory.dynamodb.definitions import described_table, new_table
from buildgate.adapters.memory.dynamodb.projections import compile_projection
from buildgate.adapters.memory.dynamodb.requests import check_placeholders, taken_names
from buildgate.adapters.memory.dynamodb.units import Meter, Spent, capacity, read_units
from buildgate.adapters.memory.dynamodb.values import Item
from buildgate.adapters.memory.dynamodb.writes import UPDATE_RETURNS, prepare, returned
from buildgate.adapters.memory.errors import AwsError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate.adapters.memory.dynamodb.stores import Key, Row
    from buildgate.adapters.memory.dynamodb.tables import Table

MAX_BATCH_GET = 100
MAX_BATCH_WRITE = 25
MAX_BATCH_BYTES = 16 * 1024 * 1024


class DynamoDb:
    """Tables in memory. `now` returns seconds since the epoch; `meter` records units when switched on.

    `shares` hands stored items out uncopied, to callers that change none of them.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
        shares: bool = False,
    ) -> None:
        self.tables: dict[str, Table] = {}
        self.meter = Meter()
        self._now = now
        self._arn = f"arn:aws:dynamodb:{region}:{account}:table/"
        self._tokens = transactions.Tokens()
        self._shares = shares

    def table(self, name: str) -> Table:
        """Return a table by name or ARN, or refuse."""
        table = self.tables.get(name)
        if table is None:
            table = self.tables.get(name.removeprefix(self._arn))
            if table is None:
                raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return table

    def create_table(self, **definition: Any) -> dict[str, Any]:
        """Create a table; it is ACTIVE at once."""
        name = definition["TableName"]
        if name in self.tables:
            raise AwsError("ResourceInUseException", f"Table already exists: {name}")
        self.tables[name] = new_table(definition)
        self.tables[name].shares = self._shares
        return {"TableDescription": described_table(self.tables[name], self._arn)}

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Describe a table."""
        return {"Table": described_table(self.table(TableName), self._arn)}

    def delete_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Delete a table and everything in it."""
        table = self.table(TableName)
        del self.tables[table.name]
        return {"TableDescription": described_table(table, self._arn, "DELETING")}

    def list_tables(self) -> dict[str, Any]:
        """List the tables' names."""
        return {"TableNames": sorted(self.tables)}

    def update_time_to_live(self, **request: Any) -> dict[str, Any]:
        """Set the attribute by which `expire` deletes."""
        specification = request["TimeToLiveSpecification"]
        table = self.table(request["TableName"])
        table.ttl_attribute = specification["AttributeName"] if specification["Enabled"] else None
        return {"TimeToLiveSpecification": dict(specification)}

    def expire(self) -> int:
        """Delete what is past its time to live, as DynamoDB does some time within days; return how many items."""
        gone = [(table, key) for table in self.tables.values() for key in table.expired(self._now())]
        for table, key in gone:
            table.write(key, None)
        return len(gone)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read one item."""
        table, _, row, item = self._read(request)
        answer: dict[str, Any] = {} if item is None else {"Item": item}
        if self._is_metered(request):
            factor = 1 if request.get("ConsistentRead") else 0.5
            units = read_units(row.size if row else 0, factor)
            answer |= self._spend(request, Spent("GetItem", table.name, False, units))
        return answer

    def _is_metered(self, request: dict[str, Any]) -> bool:
        return self.meter.is_on or "ReturnConsumedCapacity" in request

    def _read(self, request: dict[str, Any]) -> tuple[Table, Key, Row | None, Item | None]:
        text = request.get("ProjectionExpression")
        projection = None
        if text is not None or "ExpressionAttributeNames" in request:
            names = taken_names(request.get("ExpressionAttributeNames"), has_expression=text is not None)
            projection = compile_projection(text, names) if text is not None else None
            check_placeholders(names, {}, projection)
        table = self.table(request["TableName"])
        key = table.taken_key(request["Key"])
        row = table.get(key)
        if row is None:
            return table, key, None, None
        return table, key, row, table.shown(projection.of(row.item) if projection else row.item)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Put one item, if its condition holds."""
        return self._write("put", "PutItem", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Change one item, creating it if absent, if its condition holds."""
        return self._write("update", "UpdateItem", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Delete one item, if its condition holds."""
        return self._write("delete", "DeleteItem", request)

    def _write(self, action: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("ReturnValues", "NONE")
        if wanted not in (UPDATE_RETURNS if action == "update" else ("NONE", "ALL_OLD")):
            raise invalid("ReturnValues can only be ALL_OLD or NONE")
        write = prepare(action, request, self.table)
        old = write.table.get(write.key)
        new = write.decide(old)
        moved = write.commit(old, new)
        answer: dict[str, Any] = {}
        if self._is_metered(request):
            answer = self._spend(request, write.spent((old, new), moved, operation))
        attributes = returned(write, wanted, old, new)
        if attributes is not None:
            answer["Attributes"] = attributes
        return answer

    def _spend(self, request: dict[str, Any], spent: Spent) -> dict[str, Any]:
        self.meter.record(spent)
        wanted = request.get("ReturnConsumedCapacity", "NONE")
        return {} if wanted == "NONE" else {"ConsumedCapacity": capacity(spent, wanted)}

    def query(self, **request: Any) -> dict[str, Any]:
        """Answer one page of a query."""
        reading = reads.prepare_reading(request, self.table(request["TableName"]))
        return self._paged("Query", request, reading, reads.query(reading))

    def scan(self, **request: Any) -> dict[str, Any]:
        """Answer one page of a scan."""
        reading = reads.prepare_reading(request, self.table(request["TableName"]))
        return self._paged("Scan", request, reading, reads.scan(reading))

    def _paged(
        self, operation: str, request: dict[str, Any], reading: reads.Reading, page: reads.Page
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.evaluated}
        if not reading.counts_only:
            answer["Items"] = page.items
        if page.last_key is not None:
            answer["LastEvaluatedKey"] = page.last_key
        if self._is_metered(request):
            units = read_units(page.read_bytes, reading.factor)
            index, name = reading.of_index, reading.table.name
            spent = Spent(operation, name, False, 0 if index else units, {index.name: units} if index else {})
            answer |= self._spend(request, spent)
        return answer

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read up to 100 items; what would pass 16 MB is returned as unprocessed."""
        wanted = request["RequestItems"]
        if sum(len(part["Keys"]) for part in wanted.values()) > MAX_BATCH_GET:
            raise invalid("Too many items requested for the BatchGetItem call")
        found: dict[str, list[Item]] = {}
        left: dict[str, Any] = {}
        spent: list[Spent] = []
        budget = MAX_BATCH_BYTES
        for name, part in wanted.items():
            shared = {member: value for member, value in part.items() if member != "Keys"}
            read = [self._read({"TableName": name, "Key": key, **shared}) for key in part["Keys"]]
            _refuse_repeats([key for _, key, _, _ in read])
            items = found.setdefault(name, [])
            factor = 1 if part.get("ConsistentRead") else 0.5
            for request_key, (table, _, row, item) in zip(part["Keys"], read, strict=True):
                size = row.size if row else 0
                budget -= size
                if budget < 0:
                    left.setdefault(name, {**shared, "Keys": []})["Keys"].append(request_key)
                    continue
                units = read_units(size, factor)
                spent.append(Spent("BatchGetItem", table.name, False, units))
                if item is not None:
                    items.append(item)
        return {"Responses": found, "UnprocessedKeys": left, **self._spend_all(request, spent)}

    def _spend_writes(self, request: dict[str, Any], done: list[transactions.Done], operation: str) -> dict[str, Any]:
        if not self._is_metered(request):
            return {}
        return self._spend_all(request, [write.spent(rows, moved, operation) for write, rows, moved in done])

    def _spend_all(self, request: dict[str, Any], spent: list[Spent]) -> dict[str, Any]:
        wanted = request.get("ReturnConsumedCapacity", "NONE")
        for one in spent:
            self.meter.record(one)
        return {} if wanted == "NONE" else {"ConsumedCapacity": _by_table(spent, wanted)}

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        """Put and delete up to 25 items, each on its own."""
        actions: list[tuple[str, dict[str, Any]]] = []
        for name, entries in request["RequestItems"].items():
            for entry in entries:
                ((kind, body),) = entry.items()
                actions.append(("put" if kind == "PutRequest" else "delete", {"TableName": name, **body}))
        if not 1 <= len(actions) <= MAX_BATCH_WRITE:
            raise invalid(
                "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
                "Member must have length less than or equal to 25, Member must have length greater than or equal to 1"
            )
        writes = [prepare(action, body, self.table) for action, body in actions]
        _refuse_repeats([(write.table.name, write.key) for write in writes])
        decided = [(write, old := write.table.get(write.key), write.decide(old)) for write in writes]
        done = [(write, (old, new), write.commit(old, new)) for write, old, new in decided]
        return {"UnprocessedItems": {}, **self._spend_writes(request, done, "BatchWriteItem")}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write up to 100 items, all or none."""
        actions, token = request["TransactItems"], request.get("ClientRequestToken")
        if token is not None and self._tokens.is_repeat(token, actions, self._now()):
            return {}
        done = transactions.commit_all(transactions.prepare_all(actions, self.table))
        if token is not None:
            self._tokens.remember(token, actions, self._now())
        return self._spend_writes(request, done, "TransactWriteItems")

    def transact_get_items(self, **request: Any) -> dict[str, Any]:
        """Read up to 100 items at one moment."""
        transactions.check_count(request["TransactItems"])
        read = [self._read(action["Get"]) for action in request["TransactItems"]]
        if len({(table.name, key) for table, key, _, _ in read}) < len(read):
            raise invalid("Transaction request cannot include multiple operations on one item")
        spent = [
            Spent("TransactGetItems", table.name, False, read_units(row.size if row else 0, 2))
            for table, _, row, _ in read
        ]
        answers = [{"Item": item} if item is not None else {} for _, _, _, item in read]
        return {"Responses": answers, **self._spend_all(request, spent)}


def _refuse_repeats(keys: list[Any]) -> None:
    if len(set(keys)) < len(keys):
        raise invalid("Provided list of item keys contains duplicates")


def _by_table(spent: list[Spent], wanted: str) -> list[dict[str, object]]:
    shown = []
    for name in dict.fromkeys(one.table for one in spent):
        mine = [one for one in spent if one.table == name]
        indexes: dict[str, float] = {}
        for one in mine:
            for index, units in one.index_units.items():
                indexes[index] = indexes.get(index, 0) + units
        total = Spent("", name, True, sum(one.table_units for one in mine), indexes)
        shown.append(capacity(total, wanted))
    return shown
