"""Watching builds until the last has ended: one live table on a terminal, a line per change elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.live import Live
from rich.table import Table
from rich.text import Text

from buildgate.domain.errors import Corrupt
from buildgate_cli.builds import facts
from buildgate_cli.errors import ExitCode
from buildgate_cli.human import dollars, duration, safe
from buildgate_cli.output import console, print_table, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from buildgate.domain.builds import Build
    from buildgate_cli.builds.looking import Looker

COLUMNS: Final = ("BUILD", "STATUS", "PHASE", "TIME", "COST", "WHY")
BRIEF: Final = frozenset({"name", "build_id", "status", "phase", "duration_seconds", "cost_micro_usd", "reason"})
NOT_STARTED: Final = "NOT_STARTED"
STARTING: Final = "STARTING"
GONE: Final = "NOT_FOUND"
UNREADABLE: Final = "UNREADABLE"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Row:
    """One build that is watched: what a person calls it, its id, and what is known of it."""

    label: str
    build_id: str = ""
    build: Build | None = None
    status_word: str = STARTING
    why: str = ""

    @property
    def status(self) -> str:
        return self.build.status.value if self.build else self.status_word

    @property
    def is_over(self) -> bool:
        return self.build.status.is_finished if self.build else self.status_word in {NOT_STARTED, GONE, UNREADABLE}

    @property
    def reason(self) -> str:
        return self.why or (facts.reason(self.build) if self.build else "")

    @property
    def brief_reason(self) -> str:
        """The reason as tables show it."""
        return self.why or (facts.why(self.build) if self.build else "")

    def to_data(self, now: datetime) -> dict[str, Any]:
        known = facts.to_data(self.build, now) if self.build else {"build_id": self.build_id or None}
        return {"name": self.label, **known, "status": self.status, "reason": self.reason}

    def brief(self, now: datetime) -> dict[str, Any]:
        """Return what one change is about, without the details that the end brings."""
        return {name: value for name, value in self.to_data(now).items() if name in BRIEF}


@dataclass
class Watch:
    """One person's look at builds. `stop` stops one build; with `is_fail_fast` the first that fails stops the others."""

    looker: Looker
    rows: list[Row]
    as_json: bool = False
    is_fail_fast: bool = False
    stop: Callable[[str], None] = lambda _: None
    now: Callable[[], datetime] = _now
    _seen: dict[str, tuple[str, str]] = field(default_factory=dict)
    _is_stopping: bool = False

    def until_over(self) -> list[Row]:
        """Show the builds until each has ended, and return their rows."""
        if console.is_terminal and not self.as_json:
            with Live(get_renderable=self._table, console=console, refresh_per_second=4, transient=True):
                self._follow(lambda: None)  # drawn anew with each refresh, so that time and cost go on between looks
        else:
            self._follow(self._print_changes)
        return self.rows

    def _follow(self, show: Callable[[], None]) -> None:
        while True:
            self._look()
            self._stop_the_rest()
            show()
            if all(row.is_over for row in self.rows):
                return
            self.looker.pace.wait()

    def _look(self) -> None:
        still_open = {row.build_id: row for row in self.rows if row.build_id and not row.is_over}
        for found, unknown in self.looker.look(list(still_open)):
            for data in found:
                self._take(still_open[data["id"]], data)
            for build_id in unknown:
                still_open[build_id].build, still_open[build_id].status_word = None, GONE

    def _take(self, row: Row, data: dict[str, Any]) -> None:
        """Take what AWS says of a build; one that cannot be true is over for this watch, and says why."""
        try:
            row.build = facts.read(data)
        except Corrupt as error:
            row.build, row.status_word, row.why = None, UNREADABLE, str(error)

    def _stop_the_rest(self) -> None:
        """Stop what still runs once one has failed; asked once, for stopping takes a moment to show."""
        if not self.is_fail_fast or self._is_stopping:
            return
        failed = next((row for row in self.rows if row.is_over and row.status != "SUCCEEDED"), None)
        if failed is None:
            return
        self._is_stopping = True
        for row in self.rows:
            if not row.is_over and row.build_id:
                row.why = f"stopped because {failed.label} ended {failed.status}"
                self.stop(row.build_id)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in COLUMNS:
            is_last = column == COLUMNS[-1]  # cut, for a table of changing height flickers
            justify: Literal["left", "right"] = "right" if column in {"TIME", "COST"} else "left"
            table.add_column(column, justify=justify, no_wrap=is_last, overflow="ellipsis" if is_last else "fold")
        for cells in cells_of(self.rows, self.now()):
            table.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in cells))
        return table

    def _print_changes(self) -> None:
        at = self.now()
        for row in self.rows:
            phase = "" if row.is_over or row.build is None else row.build.current_phase
            seen = (row.status, phase)
            if self._seen.get(row.label) == seen:
                continue
            self._seen[row.label] = seen
            if self.as_json:
                print_line({"at": at.isoformat(timespec="seconds"), "event": "changed", "build": row.brief(at)})
            else:
                console.print(_line(row, at))


def cells_of(rows: Sequence[Row], now: datetime) -> list[list[object]]:
    """Return the cells of a table of watched builds, and a last row of sums when there are several."""
    cells = [_cells(row, now) for row in rows]
    if len(rows) > 1:
        known = [row.build for row in rows if row.build]
        longest = max((facts.seconds(build, now) for build in known), default=None)
        cells.append([Text("all", style="bold"), "", "", duration(longest), dollars(total_micro_usd(rows, now)), ""])
    return cells


def total_micro_usd(rows: Sequence[Row], now: datetime) -> int | None:
    """Return what the builds cost together so far; None when the price of one of them is unknown."""
    costs = [facts.cost_micro_usd(row.build, now) for row in rows if row.build]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def _cells(row: Row, now: datetime) -> list[object]:
    build = row.build
    phase = "-" if build is None or row.is_over else build.current_phase
    took = duration(facts.seconds(build, now)) if build else "-"
    cost = dollars(facts.cost_micro_usd(build, now)) if build else "-"
    return [row.label, status_text(row.status), phase, took, cost, facts.first_line(row.brief_reason)]


def _line(row: Row, at: datetime) -> Text:
    line = Text.assemble((f"{at.astimezone():%H:%M:%S} ", "dim"), f"{safe(row.label)}: ", status_text(row.status))
    if row.build and not row.is_over:
        line.append(f"  {row.build.current_phase}", style="dim")
    if row.build and row.is_over:
        line.append(f"  {duration(facts.seconds(row.build, at))}", style="dim")
    line.append(f"  {facts.first_line(row.brief_reason)}" if row.reason else "", style="red")
    return line


def print_line(value: dict[str, Any]) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def finish(watch: Watch) -> int:
    """Print how the builds ended, and return the exit code: 0 when all SUCCEEDED, else 1."""
    now, rows = watch.now(), watch.rows
    is_good = all(row.status == "SUCCEEDED" for row in rows)
    if watch.as_json:
        data = [row.to_data(now) for row in rows]
        status = "SUCCEEDED" if is_good else "FAILED"
        total = total_micro_usd(rows, now)
        print_line({"event": "finished", "status": status, "cost_micro_usd": total, "builds": data})
    else:
        print_table(COLUMNS, cells_of(rows, now), empty="No build.", right=("TIME", "COST"))
        for row in rows:
            if row.status not in {"SUCCEEDED", NOT_STARTED} and row.build_id:
                console.print(Text(f"  buildgate build logs {row.build_id}", style="cyan"))
    return ExitCode.OK if is_good else ExitCode.REFUSED
