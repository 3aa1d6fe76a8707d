"""Plain values to DynamoDB's attribute values and back, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def encode(value: Any) -> dict[str, Any]:
    """Return the attribute value of a plain value.

    Raises:
        TypeError: The value has no attribute type.
    """
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": {str(name): encode(one) for name, one in value.items()}}
        case list() | tuple():
            return {"L": [encode(one) for one in value]}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(value: Mapping[str, Any]) -> Any:
    """Return the plain value of an attribute value; whole numbers become int, others float."""
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "NULL":
            return None
        case "M":
            return {name: decode(one) for name, one in content.items()}
        case "L":
            return [decode(one) for one in content]
        case _:
            return content


def encode_item(item: Mapping[str, Any]) -> Item:
    """Return an item without its empty texts, empty collections and unknown values: what is not there says the same."""
    return {name: encode(value) for name, value in item.items() if value is not None and value not in ("", (), [], {})}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(value) for name, value in item.items()}
