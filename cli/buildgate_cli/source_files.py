"""Files a person wrote, checked: every problem with its file, line, column, field, expectation and nearest name."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from buildgate_cli import yaml_positions
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from buildgate.domain.pipelines import Pipeline

PROBLEMS_SHOWN: Final = 25


@dataclass(frozen=True)
class FileProblem:
    """One problem at one place; `source` is the line of the file it points at."""

    file: str
    line: int
    column: int
    field: str
    message: str
    expected: str = ""
    nearest: str = ""
    fix: str = ""
    source: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        data = asdict(self)
        del data["source"]
        return data


class FileRefusedError(UserError):
    """A file with problems; exit code 1."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        first = problems[0]
        super().__init__(f"{first.file} has {_count(len(problems))}.", None, ExitCode.REFUSED)
        self.problems = tuple(problems)


def read_pipeline(path: Path) -> Pipeline:
    """Return the pipeline of a file (`-` is standard input).

    Raises:
        FileRefusedError: With every problem and its place.
    """
    from buildgate.inbound import pipeline_file  # noqa: PLC0415  # pydantic is loaded only where a file is read

    document, lines = read_document(path)
    try:
        return pipeline_file.parse(document.data)
    except pipeline_file.PipelineFileError as error:
        found = []
        for problem in error.problems:
            at = document.locate(problem.path, at_key=problem.is_key)
            words = (problem.field, problem.message, problem.expected, problem.nearest, problem.fix)
            found.append(FileProblem(str(path), at.line, at.column, *words, source=_line(lines, at.line)))
        raise FileRefusedError(sorted(found, key=lambda one: (one.line, one.column))) from error


def read_document(path: Path) -> tuple[yaml_positions.Document, list[str]]:
    """Return a YAML file's data with positions, and its lines; FileRefusedError when it is not YAML we read."""
    lines: list[str] = []
    try:
        text = _standard_input() if str(path) == "-" else yaml_positions.read_text(path)
        lines = text.splitlines()
        return yaml_positions.load(text), lines
    except yaml_positions.YamlError as error:
        at = error.position
        problem = FileProblem(
            str(path), at.line, at.column, "", error.message, fix=error.fix or "", source=_line(lines, at.line)
        )
        raise FileRefusedError([problem]) from error


def _standard_input() -> str:
    return yaml_positions.decode(sys.stdin.buffer.read(yaml_positions.SIZE_LIMIT_BYTES + 1))


def print_problems(problems: Sequence[FileProblem], to: Console = errors) -> None:
    """Print problems as compilers do: place and message, the line with a mark below, then the way out."""
    for problem in problems[:PROBLEMS_SHOWN]:
        head = Text(f"{problem.file}:{problem.line}:{problem.column}: ", style="bold")
        head.append(f"{problem.field}: " if problem.field else "", style="cyan")
        head.append(safe(problem.message), style="red")
        to.print(head)
        if problem.source.strip():
            _print_source(problem, to)
        for label, words in (("expected", problem.expected), ("nearest", problem.nearest), ("fix", problem.fix)):
            if words:
                to.print(Text(f"    {label}: {safe(words)}", style="dim"))
    if len(problems) > PROBLEMS_SHOWN:
        to.print(Text(f"... and {len(problems) - PROBLEMS_SHOWN} more problems", style="dim"))


def _print_source(problem: FileProblem, to: Console) -> None:
    start = max(0, problem.column - 60)
    shown = safe(problem.source[start : start + 100])
    gutter = f"{problem.line:>5} | "
    to.print(Text(f"{gutter}{shown}", style="dim"))
    to.print(Text(" " * (len(gutter) + problem.column - 1 - start) + "^", style="red"))


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
