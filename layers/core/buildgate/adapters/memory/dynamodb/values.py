"""Attribute values: checked and normalised on the way in, copied on the way out, measured as DynamoDB measures them.

A stored value is never changed in place: updates build new containers, so snapshots may share structure. Numbers are
kept in one canonical decimal form and sets sorted, so that two equal values are equal Python objects.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from buildgate.adapters.memory.errors import AwsError, invalid

Value = dict[str, Any]
Item = dict[str, Value]

KINDS = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")
KIND_WORDS = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
}
MAX_DEPTH = 32
MAX_DIGITS = 38
_EXACT = Context(prec=400)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHORT_FRACTION = re.compile(r"(?:0|[1-9]\d{0,17})\.\d{1,17}", re.ASCII)
_SET_WORDS = {"SS": "An string set ", "NS": "An number set "}
_ELEMENT = {"SS": "S", "NS": "N", "BS": "B"}


@lru_cache(maxsize=4096)
def number_text(text: str) -> str:
    """Return the canonical decimal form of a number: no exponent, no leading or trailing zeros.

    Refuses what DynamoDB refuses: more than 38 significant digits, or a magnitude outside 1E-130 .. 9.9E+125.
    """
    if len(text) <= MAX_DIGITS and text.isascii() and text.isdecimal() and (text[0] != "0" or len(text) == 1):
        return text
    if _SHORT_FRACTION.fullmatch(text):
        return text.rstrip("0").rstrip(".")
    if not _NUMBER.fullmatch(text):
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        return decimal_text(_EXACT.create_decimal(text))
    except InvalidOperation as error:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from error


def decimal_text(number: Decimal) -> str:
    """Return the canonical form of a computed number, or refuse it as out of range."""
    number = _EXACT.normalize(number)
    if not number:
        return "0"
    if len(number.as_tuple().digits) > MAX_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if number.adjusted() > 125:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number.adjusted() < -130:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    return format(number, "f")


def add(left: str, right: str, sign: int = 1) -> str:
    """Return left + sign * right, both canonical numbers."""
    if len(left) < 18 and len(right) < 18 and "." not in left and "." not in right:
        return str(int(left) + sign * int(right))
    other = Decimal(right)
    return decimal_text(_EXACT.add(Decimal(left), other if sign > 0 else -other))


def take_item(item: dict[str, Any], depth: int = 1) -> Item:
    """Check and normalise a whole item (or key, or map of expression values)."""
    taken = {}
    for name, value in item.items():
        if type(value) is dict and len(value) == 1:
            if type(text := value.get("S")) is str:
                taken[name] = {"S": text}
                continue
            if type(text := value.get("N")) is str:
                taken[name] = {"N": number_text(text)}
                continue
        taken[name] = take_value(value, depth)
    return taken


def take_sized(item: dict[str, Any]) -> tuple[Item, int]:
    """Check and normalise a whole item, and return it with its size."""
    taken, size = {}, _names_size(tuple(item))
    for name, value in item.items():
        if type(value) is dict and len(value) == 1 and type(text := value.get("S")) is str:
            taken[name] = {"S": text}
            size += len(text) if text.isascii() else len(text.encode())
        else:
            taken[name] = mine = take_value(value)
            size += value_size(mine)
    return taken, size


def take_value(value: Any, depth: int = 1) -> Value:
    """Check one value sent by a caller and return a normalised copy that shares nothing with it."""
    if type(value) is not dict or len(value) != 1:
        raise _wrong_shape(value)
    ((kind, content),) = value.items()
    if kind == "S":
        if type(content) is str:
            return {"S": content}
    elif kind == "N":
        if type(content) is str:
            return {"N": number_text(content)}
    elif kind == "M":
        _check_depth(depth)
        return {"M": take_item(content, depth + 1)}
    elif kind == "L":
        _check_depth(depth)
        return {"L": _take_list(content, depth + 1)}
    return _take_other(kind, content)


def _take_list(content: list[Any], depth: int) -> list[Value]:
    taken = []
    for child in content:
        text = child.get("N") if type(child) is dict and len(child) == 1 else None
        taken.append({"N": number_text(text)} if type(text) is str else take_value(child, depth))
    return taken


def _take_other(kind: str, content: Any) -> Value:
    if kind == "BOOL" and type(content) is bool:
        return {"BOOL": content}
    if kind == "NULL" and type(content) is bool:
        if not content:
            raise invalid(
                "One or more parameter values were invalid: Null attribute value types must have the value of true"
            )
        return {"NULL": True}
    if kind == "B" and isinstance(content, (bytes, bytearray)):
        return {"B": bytes(content)}
    if kind in _ELEMENT and isinstance(content, (list, tuple, set, frozenset)):
        return {kind: _take_set(kind, list(content))}
    raise AwsError("SerializationException", f"{type(content).__name__} cannot be read as an attribute of type {kind}")


def _take_set(kind: str, content: list[Any]) -> list[Any]:
    if not content:
        words = _SET_WORDS.get(kind)
        problem = f"{words} may not be empty" if words else "Binary sets should not be empty"
        raise invalid(f"One or more parameter values were invalid: {problem}")
    element = _ELEMENT[kind]
    members = [take_value({element: member})[element] for member in content]
    if len(set(members)) != len(members):
        listed = ", ".join(str(member) for member in members)
        raise invalid(f"One or more parameter values were invalid: Input collection [{listed}] contains duplicates.")
    return sorted_members(kind, members)


def sorted_members(kind: str, members: list[Any]) -> list[Any]:
    """Return set members in one order, so that equal sets are equal lists."""
    return sorted(members, key=Decimal) if kind == "NS" else sorted(members)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise invalid(
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit"
        )


def _wrong_shape(value: Any) -> AwsError:
    if not isinstance(value, dict):
        return AwsError("SerializationException", f"{type(value).__name__} is not an attribute value")
    if value:
        return invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
        )
    return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def copy_item(item: Item) -> Item:
    """Return a deep copy that a caller may change freely."""
    return {name: {"S": value["S"]} if "S" in value else copy_value(value) for name, value in item.items()}


def copy_value(value: Value) -> Value:
    """Return a deep copy of one value."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: copy_value(child) for name, child in content.items()}}
    if kind == "L":
        return {"L": [copy_value(child) for child in content]}
    if type(content) is list:
        return {kind: list(content)}
    return {kind: content}


def item_size(item: Item) -> int:
    """Return the size of an item in bytes: names and values, by DynamoDB's published rules."""
    size = _names_size(tuple(item))
    for value in item.values():
        if "S" in value:
            text = value["S"]
            size += len(text) if text.isascii() else len(text.encode())
        else:
            size += number_size(value["N"]) if "N" in value else value_size(value)
    return size


@lru_cache(maxsize=4096)
def _names_size(names: tuple[str, ...]) -> int:
    return sum(len(name.encode()) for name in names)


def value_size(value: Value) -> int:
    """Return the size of one value in bytes.

    Source: "DynamoDB item sizes and formats" in the developer guide. Numbers take one byte per two significant digits
    plus one (and one more if negative); lists and maps three bytes, plus one per element.
    """
    text = value.get("S")
    if text is not None:
        return len(text) if text.isascii() else len(text.encode())
    ((kind, content),) = value.items()
    if kind == "N":
        return number_size(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + item_size(content) + len(content)
    if kind == "L":
        sizes = [value_size(child) if "N" not in child else number_size(child["N"]) for child in content]
        return 3 + sum(sizes) + len(content)
    if kind == "B":
        return len(content)
    return sum(value_size({_ELEMENT[kind]: member}) for member in content)


def number_size(text: str) -> int:
    """Return the size in bytes of a number in its canonical form."""
    if text[-1] != "0" and text.isdecimal():
        return (len(text) + 1) // 2 + 1
    return _other_number_size(text)


@lru_cache(maxsize=4096)
def _other_number_size(text: str) -> int:
    negative = text.startswith("-")
    digits = len(text.replace(".", "").strip("-0")) or 1
    return (digits + 1) // 2 + 1 + negative


@lru_cache(maxsize=4096)
def _decimal(text: str) -> Decimal:
    return Decimal(text)


def ordering(value: Value) -> tuple[str, Any] | None:
    """Return (kind, comparable) of a string, number or binary; None for kinds that have no order."""
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, _decimal(content)
    return (kind, content) if kind in ("S", "B") else None


def described(value: Value) -> str:
    """Return a value as DynamoDB writes it in its messages, such as `AttributeValue: {S:b}`."""
    ((kind, content),) = value.items()
    return f"AttributeValue: {{{kind}:{content}}}"
