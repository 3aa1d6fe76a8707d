"""What every request shares: named placeholders, their values, and the refusal of those that are not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from buildgate.adapters.memory.dynamodb.values import Value, take_item
from buildgate.adapters.memory.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from buildgate.adapters.memory.dynamodb.syntax import Names

Values = dict[str, Value]


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
    def checks(self) -> tuple[Callable[[Values], None], ...]:
        """Refusals that depend on the kinds of the values."""


def taken_names(names: dict[str, str] | None, *, has_expression: bool) -> Names:
    """Check ExpressionAttributeNames and return them as a hashable value."""
    if names is None:
        return ()
    if not has_expression:
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    if not names:
        raise invalid("ExpressionAttributeNames must not be empty")
    for placeholder in names:
        if not placeholder.startswith("#") or len(placeholder) == 1:
            raise invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{placeholder}"')
    return tuple(names.items())


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


def check_placeholders(names: Names, values: Values, expressions: Iterable[Expression | None]) -> None:
    """Refuse values that an expression reads and nobody gave, and names and values that no expression reads."""
    names_used: set[str] = set()
    values_used: set[str] = set()
    for expression in expressions:
        if expression is None:
            continue
        names_used |= expression.names_used
        values_used |= expression.values_used
        if not expression.values_used <= values.keys():
            missing = min(expression.values_used - values.keys())
            raise invalid(
                f"Invalid {expression.label}: An expression attribute value used in expression is not defined; "
                f"attribute value: {missing}"
            )
        for check in expression.checks:
            check(values)
    if len(names_used) != len(names):
        unused = ", ".join(name for name, _ in names if name not in names_used)
        raise invalid(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{unused}}}")
    if len(values_used) != len(values):
        unused = ", ".join(name for name in values if name not in values_used)
        raise invalid(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{unused}}}")
