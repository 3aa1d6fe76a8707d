"""How far a long reading has come: one moving line on a terminal's standard error, nothing through a pipe."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from buildgate_cli.output import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def reading(what: str) -> Iterator[Callable[[str, float | None], None]]:
    """Show what is read; the function given takes what was done in words, and as a ratio where the end is known."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def tell(said: str, ratio: float | None) -> None:
            total = None if ratio is None else 1.0
            progress.update(task, description=f"{what}: {said}", total=total, completed=ratio or 0.0)

        yield tell
