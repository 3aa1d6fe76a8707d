"""What a rule about a project is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Project:
    """A project as rules see it: CreateProject's members beside Buildgate's own keys, as plain data.

    `statements` are the allowing statements of the service role's policies; None when nobody looked.
    """

    data: Mapping[str, Any]
    statements: Sequence[Mapping[str, Any]] | None = None
    is_role_missing: bool = False

    def at(self, *path: str) -> Any:
        """Return the value at a path, or None where something on the way is missing."""
        value: Any = self.data
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def items(self, *path: str) -> list[tuple[Path, Mapping[str, Any]]]:
        """Return the mappings in the list at a path, each with its own path."""
        found = self.at(*path)
        if not isinstance(found, list):
            return []
        return [((*path, index), one) for index, one in enumerate(found) if isinstance(one, dict)]

    def text(self, *path: str) -> str:
        """Return the text at a path; empty where there is none."""
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    @property
    def kind(self) -> str:
        """The environment type, e.g. `LINUX_CONTAINER`."""
        return self.text("environment", "type")

    @property
    def is_lambda(self) -> bool:
        return "_LAMBDA_" in self.kind


@dataclass(frozen=True)
class Found:
    """What a rule has against a project: where, what, and the way out."""

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
