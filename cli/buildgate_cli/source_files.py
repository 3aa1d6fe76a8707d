"""Files a person wrote, checked: every problem with its file, line, column, field, expectation and nearest name."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from buildgate_cli import yaml_positions
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import safe
from buildgate_cli.output import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.console import Console

    from buildgate.domain.pipelines import Pipeline

PROBLEMS_SHOWN: Final = 25
_FIELD_PART: Final = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")


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

    def print_details(self) -> None:
        """Print every problem with its place: the sentence only counts them."""
        print_problems(self.problems)


@dataclass(frozen=True)
class PipelineSource:
    """A pipeline with the file it was read from, so that later complaints can point into it."""

    path: Path
    document: yaml_positions.Document
    lines: Sequence[str]
    pipeline: Pipeline

    def problem_at(self, field: str, message: str, fix: str | None) -> FileProblem | None:
        """Return a complaint of the cloud about a field as a problem of the file; None when no such field is in it."""
        path: yaml_positions.Path = tuple(
            int(number) if number else name for name, number in _FIELD_PART.findall(field)
        )
        if not path or path not in self.document.values:
            return None
        at = self.document.locate(path)
        source = _line(self.lines, at.line)
        return FileProblem(str(self.path), at.line, at.column, field, message, fix=fix or "", source=source)


def read_pipeline(path: Path) -> PipelineSource:
    """Return the pipeline of a file (`-` is standard input).

    Raises:
        FileRefusedError: With every problem and its place.
    """
    from buildgate.inbound import pipeline_file  # noqa: PLC0415  # pydantic is loaded only where a file is read

    document, lines = read_document(path)
    try:
        return PipelineSource(path, document, lines, pipeline_file.parse(document.data))
    except pipeline_file.PipelineFileError as error:
        raise FileRefusedError(located(path, document, lines, error.problems)) from error


def located(
    path: Path, document: yaml_positions.Document, lines: Sequence[str], problems: Iterable[Any]
) -> list[FileProblem]:
    """Return problems that have a path into the data as problems at a line and column, in the file's order."""
    found = []
    for problem in problems:
        at = document.locate(problem.path, at_key=problem.is_key)
        words = (problem.field, problem.message, problem.expected, problem.nearest, problem.fix)
        found.append(FileProblem(str(path), at.line, at.column, *words, source=_line(lines, at.line)))
    return sorted(found, key=lambda one: (one.line, one.column))


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
