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
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    empty: str,
    right: Sequence[str] = (),
    folds_last: bool = False,
) -> None:
    """Print rows under their columns, or the sentence `empty`; the columns named in `right` are aligned right.

    On a narrow terminal the last column is cut, or folds when asked to, and the ones before it fold; figures, which are on
    the right, stay whole, and so does the first, which names the row, where they leave room for it. Cells are text (made safe here) or ready `Text` values.
    """
    if not rows:
        note(empty)
        return
    cells = [[cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        _print_plain(columns, cells, right)
        return
    table = _table(columns, [max(map(len, column)) for column in zip(columns, *cells, strict=True)], right, folds_last)
    for row in cells:
        table.add_row(*row)
    console.print(table, soft_wrap=False)


def _table(columns: Sequence[str], widths: Sequence[int], right: Sequence[str], folds_last: bool) -> Table:
    """Return an empty table whose columns share the terminal; `widths` are what they would like to have."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    gaps = 2 * (len(columns) - 1)
    least = [
        width if column in right else min(width, max(len(column), LAST_WIDTH))
        for column, width in zip(columns, widths, strict=True)
    ]
    least[0] = min(widths[0], max(console.width - sum(least[1:]) - gaps, LAST_WIDTH))
    for index, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column in right else "left"
        if index < len(columns) - 1:
            whole = least[index] if index == 0 or column in right else None
            table.add_column(column, justify=justify, overflow="fold", min_width=whole)
            continue
        room = max(console.width - sum(widths[:-1]) - gaps, least[-1])
        table.add_column(
            column,
            justify=justify,
            no_wrap=not folds_last,
            overflow="fold" if folds_last else "ellipsis",
            min_width=least[-1],
            max_width=room,
        )
    return table


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
