"""Reads a SAM template: its short-form tags, and what its intrinsic functions come to in this account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_REFERENCE = re.compile(r"\$\{(!?)([^}]+)\}")


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": x}` and `!GetAtt a.b` as `{"Fn::GetAtt": "a.b"}`."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


@lru_cache(maxsize=8)
def load_template(path: Path) -> dict[str, Any]:
    """Return a template as plain data, intrinsic functions in their long form; read once, and not to be changed."""
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader with tags  # nosec B506
    return dict(data)


@dataclass(slots=True)
class Resolver:
    """Evaluates intrinsic functions.

    `values` holds parameters and pseudo parameters; `reference` gives what Ref, and `attribute` what GetAtt, of a
    resource is.
    """

    template: Mapping[str, Any]
    values: dict[str, Any]
    reference: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    _conditions: dict[str, bool] = field(default_factory=dict)

    def of(self, node: Any) -> Any:
        """Return a node with every intrinsic function in it evaluated."""
        if isinstance(node, list):
            return [self.of(member) for member in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, operand),) = node.items()
            if name == "Ref":
                return self._ref(operand)
            if name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), operand)
        return {name: self.of(member) for name, member in node.items()}

    def _ref(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.reference(name)

    def _call(self, name: str, operand: Any) -> Any:
        if name == "GetAtt":
            resource, attribute = operand.split(".", 1) if isinstance(operand, str) else operand
            return self.attribute(resource, attribute)
        if name == "Sub":
            return self._substituted(operand)
        if name == "If":
            condition, yes, no = operand
            return self.of(yes if self.holds(condition) else no)
        if name == "Join":
            separator, parts = self.of(operand)
            return separator.join(parts)
        raise ValueError(f"the template uses Fn::{name}, which this reader does not know")

    def _substituted(self, operand: Any) -> str:
        text, extra = (operand, {}) if isinstance(operand, str) else (operand[0], self.of(operand[1]))

        def replacement(match: re.Match[str]) -> str:
            if match.group(1):
                return f"${{{match.group(2)}}}"
            name = match.group(2).strip()
            if name in extra:
                return str(extra[name])
            return str(self._call("GetAtt", name) if "." in name else self._ref(name))

        return _REFERENCE.sub(replacement, text)

    def holds(self, condition: str) -> bool:
        """Whether a named condition holds."""
        if condition not in self._conditions:
            self._conditions[condition] = self._truth(self.template["Conditions"][condition])
        return self._conditions[condition]

    def _truth(self, node: Any) -> bool:
        ((name, operand),) = node.items()
        if name == "Condition":
            return self.holds(operand)
        if name == "Fn::Not":
            return not self._truth(operand[0])
        if name == "Fn::And":
            return all(self._truth(part) for part in operand)
        if name == "Fn::Or":
            return any(self._truth(part) for part in operand)
        left, right = self.of(operand)
        return str(left) == str(right)
