"""What every request shares: named placeholders, their values, and the refusal of those that are not used."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from buildgate.adapters.memory.dynamodb.values import Value, take_item
from buildgate.adapters.memory.errors import invalid

if TYPE_CHECKING:
    from buildgate.adapters.memory.dynamodb.syntax import Names

Values = dict[str, Value]
Check = Callable[[Values], None]


class Expression(Protocol):
    """What a compiled expression of any kind says about the placeholders it reads."""

    @property
    def label(self) -> str:
        """The request member it came from."""

    @property
    def names_used(self) -> frozenset[str]:
        """Its `#name` placeholders."""

    @property
    def values_used(self) -> frozenset[str]:
        """Its `:value` placeholders."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """Refusals that depend on the kinds of the values."""


def taken_names(names: dict[str, str] | None, *, has_expression: bool) -> Names:
    """Check ExpressionAttributeNames and return them as a hashable value."""
    if names is None:
        return ()
    if not has_expression:
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    if not names:
        raise invalid("ExpressionAttributeNames must not be empty")
    taken = tuple(names.items())
    _check_names(taken)
    return taken


@lru_cache(maxsize=4096)
def _check_names(names: Names) -> None:
    for placeholder, _ in names:
        if not placeholder.startswith("#") or len(placeholder) == 1:
            raise invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{placeholder}"')


def taken_values(values: dict[str, Any] | None, absent: str) -> Values:
    """Check and normalise ExpressionAttributeValues; `absent` names the expressions that were not given, if none."""
    if values is None:
        return {}
    if absent:
        raise invalid(f"ExpressionAttributeValues can only be specified when using expressions: {absent}")
    if not values:
        raise invalid("ExpressionAttributeValues must not be empty")
    for placeholder in values:
        if not placeholder.startswith(":") or len(placeholder) == 1:
            raise invalid(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{placeholder}"')
    return take_item(values)


@lru_cache(maxsize=4096)
def _wanted(expressions: tuple[Expression | None, ...]) -> tuple[frozenset[str], frozenset[str], tuple[Check, ...]]:
    """Return the names, values and checks of several expressions together, worked out once."""
    given = [expression for expression in expressions if expression is not None]
    return (
        frozenset().union(*(expression.names_used for expression in given)),
        frozenset().union(*(expression.values_used for expression in given)),
        tuple(check for expression in given for check in expression.checks),
    )


def check_placeholders(names: Names, values: Values, *expressions: Expression | None) -> None:
    """Refuse values that an expression reads and nobody gave, and names and values that no expression reads."""
    if not (names or values or any(expressions)):
        return
    names_used, values_used, checks = _wanted(expressions)
    if values.keys() != values_used:
        _refuse_absent(values, expressions)
    for check in checks:
        check(values)
    if len(names_used) != len(names):
        unused = ", ".join(name for name, _ in names if name not in names_used)
        raise invalid(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{unused}}}")
    if len(values_used) != len(values):
        unused = ", ".join(name for name in values if name not in values_used)
        raise invalid(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{unused}}}")


def _refuse_absent(values: Values, expressions: tuple[Expression | None, ...]) -> None:
    for expression in expressions:
        if expression is not None and not expression.values_used <= values.keys():
            missing = min(expression.values_used - values.keys())
            raise invalid(
                f"Invalid {expression.label}: An expression attribute value used in expression is not defined; "
                f"attribute value: {missing}"
            )
