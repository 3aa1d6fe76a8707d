"""Plain values to DynamoDB's attribute values and back, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildgate.domain.errors import Unavailable

Item = dict[str, Any]

FORMAT = 2
"""What this release reads. Attributes are only added within a format. Each item names its own; one without it is of 1.

Format 2 is a day's totals whose sketches are packed; nothing else has it.
"""
FORMAT_NAME = "fmt"
PLAIN_FORMAT = 1
"""What an item is written in that is nothing special."""
_PLAIN = {"N": str(PLAIN_FORMAT)}
_KNOWN = tuple({"N": str(number)} for number in range(1, FORMAT + 1))


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
    """Return an item that names its format, without its empty texts, empty collections and unknown values.

    What is not there says the same.
    """
    encoded = {
        name: {"S": value} if type(value) is str else encode(value)
        for name, value in item.items()
        if value or value == 0
    }
    encoded.setdefault(FORMAT_NAME, _PLAIN)
    return encoded


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's plain values, its format left out.

    Raises:
        Unavailable: A newer release wrote it in a format unknown here; it is not guessed at, and waits for that release.
    """
    written = item.get(FORMAT_NAME)
    if written is None:
        return {name: value["S"] if "S" in value else decode(value) for name, value in item.items()}
    if written not in _KNOWN:
        raise _unknown_format(item)
    return {name: value["S"] if "S" in value else decode(value) for name, value in item.items() if name != FORMAT_NAME}


def _unknown_format(item: Mapping[str, Any]) -> Unavailable:
    place = f"{item['pk']['S']} {item['sk']['S']}" if "pk" in item and "sk" in item else "an item"
    (written,) = item[FORMAT_NAME].values()
    reason = f"{place} has format {str(written)[:20]}, and this release reads formats up to {FORMAT}"
    return Unavailable(reason, fix="deploy the newer release again")
