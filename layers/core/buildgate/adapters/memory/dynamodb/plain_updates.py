"""Updates that write whole attributes, as most do: applied in one pass, which also measures the item anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from buildgate.adapters.memory.dynamodb.values import Item, Value, add, sorted_members, value_size
from buildgate.adapters.memory.errors import AwsError, invalid

if TYPE_CHECKING:
    from buildgate.adapters.memory.dynamodb.syntax import Path

MOST_BYTES_OF_NUMBER = 22
MOST_BYTES_OF_CHARACTER = 4


class Plain(NamedTuple):
    """What a plain expression does to attributes by name: `firsts` are set where there is nothing yet.

    `grown` are the bytes of names and of numbers added.
    """

    sets: tuple[tuple[str, str], ...]
    firsts: tuple[tuple[str, str], ...]
    adds: tuple[tuple[str, str], ...]
    removes: tuple[str, ...]
    grown: int

    def apply(self, item: Item, values: dict[str, Value]) -> tuple[Item, int]:
        """Return the changed item, and by how many bytes at most it is larger."""
        changed, more = dict(item), self.grown
        for name, placeholder in self.sets:
            changed[name] = new = values[placeholder]
            more += len(new["S"]) * MOST_BYTES_OF_CHARACTER if "S" in new else value_size(new)
        for name, placeholder in self.firsts:
            if name not in item:
                changed[name] = values[placeholder]
                more += value_size(values[placeholder])
        for name, placeholder in self.adds:
            old, given = item.get(name), values[placeholder]
            if "N" not in given:
                changed[name] = new = added(old, given)
                more += value_size(new)
            elif old is None:
                changed[name] = given
            elif "N" in old:
                changed[name] = {"N": add(old["N"], given["N"])}
            else:
                raise wrong_type()
        for name in self.removes:
            changed.pop(name, None)
        return changed, more


Given = Sequence[tuple["Path", str]]


def plainly(sets: Given, firsts: Given, adds: Given, removes: Sequence[Path]) -> Plain:
    """Return the parts of a plain expression, whose paths have one step each."""
    named = [str(path[0]) for path, *_ in (*sets, *firsts, *adds)]
    return Plain(
        _by_name(sets),
        _by_name(firsts),
        _by_name(adds),
        tuple(str(path[0]) for path in removes),
        sum(len(name.encode()) for name in named) + len(adds) * MOST_BYTES_OF_NUMBER,
    )


def _by_name(given: Given) -> tuple[tuple[str, str], ...]:
    return tuple((str(path[0]), placeholder) for path, placeholder in given)


def added(old: Value | None, more: Value) -> Value:
    """Return what ADD makes of a number or a set."""
    if old is None:
        return more
    ((kind, content),) = old.items()
    if kind not in more:
        raise wrong_type()
    if kind == "N":
        return {"N": add(content, more["N"])}
    return {kind: sorted_members(kind, list({*content, *more[kind]}))}


def wrong_type() -> AwsError:
    """Return the refusal of an operand that does not go with what is there."""
    return invalid("An operand in the update expression has an incorrect data type")
