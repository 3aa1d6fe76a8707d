"""What a lint rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


def severity_of(code: str) -> Severity:
    """Return the severity that a code's first digit stands for: 1 error, 9 info, any other warning."""
    digit = code[2:3]
    if digit == "1":
        return "error"
    return "info" if digit == "9" else "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. The code never changes its meaning; `failing` triggers it and `fixed` is clean of it.

    `options` and `fixed_options` are the command-line options that the two examples need.
    """

    code: str
    title: str
    why: str
    failing: str
    fixed: str
    options: tuple[str, ...] = ()
    fixed_options: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return severity_of(self.code)
