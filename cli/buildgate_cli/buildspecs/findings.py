"""What lint finds, and the sink that gathers it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.rules.rule import Severity, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `line` and `column` count from 1; `fix` may be empty."""

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    fix: str

    def to_data(self) -> dict[str, str | int]:
        """Return the finding as `lint --json` prints it."""
        return asdict(self)


LIMIT = 1_000  # findings of one file; more help nobody


class Gathered:
    """A sink that keeps every problem of one file once, whatever number of aliases lead to it.

    After `LIMIT` findings only the first error is still taken, so that a refused file is always told apart.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[tuple[int, int, str, str], Finding] = {}

    def add(self, code: str, node: tree.Node | None, message: str, *, fix: str = "", refusal: str = "") -> None:
        line = tree.line_of(node) if node is not None else 1
        column = tree.column_of(node) if node is not None else 1
        self.add_at(code, line, column, message, fix=fix, refusal=refusal)

    def add_at(self, code: str, line: int, column: int, message: str, *, fix: str = "", refusal: str = "") -> None:
        if len(self._found) >= LIMIT and (severity_of(code) != "error" or has_errors(self._found.values())):
            return
        said = f"{message} (CodeBuild: {refusal})" if refusal else message
        found = Finding(self._file, line, column, code, severity_of(code), said, fix)
        self._found.setdefault((line, column, code, said), found)

    def findings(self) -> list[Finding]:
        """Return the findings in the order of the file."""
        return [found for _, found in sorted(self._found.items())]


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def has_warnings(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "warning" for finding in findings)
