"""What commands print: results on standard output, remarks and errors on standard error.

On a terminal tables are drawn and coloured; through a pipe the same columns come out aligned and never cut, and
`print_json` gives machines the data itself.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from buildgate_cli.human import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from buildgate_cli.errors import UserError

console: Final = Console(highlight=False, soft_wrap=True)
errors: Final = Console(stderr=True, highlight=False, soft_wrap=True)

LAST_WIDTH: Final = 12
"""The least a table's last column shrinks to before the ones in the middle fold."""
_PIPE_WIDTH: Final = 10_000
_LOOKS: Final = {
    "SUCCEEDED": ("✔", "green"),
    "APPROVED": ("✔", "green"),
    "PASS": ("✔", "green"),
    "WARN": ("!", "yellow"),
    "FAILED": ("✘", "red"),
    "FAIL": ("✘", "red"),
    "ERROR": ("✘", "red"),
    "FAULT": ("✘", "red"),
    "REJECTED": ("✘", "red"),
    "EXPIRED": ("✘", "red"),
    "TIMED_OUT": ("✘", "red"),
    "STOPPED": ("■", "yellow"),
    "SUPERSEDED": ("■", "yellow"),
    "INCONCLUSIVE": ("?", "yellow"),
    "WAITING": ("⏸", "cyan"),
    "RUNNING": ("▶", "blue"),
    "IN_PROGRESS": ("▶", "blue"),
    "STARTING": ("▶", "blue"),
}


def status_text(status: object) -> Text:
    """Return a status with its sign and colour; the word itself is always there, so that colour is never needed."""
    word = safe(status).upper()
    sign, style = _LOOKS.get(word, ("·", "dim"))
    return Text(f"{sign} {word}", style=style)


def print_json(value: Any) -> None:
    """Print one JSON document on standard output, keys in the order given, and a newline."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def say(message: str, style: str | None = None) -> None:
    """Print one line of result on standard output, taken literally."""
    console.print(Text(message, style=style or ""))


def note(message: str) -> None:
    """Print one remark on standard error, so that standard output stays parseable."""
    errors.print(Text(message, style="dim"))


def print_error(error: UserError) -> None:
    """Print what is wrong and, below it, the way out."""
    text = Text("Error: ", style="bold red")
    text.append(error.message, style="not bold default")
    errors.print(text)
    if error.fix:
        errors.print(Text(f"  -> {error.fix}", style="cyan"))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str, right: Sequence[str] = ()
) -> None:
    """Print rows under their columns, or the sentence `empty`; the columns named in `right` are aligned right.

    On a narrow terminal the last column is cut and the ones before it fold; the first, which names the row, stays whole.
    Cells are text (made safe here) or ready `Text` values.
    """
    if not rows:
        note(empty)
        return
    cells = [[cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        _print_plain(columns, cells, right)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    widths = [max(len(column), *(len(row[index]) for row in cells)) for index, column in enumerate(columns)]
    room = console.width - sum(widths[:-1]) - 2 * (len(columns) - 1)
    for column, width in zip(columns[:-1], widths, strict=False):
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", min_width=width if column == columns[0] else None)
    last: Literal["left", "right"] = "right" if columns[-1] in right else "left"
    least = min(LAST_WIDTH, widths[-1])
    table.add_column(columns[-1], justify=last, no_wrap=True, min_width=least, max_width=max(room, least))
    for row in cells:
        table.add_row(*row)
    console.print(table, soft_wrap=False)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[Text]], right: Sequence[str]) -> None:
    """Print aligned columns without colour, drawing or cutting."""
    lines = [list(columns), *[[cell.plain for cell in row] for row in rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(padded).rstrip() + "\n")
    sys.stdout.flush()


def print_tree(tree: RenderableType) -> None:
    """Print a tree; on a terminal its lines fold, through a pipe they are as long as they are, and never cut."""
    if console.is_terminal:
        console.print(tree, soft_wrap=False)
        return
    Console(highlight=False, width=_PIPE_WIDTH, file=console.file).print(tree)


class Folding:
    """Something to draw live whose lines fold: those of a live display are cut at the terminal's edge otherwise."""

    def __init__(self, drawn: RenderableType) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._drawn, options.update(no_wrap=False, overflow="fold"))


def print_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Print labelled values, one a line, labels aligned; values that are None are left out."""
    shown = [(label, value) for label, value in facts if value is not None]
    width = max((len(label) for label, _ in shown), default=0)
    for label, value in shown:
        line = Text(f"{label:<{width}}  ", style="bold")
        line.append_text(value if isinstance(value, Text) else Text(safe(value), style="not bold"))
        console.print(line)
