"""What a rule about a project is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from buildgate_cli.projects.model import Path, Project

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Found:
    """What a rule has against a project: where (in the API's names), what, and the way out."""

    path: Path
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule. The code never changes its meaning; `failing` triggers it and `fixed` is clean of it.

    `failing` and `fixed` are YAML, laid over a plain project. Severity follows the code unless it is given.
    """

    code: str
    title: str
    why: str
    check: Callable[[Project], Iterable[Found]] = field(repr=False)
    failing: str = ""
    fixed: str = ""
    given_severity: Severity | None = None

    @property
    def severity(self) -> Severity:
        """Return what the code's first digit stands for: 1 is refused by AWS, 9 worth knowing, any other a warning."""
        if self.given_severity is not None:
            return self.given_severity
        digit = self.code[2:3]
        return "error" if digit == "1" else "info" if digit == "9" else "warning"
