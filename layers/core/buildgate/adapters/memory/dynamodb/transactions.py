"""Transactions: every condition judged against one snapshot, all writes or none, repeats recognised by their token."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from buildgate.adapters.memory.dynamodb.stores import Moved, Row
from buildgate.adapters.memory.dynamodb.writes import FindTable, Write, prepare, size_of
from buildgate.adapters.memory.errors import AwsError, invalid

Done = tuple[Write, tuple[Row | None, Row | None], dict[str, Moved]]
"""A write, the rows before and after it, and what changed in the indexes."""

MAX_ACTIONS = 100
MAX_BYTES = 4 * 1024 * 1024
TOKEN_SECONDS = 600
MAX_TOKEN_LENGTH = 36

_ACTIONS = {"Put": "put", "Update": "update", "Delete": "delete", "ConditionCheck": "check"}
_NEEDED = {"Update": "UpdateExpression", "ConditionCheck": "ConditionExpression"}
_NO_REASON = {"Code": "None"}


def prepare_all(actions: list[dict[str, Any]], find_table: FindTable) -> list[Write]:
    """Check a whole transaction before looking at any item."""
    check_count(actions)
    writes = [_prepare_one(action, find_table) for action in actions]
    if len({(id(write.table), write.key) for write in writes}) < len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    if len(writes) > 10 and sum(size_of(write) for write in writes) > MAX_BYTES:
        raise invalid("Collection size of items in the transaction has exceeded the maximum allowed size of 4 MB")
    return writes


def check_count(actions: list[dict[str, Any]]) -> None:
    """Refuse an empty transaction or one of more than 100 actions."""
    if not actions or len(actions) > MAX_ACTIONS:
        bound = "less than or equal to 100" if actions else "greater than or equal to 1"
        raise invalid(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )


def _prepare_one(action: dict[str, Any], find_table: FindTable) -> Write:
    if len(action) != 1:
        raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, request),) = action.items()
    needed = _NEEDED.get(kind)
    if needed is not None and needed not in request:
        raise invalid(f"The {needed} parameter is required for {kind}")
    return prepare(_ACTIONS[kind], request, find_table)


def commit_all(writes: list[Write]) -> list[Done]:
    """Judge all writes against the tables as they are; commit all of them, or none and raise every reason."""
    decided: list[tuple[Write, Row | None, Row | None]] = []
    try:
        for write in writes:
            old = write.table.get(write.key)
            decided.append((write, old, write.decide(old)))
    except AwsError:
        raise cancelled([_reason_of(write) for write in writes]) from None
    return [(write, (old, new), write.commit(old, new)) for write, old, new in decided]


def _reason_of(write: Write) -> dict[str, Any]:
    try:
        write.decide(write.table.get(write.key))
    except AwsError as error:
        return _reason(error)
    return _NO_REASON


def _reason(error: AwsError) -> dict[str, Any]:
    code = "ConditionalCheckFailed" if error.code == "ConditionalCheckFailedException" else "ValidationError"
    return {"Code": code, "Message": error.message, **error.extra}


def cancelled(reasons: list[dict[str, Any]]) -> AwsError:
    """Return the refusal of a transaction, one reason per action in the caller's order."""
    listed = ", ".join(reason["Code"] for reason in reasons)
    return AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{listed}]",
        CancellationReasons=[dict(reason) for reason in reasons],
    )


@dataclass(slots=True)
class Tokens:
    """Client request tokens of committed transactions, good for ten minutes."""

    seen: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def is_repeat(self, token: str | None, request: Any, now: float) -> bool:
        """Whether this very transaction was committed under this token; refuses the token for another one."""
        if token is None:
            return False
        if not 1 <= len(token) <= MAX_TOKEN_LENGTH:
            raise invalid(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_TOKEN_LENGTH}"
            )
        known = self.seen.get(token)
        if known is None or now - known[0] >= TOKEN_SECONDS:
            return False
        if known[1] != request:
            raise AwsError(
                "IdempotentParameterMismatchException",
                "The request was rejected because it contains a client token that was used with other parameters",
            )
        return True

    def remember(self, token: str | None, request: Any, now: float) -> None:
        """Keep the token of a committed transaction."""
        if token is None:
            return
        while self.seen and now - next(iter(self.seen.values()))[0] >= TOKEN_SECONDS:
            del self.seen[next(iter(self.seen))]
        self.seen[token] = (now, deepcopy(request))
