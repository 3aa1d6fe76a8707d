"""Condition and filter expressions, compiled once to closures over (item, values)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce

from buildgate.adapters.memory.dynamodb.predicates import begins, contains, is_ordered, size_value
from buildgate.adapters.memory.dynamodb.syntax import Names, Parser, Path, find, path_text
from buildgate.adapters.memory.dynamodb.values import KINDS, Item, Value, described
from buildgate.adapters.memory.errors import invalid

Values = dict[str, Value]
Test = Callable[[Item, Values], bool]
Read = Callable[[Item, Values], Value | None]
Check = Callable[[Values], None]

MAX_IN_OPERANDS = 100
_COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A compiled expression. `checks` are the refusals that depend on the values' kinds, made before any reading."""

    label: str
    test: Test
    names_used: frozenset[str]
    values_used: frozenset[str]
    checks: tuple[Check, ...]
    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class _Operand:
    read: Read
    path: Path | None = None
    value: str | None = None


@lru_cache(maxsize=4096)
def compile_condition(text: str, names: Names, label: str = "ConditionExpression") -> Condition:
    """Compile a ConditionExpression or FilterExpression; the same text and names compile once."""
    parser = _ConditionParser(text, names, label)
    test = parser.disjunction()
    parser.finish()
    return Condition(
        label,
        test,
        frozenset(parser.names_used),
        frozenset(parser.values_used),
        tuple(parser.checks),
        frozenset(parser.paths),
    )


class _ConditionParser(Parser):
    def __init__(self, text: str, names: Names, label: str) -> None:
        super().__init__(text, names, label)
        self.checks: list[Check] = []
        self.paths: set[Path] = set()

    def disjunction(self) -> Test:
        """Read conditions joined by OR, the loosest operator."""
        tests = [self._conjunction()]
        while self.accept("OR"):
            tests.append(self._conjunction())
        return reduce(_either, tests)

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self.accept("AND"):
            tests.append(self._negation())
        return reduce(_both, tests)

    def _negation(self) -> Test:
        if self.accept("NOT"):
            test = self._negation()
            return lambda item, values: not test(item, values)
        return self._primary()

    def _primary(self) -> Test:
        if self.peek() == "(":
            self.take()
            start = self._at
            test = self.disjunction()
            if self.peek(0) == ")" and self._is_wrapped(start):
                self.refuse("The expression has redundant parentheses;")
            self.expect(")")
            return test
        return self._simple()

    def _simple(self) -> Test:
        if self.peek(1) == "(" and self.word() != "SIZE":
            return self._function()
        left = self._operand()
        word = self.word()
        if word in _COMPARATORS:
            self.take()
            return self._comparison(word, left, self._operand())
        if self.accept("BETWEEN"):
            return self._between(left)
        if not self.accept("IN"):
            self.syntax_error()
        return self._membership(left)

    def _is_wrapped(self, start: int) -> bool:
        """Whether the tokens read since `start` are themselves one pair of parentheses."""
        if self._tokens[start] != "(" or self._tokens[self._at - 1] != ")":
            return False
        depth = 0
        for mark in self._tokens[start : self._at - 1]:
            depth += {"(": 1, ")": -1}.get(mark, 0)
            if not depth:
                return False
        return True

    def _operand(self) -> _Operand:
        token = self.peek()
        if token.startswith(":"):
            name = self.value_name()
            return _Operand(lambda _, values: values[name], value=name)
        if self.peek(1) == "(":
            name = self.take()
            if name != "size":
                self._refuse_name(name)
            path = self._size_path()
            return _Operand(lambda item, _: size_value(find(item, path)))
        path = self.path()
        self.paths.add(path)
        return _Operand(_reader(path), path=path)

    def _refuse_name(self, name: str) -> None:
        if name in _FUNCTIONS:
            self.refuse(f"The function is not allowed to be used this way in an expression; function: {name}")
        self.refuse(f"Invalid function name; function: {name}")

    def _size_path(self) -> Path:
        self.expect("(")
        operand = self._operand()
        self.expect(")")
        if operand.path is None:
            self.refuse("Operator or function requires a document path; operator or function: size")
        return operand.path

    def _comparison(self, operator: str, left: _Operand, right: _Operand) -> Test:
        if left.path is not None and left.path == right.path:
            self.refuse(
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {operator}, first operand: {path_text(left.path)}"
            )
        one, two = left.read, right.read
        if operator == "=":
            return lambda item, values: (found := one(item, values)) is not None and found == two(item, values)
        if operator == "<>":
            return lambda item, values: (found := one(item, values)) is None or found != two(item, values)
        self._check_ordered(operator, left, right)
        return lambda item, values: is_ordered(operator, one(item, values), two(item, values))

    def _check_ordered(self, operator: str, *operands: _Operand) -> None:
        for name in (operand.value for operand in operands if operand.value):
            self._check_kind(name, ("S", "N", "B"), f"operator: {operator}")

    def _check_kind(self, name: str, kinds: tuple[str, ...], what: str) -> None:
        label = self.label

        def check(values: Values) -> None:
            (kind,) = values[name]
            if kind not in kinds:
                raise invalid(
                    f"Invalid {label}: Incorrect operand type for operator or function; {what}, operand type: {kind}"
                )

        self.checks.append(check)

    def _between(self, left: _Operand) -> Test:
        low = self._operand()
        self.expect("AND")
        high = self._operand()
        self._check_ordered("BETWEEN", left, low, high)
        if low.value and high.value:
            self._check_bounds(low.value, high.value)
        read, bottom, top = left.read, low.read, high.read

        def test(item: Item, values: Values) -> bool:
            found = read(item, values)
            return is_ordered(">=", found, bottom(item, values)) and is_ordered("<=", found, top(item, values))

        return test

    def _check_bounds(self, low: str, high: str) -> None:
        label = self.label

        def check(values: Values) -> None:
            if not is_ordered("<=", values[low], values[high]):
                raise invalid(
                    f"Invalid {label}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
                    f"bound; lower bound operand: {described(values[low])}, "
                    f"upper bound operand: {described(values[high])}"
                )

        self.checks.append(check)

    def _membership(self, left: _Operand) -> Test:
        self.expect("(")
        reads = [self._operand().read]
        while self.accept(","):
            reads.append(self._operand().read)
        self.expect(")")
        if len(reads) > MAX_IN_OPERANDS:
            self.refuse("Too many operands for operator or function; operator or function: IN")
        one = left.read

        def test(item: Item, values: Values) -> bool:
            found = one(item, values)
            return found is not None and any(found == read(item, values) for read in reads)

        return test

    def _function(self) -> Test:
        name = self.take()
        if name not in _FUNCTIONS:
            self.refuse(f"Invalid function name; function: {name}")
        self.expect("(")
        operands = [self._operand()]
        while self.accept(","):
            operands.append(self._operand())
        self.expect(")")
        if len(operands) != _FUNCTIONS[name]:
            self.refuse(
                f"Incorrect number of operands for operator or function; operator or function: {name}, "
                f"number of operands: {len(operands)}"
            )
        if name != "contains" and operands[0].path is None:
            self.refuse(f"Operator or function requires a document path; operator or function: {name}")
        return self._call(name, operands)

    def _call(self, name: str, operands: list[_Operand]) -> Test:
        one, two = operands[0].read, operands[-1].read
        if name == "attribute_exists":
            return lambda item, values: one(item, values) is not None
        if name == "attribute_not_exists":
            return lambda item, values: one(item, values) is None
        if name == "contains":
            return lambda item, values: contains(one(item, values), two(item, values))
        value = operands[1].value
        if name == "begins_with":
            if value:
                self._check_kind(value, ("S", "B"), "operator or function: begins_with")
            return lambda item, values: begins(one(item, values), two(item, values))
        if not value:
            self.refuse("Operator or function requires a value; operator or function: attribute_type")
        self._check_type_name(value)
        return lambda item, values: (found := one(item, values)) is not None and values[value]["S"] in found

    def _check_type_name(self, name: str) -> None:
        self._check_kind(name, ("S",), "operator or function: attribute_type")
        label = self.label

        def check(values: Values) -> None:
            wanted = values[name]["S"]
            if wanted not in KINDS:
                listed = ",".join(KINDS)
                raise invalid(
                    f"Invalid {label}: Invalid attribute type name found; type: {wanted}, valid types: {{{listed}}}"
                )

        self.checks.append(check)


def _either(one: Test, two: Test) -> Test:
    return lambda item, values: one(item, values) or two(item, values)


def _both(one: Test, two: Test) -> Test:
    return lambda item, values: one(item, values) and two(item, values)


def _reader(path: Path) -> Read:
    if len(path) == 1:
        name = path[0]
        return lambda item, _: item.get(name)  # type: ignore[arg-type]
    return lambda item, _: find(item, path)
