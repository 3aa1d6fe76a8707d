"""Plain values to DynamoDB's attribute values and back, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildgate.domain.errors import Unavailable

Item = dict[str, Any]

FORMAT = 2
"""What this release reads. Attributes are only added within a format, and items of format 1 do not name it.

Format 2 is a day's totals whose sketches are packed; nothing else has it.
"""
FORMAT_NAME = "fmt"


def encode(value: Any) -> dict[str, Any]:
    """Return the attribute value of a plain value.

    Raises:
        TypeError: The value has no attribute type.
    """
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int or kind is float:
        return {"N": repr(value)}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if kind is dict or isinstance(value, Mapping):
        return {"M": {str(n): {"S": one} if type(one) is str else encode(one) for n, one in value.items()}}
    if kind is list or kind is tuple or isinstance(value, list | tuple):
        return {"L": [encode(one) for one in value]}
    return _encode_kin(value)


def _encode_kin(value: Any) -> dict[str, Any]:
    """Return the attribute value of a subclass of str, int or float, such as a member of a StrEnum."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(value: Mapping[str, Any]) -> Any:
    """Return the plain value of an attribute value; whole numbers become int, others float."""
    ((kind, content),) = value.items()
    if kind == "S" or kind == "BOOL":  # noqa: PLR1714 - a chain of comparisons is quicker than a set made anew
        return content
    if kind == "N":
        return int(content) if content.lstrip("-").isdigit() else float(content)
    if kind == "M":
        return {name: one["S"] if "S" in one else decode(one) for name, one in content.items()}
    if kind == "L":
        return [decode(one) for one in content]
    return None if kind == "NULL" else content


def encode_item(item: Mapping[str, Any]) -> Item:
    """Return an item without its empty texts, empty collections and unknown values: what is not there says the same."""
    return {
        name: {"S": value} if type(value) is str else encode(value)
        for name, value in item.items()
        if value or value == 0
    }


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's plain values.

    Raises:
        Unavailable: A newer release wrote it in a format unknown here; it is not guessed at, and waits for that release.
    """
    if FORMAT_NAME in item:
        item = _of_known_format(item)
    return {name: value["S"] if "S" in value else decode(value) for name, value in item.items()}


def _of_known_format(item: Mapping[str, Any]) -> Item:
    written = int(item[FORMAT_NAME]["N"])
    if written > FORMAT:
        place = f"{item['pk']['S']} {item['sk']['S']}" if "pk" in item and "sk" in item else "an item"
        reason = f"{place} has format {written}, and this release reads formats up to {FORMAT}"
        raise Unavailable(reason, fix="deploy the newer release again")
    return {name: value for name, value in item.items() if name != FORMAT_NAME}
