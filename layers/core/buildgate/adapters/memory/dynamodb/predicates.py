"""What conditions ask of values: order, prefixes, membership and size."""

from __future__ import annotations

from buildgate.adapters.memory.dynamodb.values import Value, ordering, value_size


def is_ordered(operator: str, left: Value | None, right: Value | None) -> bool:
    """Whether left stands in this order to right; kinds that differ or have no order never do."""
    if left is None or right is None:
        return False
    one, two = ordering(left), ordering(right)
    if one is None or two is None or one[0] != two[0]:
        return False
    if operator == "<":
        return bool(one[1] < two[1])
    if operator == "<=":
        return bool(one[1] <= two[1])
    return bool(one[1] > two[1]) if operator == ">" else bool(one[1] >= two[1])


def begins(value: Value | None, prefix: Value | None) -> bool:
    """Whether a string or binary begins so."""
    if value is None or prefix is None:
        return False
    ((kind, content),) = value.items()
    ((other, start),) = prefix.items()
    return kind == other and kind in ("S", "B") and content.startswith(start)


def contains(value: Value | None, sought: Value | None) -> bool:
    """Whether a string has a part, a set a member or a list an element."""
    if value is None or sought is None:
        return False
    ((kind, content),) = value.items()
    ((other, part),) = sought.items()
    if kind == "L":
        return sought in content
    return (kind == other and kind in ("S", "B") and part in content) or (kind == other + "S" and part in content)


def size_value(value: Value | None) -> Value | None:
    """Return what size() gives: bytes of strings and binaries, elements of sets, lists and maps; None for the rest."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind in ("N", "BOOL", "NULL"):
        return None
    size = value_size(value) if kind in ("S", "B") else len(content)
    return {"N": str(size)}
