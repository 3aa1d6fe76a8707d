"""Queries and scans: bounds, direction, pages, filters and projections."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from buildgate.adapters.memory.dynamodb.conditions import Condition, compile_condition
from buildgate.adapters.memory.dynamodb.keys import KeyCondition, Term, compile_key_condition, split
from buildgate.adapters.memory.dynamodb.projections import Projection, compile_projection
from buildgate.adapters.memory.dynamodb.requests import Check, Values, check_placeholders, taken_names, taken_values
from buildgate.adapters.memory.dynamodb.stores import Entry, Index, KeySchema, Order, Partition, Row, comparable
from buildgate.adapters.memory.dynamodb.syntax import Names
from buildgate.adapters.memory.dynamodb.tables import Table
from buildgate.adapters.memory.dynamodb.values import Item, Value, copy_item, take_item
from buildgate.adapters.memory.errors import AwsError, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator


PAGE_BYTES = 1024 * 1024
_EXPRESSIONS = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
_NO_ROWS: Partition[Any] = Partition()
Place = tuple[Any, Order]


class Reading(NamedTuple):
    """A checked query or scan of a table or index."""

    table: Table
    store: Table | Index
    of_index: Index | None
    texts: Texts
    values: Values
    limit: int | None
    is_forward: bool
    start: Item | None
    counts_only: bool
    factor: float


@dataclass(slots=True)
class Page:
    """One answered page: `read_bytes` covers the items evaluated, whether or not the filter let them through."""

    items: list[Item]
    evaluated: int
    read_bytes: int
    last_key: Item | None


class Texts(NamedTuple):
    """The expressions of a query or scan, compiled, and the placeholders of values they read."""

    key_condition: KeyCondition | None
    filter: Condition | None
    projection: Projection | None
    values_used: frozenset[str]


def prepare_reading(request: dict[str, Any], table: Table) -> Reading:
    """Check a query or scan as DynamoDB does before reading."""
    texts, values = _understood(request)
    index = _index(table, request.get("IndexName"))
    is_consistent = bool(request.get("ConsistentRead"))
    if index is not None and is_consistent:
        raise invalid("Consistent reads are not supported on global secondary indexes")
    limit, select, start = request.get("Limit"), request.get("Select"), request.get("ExclusiveStartKey")
    _check_limit(limit)
    if select is not None or texts.projection is not None:
        _check_select(select, texts.projection, index)
    reading = Reading(
        table,
        index or table,
        index,
        texts,
        values,
        limit,
        request.get("ScanIndexForward", True),
        take_item(start) if start is not None else None,
        select == "COUNT",
        1 if is_consistent else 0.5,
    )
    if start is not None:
        _check_start(reading)
    return reading


def _understood(request: dict[str, Any]) -> tuple[Texts, Values]:
    """Return the expressions of a request and its values; what is not in order is looked at again, piece by piece."""
    given, names = request.get("ExpressionAttributeValues"), request.get("ExpressionAttributeNames")
    get = request.get
    try:
        texts, checks = _compiled(
            get("KeyConditionExpression"),
            get("FilterExpression"),
            get("ProjectionExpression"),
            () if names is None else tuple(names.items()),
        )
    except AwsError:
        return _looked_at(request)
    if names == {} or (texts.values_used if given is None else not given or given.keys() != texts.values_used):
        return _looked_at(request)
    values = take_item(given) if given else {}
    for check in checks:
        check(values)
    return texts, values


@lru_cache(maxsize=4096)
def _compiled(
    key_text: str | None, filter_text: str | None, projection_text: str | None, names: Names
) -> tuple[Texts, tuple[Check, ...]]:
    """Return expressions and what they ask of values; the same texts and names, all of them used, compile once."""
    texts = _texts(key_text, filter_text, projection_text, names)
    given = [one for one in texts[:3] if one is not None]
    if frozenset().union(*(one.names_used for one in given)) != dict(names).keys():
        raise invalid("Names and expressions do not fit together")
    return texts, tuple(check for one in given for check in one.checks)


def _texts(key_text: str | None, filter_text: str | None, projection_text: str | None, names: Names) -> Texts:
    key_condition = compile_key_condition(key_text, names) if key_text is not None else None
    found_filter = compile_condition(filter_text, names, "FilterExpression") if filter_text is not None else None
    projection = compile_projection(projection_text, names) if projection_text is not None else None
    used = (one.values_used for one in (key_condition, found_filter) if one is not None)
    return Texts(key_condition, found_filter, projection, frozenset[str]().union(*used))


def _looked_at(request: dict[str, Any]) -> tuple[Texts, Values]:
    """Check a request's expressions, names and values in DynamoDB's order, and refuse the first that is not right."""
    key_text, filter_text, projection_text = (request.get(name) for name in _EXPRESSIONS)
    no_values = key_text is None and filter_text is None
    names = taken_names(
        request.get("ExpressionAttributeNames"), has_expression=not no_values or projection_text is not None
    )
    values = taken_values(request.get("ExpressionAttributeValues"), "FilterExpression is null" if no_values else "")
    texts = _texts(key_text, filter_text, projection_text, names)
    check_placeholders(names, values, texts.key_condition, texts.filter, texts.projection)
    return texts, values


def _index(table: Table, name: str | None) -> Index | None:
    if name is None:
        return None
    if name not in table.indexes:
        raise invalid(f"The table does not have the specified index: {name}")
    return table.indexes[name]


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )


def _check_select(select: str | None, projection: Projection | None, index: Index | None) -> None:
    if projection is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise invalid(f"Cannot specify the ProjectionExpression when choosing to get {select}")
    if select == "SPECIFIC_ATTRIBUTES" and projection is None:
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if index is None:
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
        return
    if index.projection == "ALL":
        return
    if select == "ALL_ATTRIBUTES":
        raise invalid(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
            f"secondary index {index.name} because its projection type is not ALL"
        )
    wanted = {str(path[0]) for path in projection.paths} if projection else set()
    if not wanted <= index.projected:
        listed = ", ".join(sorted(wanted - index.projected))
        raise invalid(
            "One or more parameter values were invalid: "
            f"Global secondary index {index.name} does not project [{listed}]"
        )


def _check_start(reading: Reading) -> None:
    wanted = {**reading.table.schema.kinds, **(reading.of_index.schema.kinds if reading.of_index else {})}
    start = reading.start or {}
    if start.keys() != wanted.keys() or any(kind not in start[name] for name, kind in wanted.items()):
        raise invalid("The provided starting key is invalid")


def query(reading: Reading) -> Page:
    """Answer one page of a query."""
    if reading.texts.key_condition is None:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    schema, values = reading.store.schema, reading.values
    partition_term, sort_term = split(reading.texts.key_condition, schema.partition, schema.sort)
    if reading.texts.filter is not None:
        _refuse_key_filter(reading.texts.filter, schema)
    partition_key = _key_value(values[partition_term.values[0]], schema.partition, schema.kinds)
    partition: Partition[Any] = reading.store.partitions.get(partition_key) or _NO_ROWS
    low, high = _bounds(partition, sort_term, reading)
    if reading.start is not None:
        if comparable(reading.start[schema.partition]) != partition_key:
            raise invalid("The provided starting key is outside query boundaries based on provided conditions")
        order = _place(reading, reading.start)[1]
        if reading.is_forward:
            low = max(low, bisect_right(partition.orders, order))
        else:
            high = min(high, bisect_left(partition.orders, order))
    if low >= high:
        return Page([], 0, 0, None)
    positions = range(low, high) if reading.is_forward else range(high - 1, low - 1, -1)
    return _page(reading, (partition.rows[partition.orders[position]] for position in positions))


def _refuse_key_filter(found: Condition, schema: KeySchema) -> None:
    for path in found.paths:
        if path[0] in schema.attributes:
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {path[0]}"
            )


def _key_value(value: Value, name: str, kinds: dict[str, str]) -> Any:
    if kinds[name] == "S" and (text := value.get("S")):
        return text
    if kinds[name] not in value:
        raise invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    content = comparable(value)
    if content in ("", b""):
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
            f"{'string' if content == '' else 'binary'} value. Key: {name}"
        )
    return content


def _bounds(partition: Partition[Any], term: Term | None, reading: Reading) -> tuple[int, int]:
    orders = partition.orders
    if term is None:
        return 0, len(orders)
    schema, values = reading.store.schema, reading.values
    contents = [_key_value(values[name], term.attribute, schema.kinds) for name in term.values]
    low, high = contents[0], contents[-1]
    if term.operator == "begins_with":
        if schema.kinds[term.attribute] == "N":
            raise invalid(
                "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
                "operator or function: begins_with, operand type: N"
            )
        length = len(low)
        return bisect_left(orders, low, key=_sort), bisect_right(orders, low, key=lambda order: order[0][:length])
    if term.operator == "BETWEEN" and low > high:
        raise invalid(
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to "
            "lower bound"
        )
    start = bisect_right(orders, low, key=_sort) if term.operator == ">" else bisect_left(orders, low, key=_sort)
    end = bisect_left(orders, high, key=_sort) if term.operator == "<" else bisect_right(orders, high, key=_sort)
    return (0 if term.operator in ("<", "<=") else start), (len(orders) if term.operator in (">", ">=") else end)


def _sort(order: Order) -> Any:
    return order[0]


def _place(reading: Reading, key: Item) -> Place:
    schema = reading.store.schema
    sort = comparable(key[schema.sort]) if schema.sort else ""
    order: Order = (sort,) if reading.of_index is None else (sort, *reading.table.key_of(key))
    return comparable(key[schema.partition]), order


def scan(reading: Reading) -> Page:
    """Answer one page of a scan: partitions by hash, as in DynamoDB in no order that a caller could mean."""
    partitions = sorted(reading.store.partitions, key=_hashed)
    rows = _scanned(reading, partitions, _place(reading, reading.start) if reading.start is not None else None)
    return _page(reading, rows)


def _hashed(partition_key: Any) -> tuple[int, Any]:
    return crc32(str(partition_key).encode()), partition_key


def _scanned(reading: Reading, partitions: list[Any], after: Place | None) -> Iterator[Row | Entry]:
    for key in partitions:
        partition = reading.store.partitions[key]
        first = 0
        if after is not None:
            if _hashed(key) < _hashed(after[0]):
                continue
            first = bisect_right(partition.orders, after[1]) if key == after[0] else 0
        for order in partition.orders[first:]:
            yield partition.rows[order]


def _page(reading: Reading, rows: Iterator[Row | Entry]) -> Page:
    page = Page([], 0, 0, None)
    test = reading.texts.filter.test if reading.texts.filter else None
    for row in rows:
        page.evaluated += 1
        page.read_bytes += row.size
        if test is None or test(row.item, reading.values):
            item = reading.texts.projection.of(row.item) if reading.texts.projection else row.item
            page.items.append(item if reading.counts_only else reading.table.shown(item))
        if page.evaluated == reading.limit or page.read_bytes >= PAGE_BYTES:
            page.last_key = _last_key(reading, row.item)
            break
    return page


def _last_key(reading: Reading, item: Item) -> Item:
    names = reading.table.schema.attributes + (reading.of_index.schema.attributes if reading.of_index else ())
    return copy_item({name: item[name] for name in names})
