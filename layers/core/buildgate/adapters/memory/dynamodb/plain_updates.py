"""Updates that write whole attributes, as most do: applied in one pass, which also measures the item anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from buildgate.adapters.memory.dynamodb.values import Item, Value, add, number_size, sorted_members, value_size
from buildgate.adapters.memory.errors import AwsError, invalid

if TYPE_CHECKING:
    from buildgate.adapters.memory.dynamodb.syntax import Path

Operand = Callable[[Item, dict[str, Value]], Value]


class Plain(NamedTuple):
    """What a plain expression does: to attributes by name, each with the bytes of its name."""

    sets: tuple[tuple[str, int, Operand], ...]
    adds: tuple[tuple[str, int, str], ...]
    removes: tuple[tuple[str, int], ...]

    def apply(self, item: Item, size: int, values: dict[str, Value]) -> tuple[Item, int]:
        """Return the changed item and its size."""
        changed = dict(item)
        for name, length, operand in self.sets:
            old = item.get(name)
            changed[name] = new = operand(item, values)
            size += value_size(new) + (length if old is None else -value_size(old))
        for name, length, placeholder in self.adds:
            old, more = item.get(name), values[placeholder]
            if old is None:
                changed[name] = more
                size += value_size(more) + length
            elif "N" in old and "N" in more:
                number = old["N"]
                total = add(number, more["N"])
                changed[name] = {"N": total}
                size += number_size(total) - number_size(number)
            else:
                changed[name] = new = added(old, more)
                size += value_size(new) - value_size(old)
        for name, length in self.removes:
            old = changed.pop(name, None)
            size -= 0 if old is None else length + value_size(old)
        return changed, size


def plainly(sets: Sequence[tuple[Path, Operand]], adds: Sequence[tuple[Path, str]], removes: Sequence[Path]) -> Plain:
    """Return the parts of a plain expression, whose paths have one step each."""
    return Plain(
        tuple((*_attribute(path), operand) for path, operand in sets),
        tuple((*_attribute(path), placeholder) for path, placeholder in adds),
        tuple(_attribute(path) for path in removes),
    )


def _attribute(path: Path) -> tuple[str, int]:
    name = str(path[0])
    return name, len(name.encode())


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
