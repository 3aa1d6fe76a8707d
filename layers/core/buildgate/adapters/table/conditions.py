"""What must be true of an item for a write to happen, or for a read to return it.

Plain classes and not named tuples: every start makes them, and a named tuple costs twenty times as much to make.
"""

from __future__ import annotations

from typing import Any


class _Comparison:
    __slots__ = ("name", "value")
    __match_args__ = ("name", "value")

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value


class _Presence:
    __slots__ = ("name",)
    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Group:
    __slots__ = ("of",)
    __match_args__ = ("of",)

    def __init__(self, of: tuple[Condition, ...]) -> None:
        self.of = of


class Is(_Comparison):
    """The attribute has this value."""

    __slots__ = ()


class IsNot(_Comparison):
    """The attribute is there and has another value."""

    __slots__ = ()


class IsOneOf(_Comparison):
    """The attribute has one of these values."""

    __slots__ = ()


class Below(_Comparison):
    """The attribute is less than this value."""

    __slots__ = ()


class Missing(_Presence):
    """The attribute is not there."""

    __slots__ = ()


class Present(_Presence):
    """The attribute is there."""

    __slots__ = ()


class Any_(_Group):  # noqa: N801 - the plain name is taken by typing
    """One of the conditions holds."""

    __slots__ = ()


class All(_Group):
    """Every one of the conditions holds."""

    __slots__ = ()


Condition = Is | IsNot | IsOneOf | Below | Missing | Present | Any_ | All


def needs_an_item(condition: Condition | None) -> bool:
    """Return whether the condition holds of no item that is not there, so that a write under it makes none."""
    match condition:
        case None | Missing() | IsNot():
            return False
        case Any_(of):
            return all(needs_an_item(one) for one in of)
        case All(of):
            return any(needs_an_item(one) for one in of)
        case _:
            return True
