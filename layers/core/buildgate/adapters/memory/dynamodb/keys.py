"""Key conditions of a query: equality on the partition key, and at most one range on the sort key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from buildgate.adapters.memory.dynamodb.syntax import Names, Parser
from buildgate.adapters.memory.errors import invalid

_LABEL = "KeyConditionExpression"
_COMPARATORS = ("=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: an attribute, an operator (a comparator, BETWEEN or begins_with) and value placeholders."""

    attribute: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KeyCondition:
    """A compiled KeyConditionExpression, its terms in the order written."""

    label: ClassVar[str] = _LABEL
    checks: ClassVar[tuple[()]] = ()
    terms: tuple[Term, ...]
    names_used: frozenset[str]
    values_used: frozenset[str]


@lru_cache(maxsize=4096)
def split(condition: KeyCondition, partition_key: str, sort_key: str | None) -> tuple[Term, Term | None]:
    """Return (partition term, sort term or None), refusing what a query cannot use."""
    by_name = {term.attribute: term for term in condition.terms}
    if len(by_name) < len(condition.terms):
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    partition = by_name.pop(partition_key, None)
    if partition is None:
        raise invalid(f"Query condition missed key schema element: {partition_key}")
    if partition.operator != "=":
        raise invalid("Query key condition not supported")
    if not by_name:
        return partition, None
    sort = by_name.pop(sort_key or "", None)
    if sort is None or by_name:
        raise invalid(f"Query condition missed key schema element: {sort_key}")
    return partition, sort


@lru_cache(maxsize=4096)
def compile_key_condition(text: str, names: Names) -> KeyCondition:
    """Compile a KeyConditionExpression; the same text and names compile once."""
    parser = _KeyParser(text, names, _LABEL)
    terms = [parser.term()]
    while parser.accept("AND"):
        terms.append(parser.term())
    if parser.word() in ("OR", "NOT", "IN", "<>"):
        parser.refuse(f"Invalid operator used in {_LABEL}: {parser.word()}")
    parser.finish()
    if len(terms) > 2:
        raise invalid("Conditions can be of length 1 or 2 only")
    return KeyCondition(tuple(terms), frozenset(parser.names_used), frozenset(parser.values_used))


class _KeyParser(Parser):
    def term(self) -> Term:
        if self.peek() == "(":
            self.take()
            term = self.term()
            self.expect(")")
            return term
        if self.peek(1) == "(":
            return self._prefix()
        attribute = self._attribute()
        if self.accept("BETWEEN"):
            low = self.value_name()
            self.expect("AND")
            return Term(attribute, "BETWEEN", (low, self.value_name()))
        operator = self.take()
        if operator not in _COMPARATORS:
            self._at -= 1
            if operator.upper() in ("<>", "IN"):
                self.refuse(f"Invalid operator used in {_LABEL}: {operator}")
            self.syntax_error()
        return Term(attribute, operator, (self.value_name(),))

    def _prefix(self) -> Term:
        if self.peek() != "begins_with":
            self.refuse(f"Invalid operator used in {_LABEL}: {self.peek()}")
        self.take()
        self.expect("(")
        attribute = self._attribute()
        self.expect(",")
        prefix = self.value_name()
        self.expect(")")
        return Term(attribute, "begins_with", (prefix,))

    def _attribute(self) -> str:
        path = self.path()
        if len(path) > 1:
            self.refuse("KeyConditionExpressions cannot have conditions on nested attributes")
        return str(path[0])
