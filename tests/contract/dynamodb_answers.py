"""Brings what different DynamoDBs answer into one form, so that it can be compared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from contract.dynamodb_stock import FAILED, INVALID, KEY, ONE, PARAMETERS, STOCK, TABLE, Case, avs


def plain(value: Any) -> Any:
    """Return an answer with numbers in one spelling and sets in one order."""
    if isinstance(value, dict):
        if set(value) <= {"SS", "NS", "BS"} and value:
            return {
                kind: sorted(map(plain_number if kind == "NS" else str, members)) for kind, members in value.items()
            }
        if set(value) == {"N"}:
            return {"N": plain_number(value["N"])}
        return {name: plain(child) for name, child in value.items() if name != "ResponseMetadata"}
    return [plain(child) for child in value] if isinstance(value, list) else value


def plain_number(text: str) -> str:
    return format(Decimal(text).normalize(), "f") if Decimal(text) else "0"


def outcome(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return the answer, or the error's code, or the codes of a cancelled transaction's reasons."""
    if not operation.startswith(("transact", "batch")):
        request = {"TableName": TABLE, **request}
    try:
        return plain(getattr(client, operation)(**request))
    except ParamValidationError:
        return PARAMETERS
    except ClientError as error:
        reasons = error.response.get("CancellationReasons")
        if reasons is None:
            return error.response["Error"]["Code"]
        longer = {"ConditionalCheckFailed": FAILED, "ValidationError": INVALID}
        return [longer.get(reason["Code"], reason["Code"]) for reason in reasons]
    except Exception as error:  # noqa: BLE001 - an emulator that breaks has a gap, which is named
        return f"broke with {type(error).__name__}"


def restock(client: Any) -> None:
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={name: item[name] for name in KEY})
    for item in STOCK:
        client.put_item(TableName=TABLE, Item=avs(item))


def differences(client: Any, case: Case) -> list[str]:
    """Return how what happened differs from what the case expects."""
    restock(client)
    got = outcome(client, case.operation, case.request)
    found = []
    if isinstance(case.expect, (str, list)):
        if got != case.expect:
            found.append(f"answered {got!r}")
    elif not isinstance(got, dict):
        found.append(f"refused: {got}")
    else:
        for name, value in (case.expect or {}).items():
            wanted = "-absent-" if value == "-absent-" else plain(value)
            if got.get(name, "-absent-") != wanted:
                found.append(f"{name} is {got.get(name)!r}")
    return found + state_differences(client, case)


def state_differences(client: Any, case: Case) -> list[str]:
    changes_nothing = isinstance(case.expect, (str, list)) or case.operation in ("query", "scan", "get_item")
    if case.after is None and not changes_nothing:
        return []
    wanted = avs(case.after if case.after is not None else ONE)
    item = client.get_item(TableName=TABLE, Key=avs(KEY), ConsistentRead=True).get("Item", {})
    return [] if plain(item) == plain(wanted) else [f"left {item!r}"]
