"""Watching a run until it ends: a live tree on a terminal, one line per change through a pipe or for programs."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from buildgate_cli import run_tree
from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.human import dollars, duration, elapsed, moment
from buildgate_cli.output import Folding, console, note, print_tree, status_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from buildgate_cli.api_client import ApiClient

LOCAL_SECONDS: Final = 0.5
AWS_SECONDS: Final = 5.0
FRESH: Final = timedelta(seconds=60)
_WHY_NOT: Final = "`buildgate repo pushes NAME` says why a push opened none"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Watch:
    """One person's look at runs: how often to ask, how to show, and when a run counts as just begun."""

    client: ApiClient
    interval_seconds: float
    as_json: bool = False
    follows_latest: bool = False
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = _now
    _seen: dict[str, Text] = field(default_factory=dict)

    def newest(self, *, pipeline: str | None, wait_seconds: float) -> str:
        """Return the id of the newest run; an active or fresh one at once, an old one only after waiting in vain.

        A push becomes a run within seconds, so someone who pushed a moment ago means the run that is about to appear.
        """
        waited = 0.0
        while True:
            found = self.client.get("runs", pipeline=pipeline, limit=1)["runs"]
            if found and self._is_current(found[0]):
                return str(found[0]["run_id"])
            if found and waited >= wait_seconds:
                if waited and not self.as_json:
                    note(f"No new run; {_WHY_NOT}. The newest one:")
                return str(found[0]["run_id"])
            if waited >= wait_seconds:
                fix = f"Push to a repository that a pipeline's trigger names; {_WHY_NOT}."
                raise UserError("There is no run yet.", fix, 1)
            if waited == 0.0 and not self.as_json:
                note("Waiting for a run to appear ...")
            self.pause(self.interval_seconds)
            waited += self.interval_seconds

    def _is_current(self, run: dict[str, Any]) -> bool:
        started = moment(run.get("started_at"))
        return not run_tree.is_final(run) or (started is not None and self.now() - started < FRESH)

    def until_over(self, run_id: str) -> dict[str, Any]:
        """Show the run until it has ended and return it; with `follows_latest`, go on with each newer run."""
        live = console.is_terminal and not self.as_json
        run = self._live(run_id) if live else self._lines(run_id)
        while self.follows_latest:
            newer = self.client.get("runs", pipeline=run["pipeline"], limit=1)["runs"]
            if not newer or newer[0]["run_id"] == run["run_id"]:
                break
            run = self._live(newer[0]["run_id"]) if live else self._lines(newer[0]["run_id"])
        return run

    def _get(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.client.get("runs", run_id)["run"]
        return run

    def _has_newer(self, run: dict[str, Any]) -> bool:
        if not self.follows_latest:
            return False
        newest = self.client.get("runs", pipeline=run["pipeline"], limit=1)["runs"]
        return bool(newest) and newest[0]["run_id"] != run["run_id"]

    def _live(self, run_id: str) -> dict[str, Any]:
        run = self._get(run_id)
        spinners = {"build": Spinner("dots", style="blue")}

        def shown() -> RenderableType:  # anew with each refresh: time goes on between two looks
            return Folding(run_tree.tree(run, self.now(), spinners))

        with Live(get_renderable=shown, console=console, refresh_per_second=4, transient=True):
            while not run_tree.is_final(run) and not self._has_newer(run):
                self.pause(self.interval_seconds)
                run = self._get(run_id)
        print_tree(run_tree.tree(run, self.now()))
        print_outcome(run, self.now())
        return run

    def _lines(self, run_id: str) -> dict[str, Any]:
        while True:
            run = self._get(run_id)
            self._print_changes(run)
            if run_tree.is_final(run) or self._has_newer(run):
                break
            self.pause(self.interval_seconds)
        if self.as_json:
            _print_line({"run": run})
        else:
            print_outcome(run, self.now())
        return run

    def _print_changes(self, run: dict[str, Any]) -> None:
        lines = run_tree.facts(run)
        at = self.now()
        for key, line in run_tree.changes(self._seen, lines):
            if self.as_json:
                _print_line({"at": at.isoformat(timespec="seconds"), "what": key, "text": line.plain})
            else:
                console.print(Text.assemble((f"{at.astimezone():%H:%M:%S} ", "dim"), line))
        self._seen = lines


def print_outcome(run: dict[str, Any], now: datetime) -> None:
    """Print the last line of a run: how it ended, in what time, for how much."""
    line = Text("run ")
    line.append_text(status_text(run["status"]))
    line.append(f" in {duration(elapsed(run.get('started_at'), run.get('finished_at'), now))}")
    spent = run_tree.cost(run)
    line.append(f", builds cost {dollars(spent)}" if spent is not None else "")
    console.print(line)


def exit_code(run: dict[str, Any]) -> int:
    """Return 0 for SUCCEEDED, 1 for every other end."""
    return ExitCode.OK if run["status"] == "SUCCEEDED" else ExitCode.REFUSED


def _print_line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
